//! The files of `deploy/monitoring`, with Prometheus' own checks, and with the metrics that the services have.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use e2e::{compose::root, packages};
use serde_json::Value;

fn directory() -> PathBuf {
    root().join("deploy/monitoring")
}

#[test]
fn rules_and_configuration_pass_the_checks_of_prometheus() {
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules_test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(directory())
            .output();
        let output =
            output.unwrap_or_else(|why| panic!("promtool: {why}; run {}", packages::command()));
        let errors = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{arguments:?}: {printed}{errors}");
    }
}

/// The names of metrics in a text, without the suffixes of their series.
fn metrics(text: &str) -> BTreeSet<String> {
    // Names of recording rules have colons.
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
    let words = text.split(|letter| !is_part(letter));
    let own = words.filter(|word| {
        ["holdfast_auth_", "holdfast_web_", "process_"]
            .iter()
            .any(|prefix| word.starts_with(prefix) && !word.trim_end_matches(':').contains(':'))
    });
    own.map(|word| {
        let word = word.trim_end_matches(':');
        let suffixes = ["_bucket", "_sum", "_count"];
        let base = suffixes.iter().find_map(|suffix| word.strip_suffix(suffix));
        base.unwrap_or(word).to_owned()
    })
    .collect()
}

/// What the rules and the dashboard evaluate, and what operators are told to look at, is what docs/METRICS.md lists, which a test compares with the
/// services.
#[test]
fn rules_dashboard_and_runbook_name_existing_metrics() {
    let known = metrics(&fs::read_to_string(root().join("docs/METRICS.md")).unwrap());
    for file in [
        "deploy/monitoring/rules.yml",
        "deploy/monitoring/rules_test.yml",
        "deploy/monitoring/dashboard.json",
        "docs/OPERATIONS.md",
    ] {
        let named = metrics(&fs::read_to_string(root().join(file)).unwrap());
        // A prefix, as in `process_*`, is no name.
        let unknown = named.difference(&known);
        let unknown: Vec<_> = unknown.filter(|name| !name.ends_with('_')).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

/// A rule with the name of an event that no limiter has would never fire.
#[test]
fn rules_name_existing_events() {
    let rules = fs::read_to_string(directory().join("rules.yml")).unwrap();
    let names = rules.split("event=\"").skip(1);
    let names: BTreeSet<_> = names.filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() > 3, "{names:?}");
    let mut sources = String::new();
    for directory in ["crates", "auth-service", "web-service"] {
        let output = Command::new("grep")
            .args(["-rhoz", "--include=*.rs", "LogRateLimiter::new(\"[^\"]*\""])
            .arg(root().join(directory))
            .output();
        sources += &String::from_utf8_lossy(&output.unwrap().stdout);
    }
    for name in names {
        let limiter = format!("LogRateLimiter::new(\"{name}\"");
        assert!(sources.contains(&limiter), "{name}");
    }
}

#[test]
fn every_alarm_has_a_test_and_an_entry_in_the_runbook() {
    let rules = fs::read_to_string(directory().join("rules.yml")).unwrap();
    let tests = fs::read_to_string(directory().join("rules_test.yml")).unwrap();
    let runbook = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let alarms = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alarms: BTreeSet<_> = alarms.collect();
    assert!(alarms.len() > 20, "{alarms:?}");
    for alarm in alarms {
        let sample = format!("labels: 'ALERTS{{alertname=\"{alarm}\",alertstate=\"firing\"");
        assert!(
            tests.contains(&sample),
            "{alarm} has no test in which it fires"
        );
        let link = format!(
            "runbook: docs/OPERATIONS.md#alarm-{}\n",
            alarm.to_lowercase()
        );
        assert!(rules.contains(&link), "{alarm} does not name its entry");
        let heading = format!("### Alarm: {alarm}\n");
        assert!(
            runbook.contains(&heading),
            "{alarm} is not in docs/OPERATIONS.md"
        );
    }
}

#[test]
fn dashboard_is_valid_json_with_rows() {
    let text = fs::read_to_string(directory().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let rows = panels.filter(|panel| panel["type"] == "row");
    assert_eq!(rows.count(), 4);
}
