//! Why a result is inconclusive, and the paragraph of docs/verdicts.md that explains it. Pure.

/// Why a result is inconclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// Data is missing or too old, or a phase was too short.
    Data,
    /// The fault had no visible effect.
    NoEffect,
    /// The client was unhealthy before the fault.
    UnhealthyBaseline,
    /// The machine, a proxy or a node can have caused the failure.
    Machine,
}

impl Cause {
    #[cfg(test)]
    const ALL: [Cause; 4] = [Cause::Data, Cause::NoEffect, Cause::UnhealthyBaseline, Cause::Machine];

    /// Where the documentation explains it.
    pub(crate) const fn page(self) -> &'static str {
        match self {
            Cause::Data => "docs/verdicts.md#data-is-missing",
            Cause::NoEffect => "docs/verdicts.md#the-fault-had-no-effect",
            Cause::UnhealthyBaseline => "docs/verdicts.md#the-client-was-unhealthy-before-the-fault",
            Cause::Machine => "docs/verdicts.md#the-machine-was-too-slow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_paragraph() {
        let page = std::fs::read_to_string(testkit::workspace().join("docs/verdicts.md")).unwrap();
        let anchors: Vec<String> = page
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-"))
            .collect();
        for cause in Cause::ALL {
            let (_, anchor) = cause.page().split_once('#').unwrap();
            assert!(anchors.iter().any(|known| known == anchor), "{anchor} in {anchors:?}");
        }
    }
}
