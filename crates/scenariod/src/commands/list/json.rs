//! The catalogue as JSON for programs. Its keys are an interface. Pure.

use serde_json::{Value, json};

use crate::catalogue::library::Library;
use crate::catalogue::playlist::Playlist;
use crate::scenario::expectation::Expectation;
use crate::scenario::{FaultEntry, Scenario, Target};

/// JSON for programs.
pub(crate) fn as_json(library: &Library) -> String {
    let entry = |scenario: &Scenario| {
        json!({
            "name": scenario.name,
            "aliases": scenario.aliases,
            "family": scenario.family,
            "about": scenario.about,
            "nodes_needed": scenario.nodes_needed(),
            "phases": {
                "stabilization_seconds": scenario.phases.stabilization.as_secs_f64(),
                "testing_seconds": scenario.phases.testing.as_secs_f64(),
                "recovery_seconds": scenario.phases.recovery.as_secs_f64(),
            },
            "faults": scenario.faults.iter().map(fault).collect::<Vec<_>>(),
            "expect": scenario.expect.iter().map(expectation).collect::<Vec<_>>(),
            "stop_when": scenario.stop_when.iter().map(|rule| json!({
                "name": rule.name,
                "for_seconds": rule.lasting.as_secs_f64(),
                "promql": rule.query.template(),
            })).collect::<Vec<_>>(),
        })
    };
    let scenarios: Value = library.catalogue.scenarios().iter().map(entry).collect();
    let playlists: Value = library.playlists.iter().map(playlist).collect();
    format!("{:#}\n", json!({ "scenarios": scenarios, "playlists": playlists }))
}

fn playlist(list: &Playlist) -> Value {
    let names: Vec<&str> = list.entries.iter().map(|entry| entry.scenario.name.as_str()).collect();
    json!({
        "name": list.name,
        "about": list.about,
        "length_seconds": list.length().as_secs_f64(),
        "scenarios": names,
    })
}

fn expectation(expectation: &Expectation) -> Value {
    json!({
        "name": expectation.name,
        "phase": expectation.during.as_str(),
        "must": expectation.must.describe(),
        "promql": expectation.query.template(),
    })
}

fn fault(entry: &FaultEntry) -> Value {
    let target = match &entry.target {
        Target::All => json!("all"),
        Target::Named(names) => json!(names),
        Target::First(count) => json!({ "first": count }),
        Target::Nth(position) => json!({ "nth": position }),
        Target::Count(count) => json!({ "count": count }),
    };
    let params: serde_json::Map<String, Value> =
        entry.fault.params().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "fault": entry.fault.label().as_str(),
        "target": target,
        "direction": entry.direction.as_str(),
        "share": entry.share.get(),
        "params": params,
        "shape": entry.shape.describe().trim_matches([' ', '(', ')']),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_holds_phases_faults_and_playlists() {
        let library = Library::load(None).unwrap();
        let scenarios = library.catalogue.scenarios();
        let list: Value = serde_json::from_str(&as_json(&library)).unwrap();
        assert_eq!(list["scenarios"].as_array().unwrap().len(), scenarios.len());
        let ten = list["scenarios"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["name"] == "packet-loss-10")
            .unwrap();
        let lists = list["playlists"].as_array().unwrap();
        let smoke = lists.iter().find(|entry| entry["name"] == "smoke").unwrap();
        assert_eq!(smoke["length_seconds"], 120.0);
        assert_eq!(smoke["scenarios"][0], "packet-loss-10");
        assert_eq!(ten["phases"]["testing_seconds"], 60.0);
        assert_eq!(ten["faults"][0]["params"]["loss_rate"], 0.1);
        assert_eq!(ten["faults"][0]["target"], json!({ "first": 1 }));
    }
}
