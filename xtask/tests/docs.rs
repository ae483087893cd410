//! What the documents name exists: tests in docs/SECURITY.md, log lines in docs/OPERATIONS.md.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The sources of every member, with what is built left out.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Every `file::test` in backquotes.
fn named_tests(document: &str) -> Vec<(&str, &str)> {
    let quoted = document.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.rsplit_once("::")).collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let document = fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let named = named_tests(&document);
    assert!(named.len() > 40, "the tables name their tests");
    let files: Vec<_> = sources(root())
        .into_iter()
        .map(|path| {
            (
                path.to_string_lossy().into_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    for (file, test) in named {
        let stem = file.trim_end_matches(".rs").replace("::", "/");
        let exists = files.iter().any(|(path, code)| {
            let path = path.trim_end_matches(".rs").trim_end_matches("/main");
            path.ends_with(&stem) && code.contains(&format!("fn {test}("))
        });
        assert!(exists, "there is no test {file}::{test}");
    }
}

#[test]
fn every_log_line_worth_an_alarm_is_written_somewhere() {
    let document = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let (_, rest) = document
        .split_once("\n## Log lines worth an alarm\n")
        .unwrap();
    let rows = rest.lines().take_while(|line| !line.starts_with("## "));
    let lines: Vec<_> = rows
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(lines.len() > 10, "{lines:?}");
    let code: String = sources(root())
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for line in lines {
        assert!(code.contains(&format!("\"{line}")), "nothing logs {line:?}");
    }
}
