//! A YAML document as a tree that keeps line numbers and duplicate keys. It is built from parser events without
//! recursion. What the document means is not known here.

mod tabs;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::problems::figure;
use crate::text::find_dangerous;

/// Deeper nesting is refused: the files of the lab have fewer than 10 levels, and a hostile one must not exhaust the stack.
const MAX_DEPTH: usize = 64;

/// One value with the line it starts on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In file order, duplicates included.
    Mapping(Vec<(Key, Node)>),
}

/// A mapping's key with its line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) line: usize,
    pub(super) text: String,
}

/// A scalar with the type that YAML 1.2 gives it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

/// A text that cannot be parsed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) message: String,
}

/// A list or a mapping that is not complete yet.
enum Open {
    List { line: usize, items: Vec<Node> },
    Mapping { line: usize, entries: Vec<(Key, Node)>, key: Option<Key> },
}

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut stack: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    for event in Parser::new_from_str(&tabs::replace(text)) {
        let (event, span) = event.map_err(|e| SyntaxError {
            line: e.marker().line(),
            message: format!("invalid YAML: {}", e.info()),
        })?;
        let line = span.start.line();
        let refuse = |message: &str| Err(SyntaxError { line, message: message.to_owned() });
        let done = match event {
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return refuse("YAML tags are not supported");
            }
            Event::Alias(_) => return refuse("YAML aliases are not supported"),
            Event::DocumentStart(_) if root.is_some() => return refuse("a file must hold one YAML document"),
            Event::Scalar(text, style, _, None) => {
                if let Some(found) = find_dangerous(&text) {
                    let code = u32::from(found);
                    return refuse(&format!("invalid text: it has the control character U+{code:04X}"));
                }
                let plain = style == ScalarStyle::Plain;
                Node {
                    line,
                    value: Value::Scalar(if plain { resolve(&text) } else { Scalar::Text(text.into()) }),
                }
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if stack.len() >= MAX_DEPTH => {
                return refuse("nested too deeply");
            }
            Event::SequenceStart(..) => {
                stack.push(Open::List { line, items: Vec::new() });
                continue;
            }
            Event::MappingStart(..) => {
                stack.push(Open::Mapping { line, entries: Vec::new(), key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Open::List { line, items }) => Node { line, value: Value::List(items) },
                Some(Open::Mapping { line, entries, .. }) => Node { line, value: Value::Mapping(entries) },
                None => return refuse("unbalanced"),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
        };
        match stack.last_mut() {
            None => root = Some(done),
            Some(Open::List { items, .. }) => items.push(done),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                Some(key) => entries.push((key, done)),
                None => match done.value {
                    Value::Scalar(scalar) => *key = Some(Key { line: done.line, text: scalar.text() }),
                    Value::List(_) | Value::Mapping(_) => {
                        return refuse("a key cannot be a list or a mapping");
                    }
                },
            },
        }
    }
    Ok(root.unwrap_or(Node { line: 1, value: Value::Scalar(Scalar::Null) }))
}

fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        _ => number(text).unwrap_or_else(|| Scalar::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Scalar> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    // YAML readers disagree about `010` and `0x10`. Both are text here, so a key that needs a number reports them.
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match digits {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(Scalar::Float(f64::NEG_INFINITY)),
        ".inf" | ".Inf" | ".INF" => return Some(Scalar::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    if let Ok(integer) = text.parse::<i128>() {
        return Some(Scalar::Integer(integer));
    }
    if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit())
    {
        return text.parse::<f64>().ok().map(Scalar::Float);
    }
    None
}

impl Scalar {
    /// The scalar as text.
    pub(super) fn text(&self) -> String {
        match self {
            Scalar::Null => "null".to_owned(),
            Scalar::Bool(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::Float(value) => figure(*value),
            Scalar::Text(text) => text.clone(),
        }
    }
}

impl Node {
    /// The value at a mapping's key, or a list's item at an index.
    pub(super) fn child(&self, step: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|(key, _)| key.text == step).map(|(_, node)| node),
            Value::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            Value::Scalar(_) => None,
        }
    }

    /// The kind of the value, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(Scalar::Null) => "nothing",
            Value::Scalar(Scalar::Bool(_)) => "true or false",
            Value::Scalar(Scalar::Integer(_)) => "a whole number",
            Value::Scalar(Scalar::Float(_)) => "a number",
            Value::Scalar(Scalar::Text(_)) => "text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_duplicates_survive() {
        let root = parse("a: 1\nb:\n  - { c: x, c: 'y' }\n").expect("parses");
        let item = root.child("b").and_then(|b| b.child("0")).expect("b/0");
        let Value::Mapping(entries) = &item.value else { panic!("{item:?}") };
        assert_eq!(
            entries.iter().map(|(key, _)| (key.line, key.text.as_str())).collect::<Vec<_>>(),
            [(3, "c"), (3, "c")]
        );
    }

    #[test]
    fn scalars_resolve_as_yaml_1_2() {
        for (text, expected) in [
            ("0x10", Scalar::Text("0x10".to_owned())),
            ("10", Scalar::Integer(10)),
            ("0.10", Scalar::Float(0.1)),
            ("30s", Scalar::Text("30s".into())),
            ("on", Scalar::Text("on".into())),
            ("010", Scalar::Text("010".into())),
            ("127.0.0.1:80", Scalar::Text("127.0.0.1:80".into())),
            ("~", Scalar::Null),
            ("true", Scalar::Bool(true)),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn control_characters_are_refused_with_their_line() {
        for (text, line, code) in [
            ("a: 1\nb: \"x\\e[2J\"\n", 2, "001B"),
            ("a: 1\nb: \"\\0\"\n", 2, "0000"),
            ("a: x\u{202e}y\n", 1, "202E"),
            ("a: x\u{85}b: y\n", 1, "0085"),
            ("a:\n  - {\"\\u2066\": 1}\n", 2, "2066"),
            ("a: 1\nb: 'x\u{200f}'\n", 2, "200F"),
        ] {
            let error = parse(text).expect_err(text);
            let message = format!("invalid text: it has the control character U+{code}");
            assert_eq!((error.line, error.message), (line, message), "{text:?}");
        }
        assert!(parse("a: |\n  x\ty\n  z\n").is_ok(), "line breaks and tabs in a text");
    }

    #[test]
    fn hostile_documents_are_refused_with_their_line() {
        assert_eq!(parse(&"[".repeat(100)).expect_err("too deep").message, "nested too deeply");
        assert_eq!(parse(&"[".repeat(100_000)).expect_err("far too deep").line, 1);
        assert_eq!(parse("a: &x 1\nb: *x\n").expect_err("alias").line, 2);
        assert_eq!(parse("a: !t 1\n").expect_err("tag").line, 1);
        assert_eq!(parse("a: 1\nb: [\n").expect_err("open list").line, 3);
    }
}
