//! The table of faults in the guide is generated from the schema, which is derived from the files of the faults.

use schemars::schema_for;
use serde_json::Value;

use super::page;
use crate::fault::Fault;

const HEAD: &str = "| `fault` | what it does | key | from | to | if left out |\n|---|---|---|---|---|---|\n";

/// A value as a user writes it.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The first of these properties that a schema has.
fn first(schema: &Value, names: &[&str]) -> String {
    let found = names.iter().map(|name| &schema[*name]).find(|value| !value.is_null());
    found.map(cell).unwrap_or_default()
}

/// The bounds of a key.
fn bounds(schema: &Value) -> [String; 2] {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", cell(word))).collect();
        return [words.join(" or "), String::new()];
    }
    let [from, mut to] = [&["x-from", "minimum"], &["x-to", "maximum"]].map(|names| first(schema, names));
    if to.is_empty() && schema["format"] == "uint32" {
        to = u32::MAX.to_string();
    }
    [from, to]
}

/// The rows of one kind: one for each key, and one for a kind without keys.
fn rows(kind: &Value) -> String {
    let word = cell(&kind["properties"]["fault"]["const"]);
    let needed = kind["required"].as_array().unwrap();
    let keys = kind["properties"].as_object().unwrap().iter().filter(|(key, _)| *key != "fault");
    let about = first(kind, &["description"]);
    let mut rows = Vec::new();
    for (key, schema) in keys {
        let [from, to] = bounds(schema);
        let is_needed = needed.contains(&Value::from(key.as_str()));
        let left_out = if is_needed { "needed".to_owned() } else { first(schema, &["default"]) };
        let (name, text) = match rows.is_empty() {
            true => (format!("`{word}`"), about.clone()),
            false => (String::new(), first(schema, &["description"])),
        };
        rows.push([name, text, format!("`{key}`"), from, to, left_out]);
    }
    if rows.is_empty() {
        let nothing = String::new;
        rows.push([format!("`{word}`"), about, nothing(), nothing(), nothing(), nothing()]);
    }
    let line = |cells: &[String; 6]| {
        let padded =
            cells.iter().map(|cell| if cell.is_empty() { " |".to_owned() } else { format!(" {cell} |") });
        format!("|{}\n", padded.collect::<String>())
    };
    rows.iter().map(line).collect()
}

#[test]
fn the_table_of_faults_is_what_their_files_say() {
    let schema = schema_for!(Fault);
    let kinds = schema.as_value()["oneOf"].as_array().unwrap();
    let table: String = [HEAD.to_owned()].into_iter().chain(kinds.iter().map(rows)).collect();
    assert!(page().contains(&format!("\n## Faults\n\n{table}\n")), "put this below `## Faults`:\n\n{table}");
}
