//! The YAML form of expectations and stop rules. Used only in `catalogue`.

use daemon_core::values::Positive;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::catalogue) struct Expectation {
    pub(in crate::catalogue) name: String,
    #[serde(default)]
    pub(in crate::catalogue) judges: Judges,
    pub(in crate::catalogue) phase: Phase,
    pub(in crate::catalogue) must: Must,
    pub(in crate::catalogue) promql: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::catalogue) enum Judges {
    #[default]
    Client,
    Fault,
    Baseline,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::catalogue) enum Phase {
    Stabilization,
    Testing,
    Recovery,
    Run,
}

/// `always`, `{ within: 5s }` or `{ compare: { at_least: 0.9 } }`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::catalogue) enum Must {
    Word(Word),
    Rule(Rule),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::catalogue) enum Word {
    Always,
    Never,
    Sometime,
    AtEnd,
}

/// One of the keys is needed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(in crate::catalogue) struct Rule {
    pub(in crate::catalogue) within: Option<Positive>,
    pub(in crate::catalogue) compare: Option<Compare>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(in crate::catalogue) struct Compare {
    pub(in crate::catalogue) at_least: Option<f64>,
    pub(in crate::catalogue) at_most: Option<f64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::catalogue) struct StopRule {
    pub(in crate::catalogue) name: String,
    pub(in crate::catalogue) promql: String,
    #[serde(rename = "for")]
    pub(in crate::catalogue) lasting: Positive,
}
