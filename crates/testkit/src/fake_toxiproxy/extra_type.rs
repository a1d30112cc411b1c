//! A type of toxics that the real Toxiproxy lacks. The real Toxiproxy gets a `noop` in its place; callers see the extra type.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The type, and the attributes of its toxics by name.
pub(super) struct ExtraType {
    kind: String,
    toxics: BTreeMap<String, Value>,
}

impl ExtraType {
    pub(super) fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), toxics: BTreeMap::new() }
    }

    /// The body for the real Toxiproxy, if this body adds a toxic of the extra type.
    pub(super) fn replace_in_request(&mut self, body: &str) -> Option<String> {
        let mut toxic: Value = serde_json::from_str(body).ok()?;
        if toxic["type"] != self.kind.as_str() {
            return None;
        }
        self.toxics.insert(toxic["name"].as_str()?.to_owned(), toxic["attributes"].take());
        toxic["type"] = "noop".into();
        toxic["attributes"] = json!({});
        Some(toxic.to_string())
    }

    /// The answer for the caller, with the toxics of the extra type as they were added.
    pub(super) fn restore_in_answer(&self, answer: &str) -> Option<String> {
        let mut answer: Value = serde_json::from_str(answer).ok()?;
        self.restore(&mut answer);
        Some(answer.to_string())
    }

    fn restore(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.restore(value)),
            Value::Object(fields) => {
                let name = fields.get("name").and_then(Value::as_str);
                let attributes = name.and_then(|name| self.toxics.get(name)).cloned();
                let is_noop = fields.get("type").and_then(Value::as_str) == Some("noop");
                if let Some(attributes) = attributes.filter(|_| is_noop) {
                    fields.insert("type".to_owned(), self.kind.as_str().into());
                    fields.insert("attributes".to_owned(), attributes);
                }
                fields.values_mut().for_each(|value| self.restore(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
