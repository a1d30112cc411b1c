//! Checks a YAML tree against the JSON schema of a type, and reports every mismatch. The schema is derived from the serde
//! types, so keys and words are written once. What values mean is not known here.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::node::{Key, Node, Scalar, Value};
use super::shape::{describe, fits, forms, kinds, out_of_range, properties, tag_of, words};
use crate::suggest::did_you_mean;
use crate::values;

/// How messages call the top level of a file.
pub(super) const WHOLE: &str = "the file";

/// A line and the problem there.
pub(super) type Finding = (usize, String);

pub(super) fn check(root: &Node, schema: &Json, subject: &str) -> Vec<Finding> {
    let mut checker = Checker { schema, findings: Vec::new() };
    checker.value(root, schema, subject);
    checker.findings
}

struct Checker<'s> {
    schema: &'s Json,
    findings: Vec<Finding>,
}

impl<'s> Checker<'s> {
    fn report(&mut self, line: usize, message: String) {
        self.findings.push((line, message));
    }

    /// Follows references. A reference with a doc comment is written as `allOf` with one entry.
    fn resolve(&self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        loop {
            let next = match schema.get("$ref").and_then(Json::as_str) {
                Some(reference) => self.schema.pointer(reference.trim_start_matches('#')),
                None => schema.get("allOf").and_then(|all| all.get(0)),
            };
            match next {
                Some(next) => schema = next,
                None => return schema,
            }
        }
    }

    fn value(&mut self, node: &Node, schema: &'s Json, subject: &str) {
        let schema = self.resolve(schema);
        // The schema `true`: the reader of such a value checks it.
        let Some(object) = schema.as_object() else { return self.untyped(node, subject) };
        if object.contains_key("anyOf") || object.contains_key("oneOf") {
            return self.choice(node, object, subject);
        }
        match &node.value {
            Value::Mapping(entries) if kinds(object).contains("object") => {
                self.mapping(node.line, entries, &[object], subject)
            }
            Value::List(items) if kinds(object).contains("array") => {
                if let Some(schema) = object.get("items") {
                    for item in items {
                        self.value(item, schema, subject);
                    }
                }
                if object.get("minItems").and_then(Json::as_u64).is_some_and(|min| (items.len() as u64) < min)
                {
                    self.report(node.line, format!("`{subject}` must not be empty"));
                }
            }
            Value::Scalar(scalar) => self.scalar(node, scalar, object, subject),
            Value::Mapping(_) | Value::List(_) if kinds(object).is_empty() => {}
            Value::Mapping(_) | Value::List(_) => self.wrong_kind(node, object, subject),
        }
    }

    /// A value of any type; only duplicate keys are errors.
    fn untyped(&mut self, node: &Node, subject: &str) {
        match &node.value {
            Value::Scalar(_) => {}
            Value::List(items) => items.iter().for_each(|item| self.untyped(item, subject)),
            Value::Mapping(entries) => {
                self.duplicates(entries, subject);
                for (key, node) in entries {
                    self.untyped(node, &key.text);
                }
            }
        }
    }

