//! What the documents name exists: tests, files, links.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn document(path: &str) -> String {
    fs::read_to_string(source::root().join(path)).unwrap()
}

/// The texts in backquotes, outside of code blocks.
fn quoted(document: &str) -> impl Iterator<Item = &str> {
    let prose = document.split("```").step_by(2);
    prose.flat_map(|text| text.split('`').skip(1).step_by(2))
}

/// Every `file::test` in backquotes.
fn named_tests(document: &str) -> Vec<(&str, &str)> {
    quoted(document)
        .filter_map(|text| text.rsplit_once("::"))
        .collect()
}

#[test]
fn tests_named_in_security_exist() {
    let document = document("docs/SECURITY.md");
    let named = named_tests(&document);
    assert!(named.len() > 40, "the tables name their tests");
    let files: Vec<_> = source::rust_files(source::root())
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
            let path = path.trim_end_matches(".rs");
            let path = path.trim_end_matches("/main").trim_end_matches("/mod");
            path.ends_with(&stem) && code.contains(&format!("fn {test}("))
        });
        assert!(exists, "there is no test {file}::{test}");
    }
}

/// Documents that say which file contains what.
const GUIDES: [&str; 7] = [
    "CONTRIBUTING.md",
    "README.md",
    "docs/ARCHITECTURE.md",
    "docs/GLOSSARY.md",
    "docs/OPERATIONS.md",
    "docs/SECURITY.md",
    "docs/integrate.md",
];

/// Whether a text in backquotes is the path of a file or directory of the repository. Patterns with placeholders are not.
fn is_path(text: &str) -> bool {
    const ROOTS: [&str; 12] = [
        ".ci/",
        "auth-service/",
        "bench/",
        "crates/",
        "deploy/",
        "docs/",
        "e2e/",
        "examples/",
        "fuzz/",
        "proto/",
        "web-service/",
        "xtask/",
    ];
    const EXTENSIONS: [&str; 6] = [".rs", ".proto", ".toml", ".md", ".sql", ".yml"];
    let is_pattern = ["*", "<", "NNNN", "NAME", " ", "::"]
        .iter()
        .any(|placeholder| text.contains(placeholder));
    let has_root = ROOTS.iter().any(|root| text.starts_with(root));
    let has_extension = EXTENSIONS.iter().any(|extension| text.ends_with(extension));
    !is_pattern && !text.starts_with('/') && (has_root || has_extension)
}

/// All files below a directory, without build output.
fn all_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "target" || name == ".git" {
            continue;
        }
        if path.is_dir() {
            found.extend(all_files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn files_named_in_guides_exist() {
    let files = all_files(source::root());
    let mut missing = Vec::new();
    for guide in GUIDES {
        let document = document(guide);
        for name in quoted(&document).filter(|text| is_path(text)) {
            // A table may shorten a path: `…/services/auth.rs`.
            let name = name.trim_start_matches("…/");
            let exists =
                source::root().join(name).exists() || files.iter().any(|file| file.ends_with(name));
            if !exists {
                missing.push(format!("{guide} names {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn links_in_documents_lead_to_files() {
    let documents = all_files(source::root())
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    let mut checked = 0;
    for file in documents {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") || target.contains(' ') {
                continue;
            }
            checked += 1;
            let path = file.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {target} does not exist", file.display());
        }
    }
    assert!(checked > 50, "{checked}");
}
