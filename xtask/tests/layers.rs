//! The walls between the layers, as docs/ARCHITECTURE.md draws them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A layer, the layers it may use, and the crates it may not.
struct Layer {
    path: &'static str,
    may_use: &'static [&'static str],
    may_not_import: &'static [&'static str],
}

const TRANSPORT: [&str; 8] = [
    "axum",
    "tonic",
    "tower",
    "tower_http",
    "hyper",
    "hyper_util",
    "auth_proto",
    "prost_types",
];
const DRIVERS: [&str; 8] = [
    "sqlx",
    "fred",
    "tower_sessions",
    "tower_sessions_redis_store",
    "rmp_serde",
    "argon2",
    "jsonwebtoken",
    "aws_lc_rs",
];

const LAYERS: [Layer; 11] = [
    Layer {
        path: "auth-service/src/domain",
        may_use: &["domain"],
        may_not_import: &[
            "axum",
            "tonic",
            "auth_proto",
            "sqlx",
            "argon2",
            "jsonwebtoken",
            "aws_lc_rs",
            "tokio",
            "serde",
            "clap",
            "tracing",
        ],
    },
    Layer {
        path: "auth-service/src/grpc",
        may_use: &["domain", "feed", "grpc", "config"],
        may_not_import: &["sqlx", "argon2", "jsonwebtoken"],
    },
    Layer {
        path: "auth-service/src/feed",
        may_use: &["domain"],
        may_not_import: &[
            "axum",
            "tonic",
            "auth_proto",
            "sqlx",
            "argon2",
            "jsonwebtoken",
            "aws_lc_rs",
        ],
    },
    Layer {
        path: "auth-service/src/storage",
        may_use: &["domain", "storage"],
        may_not_import: &[
            "axum",
            "tonic",
            "auth_proto",
            "argon2",
            "jsonwebtoken",
            "aws_lc_rs",
        ],
    },
    Layer {
        path: "auth-service/src/crypto",
        may_use: &["domain", "crypto"],
        may_not_import: &["axum", "tonic", "auth_proto", "sqlx"],
    },
    Layer {
        path: "web-service/src/domain",
        may_use: &["domain"],
        may_not_import: &[
            "axum",
            "tonic",
            "auth_proto",
            "fred",
            "tower_sessions",
            "aws_lc_rs",
            "tokio",
            "serde",
            "clap",
            "tracing",
            "http",
        ],
    },
    Layer {
        path: "web-service/src/http",
        may_use: &["domain", "http", "config", "request_id"],
        may_not_import: &["tonic", "auth_proto", "fred", "tower_sessions", "aws_lc_rs"],
    },
    Layer {
        path: "web-service/src/envoy",
        may_use: &["domain", "http", "envoy"],
        may_not_import: &["auth_proto", "fred", "tower_sessions", "aws_lc_rs"],
    },
    Layer {
        path: "web-service/src/clients",
        may_use: &["domain", "clients", "config", "request_id"],
        may_not_import: &["axum", "fred", "tower_sessions", "aws_lc_rs"],
    },
    Layer {
        path: "web-service/src/storage",
        may_use: &["domain", "storage"],
        may_not_import: &["axum", "tonic", "auth_proto"],
    },
    Layer {
        path: "web-service/src/crypto",
        may_use: &["domain", "crypto"],
        may_not_import: &["axum", "tonic", "auth_proto", "fred", "tower_sessions"],
    },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file without its comments and without what it says about tests at its end.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every `first` of `crate::first`, also of the lists in `use crate::{first::…, second::…}`.
fn own_modules(code: &str) -> BTreeSet<String> {
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => heads(list),
            None => vec![word(rest)],
        })
        .collect()
}

/// The first word of each item of a braced list.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut begins, mut found) = (0, true, Vec::new());
    for (index, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && letter.is_alphabetic() => {
                found.push(word(&list[index..]));
                begins = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

fn imports(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(index, _)| {
        let before = code[..index].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != ':')
    })
}

#[test]
fn no_layer_reaches_past_its_neighbour() {
    for layer in &LAYERS {
        let files = sources(&root().join(layer.path));
        assert!(!files.is_empty(), "{}", layer.path);
        for file in files
            .iter()
            .filter(|file| !file.to_string_lossy().ends_with("tests.rs"))
        {
            let code = code(file);
            for module in own_modules(&code) {
                assert!(
                    layer.may_use.contains(&module.as_str()),
                    "{} uses crate::{module}",
                    file.display()
                );
            }
            for name in layer.may_not_import {
                assert!(!imports(&code, name), "{} imports {name}", file.display());
            }
        }
    }
}

#[test]
fn both_domains_know_neither_transport_nor_driver() {
    for layer in LAYERS.iter().filter(|layer| layer.path.ends_with("domain")) {
        for file in sources(&root().join(layer.path)) {
            let code = code(&file);
            for name in TRANSPORT.iter().chain(&DRIVERS) {
                assert!(!imports(&code, name), "{} imports {name}", file.display());
            }
        }
    }
}

#[test]
fn the_reader_of_imports_sees_what_is_there() {
    let code = "use crate::{\n    config::{A, B},\n    domain::x,\n};\nuse tonic::Status;\ncrate::storage::y();";
    let expected = ["config", "domain", "storage"].map(str::to_owned);
    assert_eq!(own_modules(code), BTreeSet::from(expected));
    assert!(imports(code, "tonic") && !imports(code, "nic") && !imports(code, "axum"));
}