    /// Reports each key that is there for a second time, and returns all keys.
    fn duplicates<'n>(&mut self, entries: &'n [(Key, Node)], subject: &str) -> BTreeSet<&'n str> {
        let mut seen = BTreeSet::new();
        for (key, _) in entries {
            if !seen.insert(key.text.as_str()) {
                self.report(key.line, format!("duplicate key `{}` in {}", key.text, quoted(subject)));
            }
        }
        seen
    }

    /// `oneOf` and `anyOf`: words, tagged and untagged enums, optional values. The kind of the node picks the branch.
    fn choice(&mut self, node: &Node, object: &'s Map<String, Json>, subject: &str) {
        let branches: Vec<&'s Map<String, Json>> = ["anyOf", "oneOf"]
            .iter()
            .filter_map(|key| object.get(*key).and_then(Json::as_array))
            .flatten()
            .filter_map(|branch| self.resolve(branch).as_object())
            .collect();
        let fitting: Vec<_> = branches.iter().copied().filter(|branch| fits(node, branch)).collect();
        match &node.value {
            Value::Mapping(entries) if !fitting.is_empty() => {
                if let Some(tag) = tag_of(&fitting) {
                    return self.tagged(node.line, entries, object, &fitting, tag, subject);
                }
                // Externally tagged: one key picks the branch.
                let picked = fitting
                    .iter()
                    .copied()
                    .find(|branch| entries.iter().any(|(key, _)| properties(branch).contains_key(&key.text)));
                match picked {
                    Some(branch) => self.mapping(node.line, entries, &[object, branch], subject),
                    None => self.no_branch(node.line, entries, object, &fitting, subject),
                }
            }
            Value::Scalar(scalar) if words(&branches).next().is_some() && !matches!(scalar, Scalar::Null) => {
                let text = scalar.text();
                if !words(&branches).any(|word| word == text) {
                    let forms = branches.iter().flat_map(|branch| properties(branch).keys());
                    let mut forms: Vec<String> = forms.map(|key| format!("`{{ {key}: ... }}`")).collect();
                    forms.sort();
                    let all = words(&branches).chain(forms.iter().map(String::as_str)).collect();
                    self.wrong_word(node.line, &text, all, subject);
                }
            }
            _ => match fitting.first() {
                Some(branch) if branch.contains_key("oneOf") || branch.contains_key("anyOf") => {
                    self.choice(node, branch, subject)
                }
                Some(branch) => match &node.value {
                    Value::Scalar(scalar) => self.scalar(node, scalar, branch, subject),
                    Value::List(items) => {
                        for item in items {
                            if let Some(schema) = branch.get("items") {
                                self.value(item, schema, subject);
                            }
                        }
                    }
                    Value::Mapping(_) => {}
                },
                None => {
                    let nested =
                        branches.iter().copied().find(|b| b.contains_key("oneOf") || b.contains_key("anyOf"));
                    match nested {
                        Some(nested) => self.choice(node, nested, subject),
                        None => self.expected(node, &branches, subject),
                    }
                }
            },
        }
    }

    fn no_branch(
        &mut self,
        line: usize,
        entries: &[(Key, Node)],
        owner: &Map<String, Json>,
        branches: &[&'s Map<String, Json>],
        subject: &str,
    ) {
        let known: Vec<&str> =
            branches.iter().flat_map(|branch| properties(branch).keys().map(String::as_str)).collect();
        match entries.first() {
            Some((key, _)) => match forms(owner) {
                Some(forms) if did_you_mean(&key.text, known.iter().copied()).is_empty() => {
                    self.report(key.line, format!("unknown key `{}` in `{subject}`, write {forms}", key.text))
                }
                _ => self.unknown_key(key, &known, subject),
            },
            None => self.report(line, format!("`{subject}` needs one of {}", list(&known))),
        }
    }

    /// An internally tagged enum, flattened into its owner or not. The tag picks the branch.
    fn tagged(
        &mut self,
        line: usize,
        entries: &[(Key, Node)],
        owner: &'s Map<String, Json>,
        branches: &[&'s Map<String, Json>],
        tag: &'s str,
        subject: &str,
    ) {
        let word = |branch: &&'s Map<String, Json>| {
            properties(branch).get(tag).and_then(|t| t.get("const")).and_then(Json::as_str)
        };
        let given = entries.iter().find(|(key, _)| key.text == tag).map(|(_, node)| node);
        let picked = match given.map(|node| &node.value) {
            Some(Value::Scalar(scalar)) => {
                branches.iter().copied().find(|branch| word(branch) == Some(scalar.text().as_str()))
            }
            _ => None,
        };
        if let Some(branch) = picked {
            return self.mapping(line, entries, &[owner, branch], subject);
        }
        match given {
            Some(Node { line, value: Value::Scalar(scalar) }) => {
                self.wrong_word(*line, &scalar.text(), branches.iter().filter_map(word).collect(), tag);
            }
            Some(node) => self.report(node.line, format!("`{tag}` must be a word, found {}", node.kind())),
            None => self.report(line, format!("missing key `{tag}` in {}", quoted(subject))),
        }
        // Without a tag the branch is unknown. The keys that do not depend on it are still checked.
        let known = |key: &str| {
            properties(owner).contains_key(key) || branches.iter().any(|b| properties(b).contains_key(key))
        };
        for (key, node) in entries {
            match properties(owner).get(&key.text) {
                Some(schema) => self.value(node, schema, &key.text),
                None if known(&key.text) => {}
                None => self.unknown_key(
                    key,
                    &properties(owner).keys().map(String::as_str).collect::<Vec<_>>(),
                    subject,
                ),
            }
        }
    }

    /// A mapping with the keys of all `parts`.
    fn mapping(
        &mut self,
        line: usize,
        entries: &[(Key, Node)],
        parts: &[&'s Map<String, Json>],
        subject: &str,
    ) {
        let seen = self.duplicates(entries, subject);
        for (key, node) in entries {
            let schema = parts.iter().find_map(|part| properties(part).get(&key.text));
            let any = parts
                .iter()
                .find_map(|part| part.get("additionalProperties"))
                .filter(|any| any.as_bool() != Some(false));
            match schema.or(any) {
                Some(schema) => self.value(node, schema, &key.text),
                None => {
                    let known: Vec<&str> =
                        parts.iter().flat_map(|part| properties(part).keys().map(String::as_str)).collect();
                    self.unknown_key(key, &known, subject);
                }
            }
        }
        for part in parts {
            let required =
                part.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
            for key in required.filter(|key| !seen.contains(key)) {
                self.report(line, format!("missing key `{key}` in {}", quoted(subject)));
            }
        }
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar, schema: &'s Map<String, Json>, subject: &str) {
        let kinds = kinds(schema);
        let number = match scalar {
            Scalar::Integer(value) => Some(*value as f64),
            Scalar::Float(value) => Some(*value),
            _ => None,
        };
        let fits = match scalar {
            Scalar::Null => kinds.contains("null") || kinds.is_empty(),
            Scalar::Bool(_) => kinds.contains("boolean"),
            Scalar::Integer(_) => kinds.contains("integer") || kinds.contains("number"),
            Scalar::Float(_) => kinds.contains("number"),
            Scalar::Text(_) => kinds.contains("string"),
        };
        if !fits && !kinds.is_empty() {
            return self.wrong_kind(node, schema, subject);
        }
        if let Some(problem) = number.and_then(|value| out_of_range(value, schema)) {
            self.report(node.line, format!("`{subject}` is {}, must be {problem}", scalar.text()));
        }
        let Scalar::Text(text) = scalar else { return };
        if let Some(format) = schema.get("format").and_then(Json::as_str)
            && let Err(problem) = values::check_format(format, text)
        {
            self.report(node.line, format!("`{subject}` is `{text}`: {problem}"));
        }
        let words: Vec<&str> = words(&[schema]).collect();
        if !words.is_empty() && !words.contains(&text.as_str()) {
            self.wrong_word(node.line, text, words, subject);
        }
    }

    fn wrong_kind(&mut self, node: &Node, schema: &'s Map<String, Json>, subject: &str) {
        self.expected(node, &[schema], subject);
    }

    fn expected(&mut self, node: &Node, schemas: &[&'s Map<String, Json>], subject: &str) {
        let mut wanted: Vec<&str> =
            schemas.iter().map(|schema| describe(schema)).filter(|kind| !kind.is_empty()).collect();
        wanted.dedup();
        let quote = match &node.value {
            Value::Scalar(Scalar::Integer(_) | Scalar::Float(_) | Scalar::Bool(_)) if wanted == ["text"] => {
                ": put it in quotes"
            }
            _ => "",
        };
        let found = match &node.value {
            Value::Scalar(Scalar::Null) => "nothing".to_owned(),
            Value::Scalar(scalar) => format!("`{}`", scalar.text()),
            Value::List(_) | Value::Mapping(_) => node.kind().to_owned(),
        };
        let (subject, wanted) = (quoted(subject), wanted.join(" or "));
        self.report(node.line, format!("{subject} must be {wanted}, found {found}{quote}"));
    }

    fn wrong_word(&mut self, line: usize, text: &str, words: Vec<&str>, subject: &str) {
        let near = did_you_mean(text, words.iter().copied());
        self.report(line, format!("unknown {subject} `{text}`{near} (one of {})", words.join(", ")));
    }

    fn unknown_key(&mut self, key: &Key, known: &[&str], subject: &str) {
        let near = did_you_mean(&key.text, known.iter().copied());
        self.report(key.line, format!("unknown key `{}` in {}{near}", key.text, quoted(subject)));
    }
}

/// The subject of a message: a key is quoted, the whole file is not.
fn quoted(subject: &str) -> String {
    if subject == WHOLE { subject.to_owned() } else { format!("`{subject}`") }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
