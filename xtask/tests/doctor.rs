//! The checks of `auth-service doctor` and `web-service doctor`: each has a test in which it yields a warning or an error.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod source;

use std::{collections::BTreeSet, fs};

/// The packages with checks, below the root. An identifier is that of a check in one package, or in one of each service.
const PACKAGES: [&str; 3] = ["auth-service", "web-service", "crates/server-kit"];

/// What the definition of a check begins with, without white space.
const DEFINITION: &str = ":Check=Check{id:\"";

/// The source of a package, without white space: what is compiled into its program, and its unit tests.
struct Source {
    code: String,
    tests: String,
}

impl Source {
    fn of(package: &str) -> Self {
        let (mut code, mut tests) = (String::new(), String::new());
        for file in source::rust_files(&source::root().join(package).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let is_test_file = name == "tests.rs" || name.ends_with("_tests.rs");
            let begin = if is_test_file {
                Some(0)
            } else {
                text.find("#[cfg(test)]")
            };
            let (of_code, of_tests) = text.split_at(begin.unwrap_or(text.len()));
            code += &compact(of_code);
            tests += &compact(of_tests);
        }
        Self { code, tests }
    }

    /// The identifiers of the checks that are defined here.
    fn checks(&self) -> BTreeSet<&str> {
        let definitions = self.code.split(DEFINITION).skip(1);
        definitions
            .filter_map(|rest| rest.split('"').next())
            .collect()
    }

    /// Whether a unit test expects a warning or an error of this check: the pair that `Finding::outcome` returns.
    fn expects_failure(&self, check: &str) -> bool {
        ["Warning", "Error"].iter().any(|severity| {
            ["", "Severity::"].iter().any(|path| {
                let outcome = format!("(\"{check}\",{path}{severity}");
                let ends = [")", ",)"].map(|end| outcome.clone() + end);
                ends.iter().any(|outcome| self.tests.contains(outcome))
            })
        })
    }
}

fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The identifiers in the tables of docs/OPERATIONS.md, which tests of the services compare with what their `doctor` runs.
fn documented_checks() -> BTreeSet<String> {
    let document = fs::read_to_string(source::root().join("docs/OPERATIONS.md")).unwrap();
    let mut found = BTreeSet::new();
    for service in ["auth-service", "web-service"] {
        let begin = format!("<!-- begin: {service} doctor -->");
        let (_, table) = document.split_once(&begin).unwrap();
        let (table, _) = table.split_once("<!-- end -->").unwrap();
        let rows = table.lines().filter_map(|row| row.strip_prefix("| `"));
        found.extend(rows.map(|row| row.split('`').next().unwrap().to_owned()));
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

#[test]
fn each_check_has_a_test_in_which_it_fails() {
    let mut defined = BTreeSet::new();
    for package in PACKAGES {
        let source = Source::of(package);
        for check in source.checks() {
            assert!(
                source.expects_failure(check),
                "{package}: no unit test expects (\"{check}\", Warning) or (\"{check}\", Error), as Finding::outcome returns it"
            );
            defined.insert(check.to_owned());
        }
    }
    assert_eq!(defined, documented_checks());
}

#[test]
fn only_a_pair_in_a_test_counts_as_a_failure() {
    let source = |tests: &str| Source {
        code: compact("static A: Check = Check {\n    id: \"a.b\",\n};\n"),
        tests: compact(tests),
    };
    assert_eq!(source("").checks(), BTreeSet::from(["a.b"]));
    for tests in [
        "assert_eq!(outcome, (\"a.b\", Warning));",
        "(\"a.b\", Severity::Error)",
        "(\n    \"a.b\",\n    Error,\n)",
    ] {
        assert!(source(tests).expects_failure("a.b"), "{tests}");
    }
    for tests in ["(\"a.b\", Ok)", "(\"a.bc\", Error)", "\"a.b\" Error"] {
        assert!(!source(tests).expects_failure("a.b"), "{tests}");
    }
}
