//! A type of toxics that the real Toxiproxy lacks: behind the fake they are its `noop`, in front of it what was asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One such type, and the toxics of it that were asked for, by name.
pub(super) struct Added {
    kind: String,
    asked: BTreeMap<String, Value>,
}

impl Added {
    pub(super) fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), asked: BTreeMap::new() }
    }

    /// The body that the real one understands, where it asks for a toxic of this type.
    pub(super) fn hide(&mut self, body: &str) -> Option<String> {
        let mut toxic: Value = serde_json::from_str(body).ok()?;
        if toxic["type"] != self.kind.as_str() {
            return None;
        }
        self.asked.insert(toxic["name"].as_str()?.to_owned(), toxic["attributes"].take());
        toxic["type"] = "noop".into();
        toxic["attributes"] = json!({});
        Some(toxic.to_string())
    }

    /// The answer with these toxics as they were asked for.
    pub(super) fn show(&self, answer: &str) -> Option<String> {
        let mut answer: Value = serde_json::from_str(answer).ok()?;
        self.restore(&mut answer);
        Some(answer.to_string())
    }

    fn restore(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.restore(value)),
            Value::Object(fields) => {
                let name = fields.get("name").and_then(Value::as_str);
                let asked = name.and_then(|name| self.asked.get(name)).cloned();
                if let (Some(attributes), Some("noop")) = (asked, fields.get("type").and_then(Value::as_str))
                {
                    fields.insert("type".to_owned(), self.kind.as_str().into());
                    fields.insert("attributes".to_owned(), attributes);
                }
                fields.values_mut().for_each(|value| self.restore(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
