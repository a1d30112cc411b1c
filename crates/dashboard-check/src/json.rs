//! Reads parts of a dashboard's JSON. A part that is missing is empty.

use serde_json::Value;

/// Every panel, also inside collapsed rows. Without rows and texts, which have no queries.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut all = Vec::new();
    for panel in list(&dashboard["panels"]) {
        all.push(panel);
        all.extend(list(&panel["panels"]));
    }
    all.retain(|panel| !matches!(text(&panel["type"]), "row" | "text"));
    all
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
