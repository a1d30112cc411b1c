//! Reads one JSON schema: its kinds, keys, words and bounds. Nothing is reported here.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::node::{Node, Scalar, Value};
use crate::values;

pub(super) fn kinds(schema: &Map<String, Json>) -> BTreeSet<&str> {
    match schema.get("type") {
        Some(Json::String(kind)) => BTreeSet::from([kind.as_str()]),
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

pub(super) fn properties(schema: &Map<String, Json>) -> &Map<String, Json> {
    static NONE: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
    schema.get("properties").and_then(Json::as_object).unwrap_or(&NONE)
}

/// Whether a branch of a choice accepts this kind of node.
pub(super) fn fits(node: &Node, branch: &Map<String, Json>) -> bool {
    let kinds = kinds(branch);
    match &node.value {
        Value::Mapping(_) => kinds.contains("object"),
        Value::List(_) => kinds.contains("array"),
        Value::Scalar(Scalar::Null) => kinds.contains("null"),
        Value::Scalar(Scalar::Bool(_)) => kinds.contains("boolean"),
        Value::Scalar(Scalar::Integer(_)) => kinds.contains("integer") || kinds.contains("number"),
        Value::Scalar(Scalar::Float(_)) => kinds.contains("number"),
        Value::Scalar(Scalar::Text(_)) => kinds.contains("string"),
    }
}

/// The key that has a constant in every branch.
pub(super) fn tag_of<'s>(branches: &[&'s Map<String, Json>]) -> Option<&'s str> {
    let (first, rest) = branches.split_first()?;
    let constant = |branch: &Map<String, Json>, key: &str| {
        properties(branch).get(key).is_some_and(|p| p.get("const").is_some())
    };
    properties(first)
        .keys()
        .map(String::as_str)
        .find(|key| constant(first, key) && rest.iter().all(|b| constant(b, key)))
}

/// The words that string branches allow.
pub(super) fn words<'s>(branches: &[&'s Map<String, Json>]) -> impl Iterator<Item = &'s str> {
    branches.iter().copied().flat_map(|branch| {
        let listed = branch.get("enum").and_then(Json::as_array).into_iter().flatten();
        listed.chain(branch.get("const")).filter_map(Json::as_str)
    })
}

/// The forms of a value, from a description that begins with one of them.
pub(super) fn forms(schema: &Map<String, Json>) -> Option<&str> {
    let description = schema.get("description").and_then(Json::as_str)?;
    description.starts_with('`').then(|| description.trim_end_matches('.'))
}

pub(super) fn out_of_range(value: f64, schema: &Map<String, Json>) -> Option<String> {
    let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
    if !value.is_finite() {
        return Some("a finite number".to_owned());
    }
    if let Some(min) = bound("exclusiveMinimum").filter(|min| value <= *min) {
        return Some(format!("above {min}"));
    }
    if let Some(max) = bound("exclusiveMaximum").filter(|max| value >= *max) {
        return Some(format!("below {max}"));
    }
    if let Some(min) = bound("minimum").filter(|min| value < *min) {
        return Some(format!("at least {min}"));
    }
    let max = bound("maximum").or(match schema.get("format").and_then(Json::as_str) {
        Some("uint8") => Some(f64::from(u8::MAX)),
        Some("uint16") => Some(f64::from(u16::MAX)),
        Some("uint32") => Some(f64::from(u32::MAX)),
        // The largest number below 2^64 that a float holds exactly.
        Some("uint" | "uint64") => Some(18_446_744_073_709_549_568.0),
        _ => None,
    });
    max.filter(|max| value > *max).map(|max| format!("at most {max}"))
}

pub(super) fn describe(schema: &Map<String, Json>) -> &'static str {
    let kinds = kinds(schema);
    let has = |kind: &str| kinds.contains(kind);
    match schema.get("format").and_then(Json::as_str).and_then(values::describe_format) {
        Some(described) => described,
        None if has("object") => "a mapping",
        None if has("array") => "a list",
        None if has("integer") => "a whole number",
        None if has("number") => "a number",
        None if has("boolean") => "true or false",
        None if has("string") => "text",
        None => "",
    }
}
