//! Whether the fields exist that a panel renames, groups or colours: Grafana ignores unknown names. Pure: the query results
//! are arguments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::json::{list, text};

/// The fields of a panel, from the results of its queries.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// The number of queries with a result.
    pub(crate) results: usize,
    /// The labels that every series has. `None` without a series.
    pub(crate) labels: Option<BTreeSet<String>>,
    /// The values of all labels: the columns of a matrix have these names.
    pub(crate) label_values: BTreeSet<String>,
    /// The names of the value columns.
    pub(crate) values: BTreeSet<String>,
    /// The legend names that series have or could have.
    pub(crate) legends: BTreeSet<String>,
}

impl Fields {
    /// Adds a series with these labels.
    pub(crate) fn add_series(&mut self, labels: &BTreeMap<String, String>) {
        self.label_values.extend(labels.values().cloned());
        let labels: BTreeSet<String> = labels.keys().cloned().collect();
        self.labels = Some(match self.labels.take() {
            Some(before) => before.intersection(&labels).cloned().collect(),
            None => labels,
        });
    }
}

/// The names in the panel that no field has.
pub(crate) fn problems(panel: &Value, fields: &Fields) -> Vec<String> {
    let mut found = Vec::new();
    let Some(labels) = &fields.labels else { return found };
    if fields.results < list(&panel["targets"]).len() {
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
            found.push(format!("valueField is {value:?}, must be one of {:?}", fields.values));
        }
        for key in ["excludeByName", "indexByName", "renameByName"] {
            for name in options[key].as_object().into_iter().flat_map(|names| names.keys()) {
                if !name.starts_with("Time") && !columns.contains(name) {
                    found.push(format!("{key} names {name:?}, which does not exist"));
                }
            }
        }
        if text(&step["id"]) == "groupingToMatrix" {
            columns.clone_from(&fields.label_values);
            columns.insert(format!("{}\\{}", text(&options["rowField"]), text(&options["columnField"])));
        }
        let renamed = options["renameByName"].as_object().into_iter().flat_map(|names| names.values());
        shown.extend(renamed.map(|name| text(name).to_owned()));
    }
    for one in list(&panel["fieldConfig"]["overrides"]) {
        let name = text(&one["matcher"]["options"]);
        if one["matcher"]["id"] == "byName" && !shown.contains(name) {
            found.push(format!("an override is for {name:?}, which does not exist"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_name_must_exist() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let map =
            |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), format!("of {name}"))).collect();
        let mut fields =
            Fields { results: 1, values: set(&["Value"]), legends: set(&["success"]), ..Fields::default() };
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
            "nothing can be checked without a series"
        );
        fields.add_series(&map(&["server", "phase"]));
        fields.add_series(&map(&["server"]));
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
