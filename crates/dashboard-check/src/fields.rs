//! Whether the fields that a panel renames, groups or colours are there: Grafana passes over a name that it does not know.
//! Pure; what was answered is given.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{list, text};

/// What the queries of a panel gave it.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// How many of its queries had an answer.
    pub(crate) answers: usize,
    /// Labels that every series has.
    pub(crate) labels: Option<BTreeSet<String>>,
    /// The values of those labels: a matrix has columns of these names.
    pub(crate) of_labels: BTreeSet<String>,
    /// The names of columns with values.
    pub(crate) values: BTreeSet<String>,
    /// What series are called, or could be.
    pub(crate) legends: BTreeSet<String>,
}

impl Fields {
    /// Another series, with these labels.
    pub(crate) fn series(&mut self, labels: &BTreeMap<String, String>) {
        self.of_labels.extend(labels.values().cloned());
        let labels: BTreeSet<String> = labels.keys().cloned().collect();
        self.labels = Some(match self.labels.take() {
            Some(before) => before.intersection(&labels).cloned().collect(),
            None => labels,
        });
    }
}

/// What the panel names and nothing has.
pub(crate) fn problems(panel: &Value, fields: &Fields) -> Vec<String> {
    let mut found = Vec::new();
    let Some(labels) = &fields.labels else { return found };
    if fields.answers < list(&panel["targets"]).len() {
        return found;
    }
    let mut shown = fields.legends.clone();
    let mut columns: BTreeSet<String> = labels.union(&fields.values).cloned().collect();
    for step in list(&panel["transformations"]) {
        let options = &step["options"];
        for key in ["byField", "columnField", "rowField"] {
            let name = text(&options[key]);
            if !name.is_empty() && !labels.contains(name) {
                found.push(format!("{key} is {name:?}, which a series does not have"));
            }
        }
        let value = text(&options["valueField"]);
        if !value.is_empty() && !fields.values.contains(value) {
            found.push(format!("valueField is {value:?}, there is {:?}", fields.values));
        }
        for key in ["excludeByName", "indexByName", "renameByName"] {
            for name in options[key].as_object().into_iter().flat_map(|names| names.keys()) {
                if !name.starts_with("Time") && !columns.contains(name) {
                    found.push(format!("{key} names {name:?}, which is not there"));
                }
            }
        }
        if text(&step["id"]) == "groupingToMatrix" {
            columns.clone_from(&fields.of_labels);
            columns.insert(format!("{}\\{}", text(&options["rowField"]), text(&options["columnField"])));
        }
        let renamed = options["renameByName"].as_object().into_iter().flat_map(|names| names.values());
        shown.extend(renamed.map(|name| text(name).to_owned()));
    }
    for one in list(&panel["fieldConfig"]["overrides"]) {
        let name = text(&one["matcher"]["options"]);
        if one["matcher"]["id"] == "byName" && !shown.contains(name) {
            found.push(format!("an override is for {name:?}, which is not there"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_name_must_be_there() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let map =
            |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), format!("of {name}"))).collect();
        let mut fields =
            Fields { answers: 1, values: set(&["Value"]), legends: set(&["success"]), ..Fields::default() };
        let panel = |by: &str, renamed: &str, coloured: &str| {
            json!({
                "targets": [{}],
                "transformations": [{"options": {"byField": by, "renameByName": {renamed: "Length"}}}],
                "fieldConfig": {"overrides": [{"matcher": {"id": "byName", "options": coloured}}]},
            })
        };
        assert_eq!(
            problems(&panel("x", "y", "z"), &fields),
            [""; 0],
            "no series, nothing to hold it against"
        );
        fields.series(&map(&["server", "phase"]));
        fields.series(&map(&["server"]));
        assert_eq!(problems(&panel("server", "Value", "success"), &fields), [""; 0]);
        assert_eq!(problems(&panel("server", "Value", "Length"), &fields), [""; 0]);
        let found = problems(&panel("phase", "Value #A", "sucess"), &fields);
        assert_eq!(found.len(), 3, "{found:?}");

        let matrix = |column: &str| {
            json!({"transformations": [
                {"id": "groupingToMatrix", "options": {"rowField": "server", "columnField": "server"}},
                {"id": "organize", "options": {"indexByName": {"server\\server": 0, column: 1}}},
            ]})
        };
        assert_eq!(problems(&matrix("of phase"), &fields), [""; 0]);
        assert_eq!(problems(&matrix("phase"), &fields).len(), 1);
    }
}
