//! Which crate may depend on which: the walls of docs/ARCHITECTURE.md, as `cargo metadata` sees them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{collections::BTreeSet, env, process::Command};

use serde_json::Value;

/// A crate, the crates of this workspace that it may depend on, and the frameworks and drivers that it may not.
struct Wall {
    package: &'static str,
    may_depend_on: &'static [&'static str],
    may_not_depend_on: &'static [&'static str],
}

const FRAMEWORKS: &[&str] = &[
    "axum",
    "clap",
    "tonic",
    "tower",
    "tower-http",
    "tracing-subscriber",
];
const FRAMEWORKS_AND_DRIVERS: &[&str] = &[
    "argon2",
    "auth-proto",
    "aws-lc-rs",
    "axum",
    "clap",
    "fred",
    "hyper",
    "jsonwebtoken",
    "prost-types",
    "redis",
    "serde",
    "sqlx",
    "tokio",
    "tonic",
    "tower",
    "tower-http",
    "tracing",
];

const WALLS: [Wall; 16] = [
    Wall {
        package: "holdfast-core",
        may_depend_on: &[],
        may_not_depend_on: FRAMEWORKS,
    },
    Wall {
        package: "holdfast-identity",
        may_depend_on: &["holdfast-core"],
        may_not_depend_on: FRAMEWORKS_AND_DRIVERS,
    },
    Wall {
        package: "holdfast-crypto",
        may_depend_on: &[
            "holdfast-core",
            "holdfast-identity",
            "holdfast-metrics",
            "holdfast-trace",
            "holdfast-webauthn",
        ],
        may_not_depend_on: &[
            "auth-proto",
            "axum",
            "clap",
            "redis",
            "sqlx",
            "tonic",
            "tower",
        ],
    },
    Wall {
        package: "holdfast-store-sql",
        may_depend_on: &["holdfast-core", "holdfast-identity", "holdfast-trace"],
        may_not_depend_on: &["tokio"],
    },
    Wall {
        package: "holdfast-store-sqlite",
        may_depend_on: &[
            "holdfast-core",
            "holdfast-identity",
            "holdfast-metrics",
            "holdfast-store-sql",
            "holdfast-trace",
        ],
        may_not_depend_on: &[
            "argon2",
            "auth-proto",
            "aws-lc-rs",
            "axum",
            "clap",
            "jsonwebtoken",
            "redis",
            "tonic",
            "tower",
        ],
    },
    Wall {
        package: "holdfast-store-postgres",
        may_depend_on: &[
            "holdfast-core",
            "holdfast-identity",
            "holdfast-metrics",
            "holdfast-store-sql",
            "holdfast-trace",
        ],
        may_not_depend_on: &[
            "argon2",
            "auth-proto",
            "aws-lc-rs",
            "axum",
            "clap",
            "jsonwebtoken",
            "redis",
            "tonic",
            "tower",
        ],
    },
    Wall {
        package: "holdfast-store-transfer",
        may_depend_on: &[
            "holdfast-identity",
            "holdfast-store-postgres",
            "holdfast-store-sqlite",
        ],
        may_not_depend_on: FRAMEWORKS,
    },
    Wall {
        package: "holdfast-store-conformance",
        may_depend_on: &["holdfast-core", "holdfast-identity"],
        may_not_depend_on: &["sqlx"],
    },
    Wall {
        package: "holdfast-metrics",
        may_depend_on: &["holdfast-core"],
        may_not_depend_on: FRAMEWORKS_AND_DRIVERS,
    },
    Wall {
        package: "holdfast-circuit-breaker",
        may_depend_on: &["holdfast-metrics"],
        may_not_depend_on: FRAMEWORKS,
    },
    Wall {
        package: "holdfast-tls",
        may_depend_on: &["holdfast-core", "holdfast-metrics"],
        may_not_depend_on: FRAMEWORKS,
    },
    Wall {
        package: "holdfast-trace",
        may_depend_on: &["holdfast-core"],
        may_not_depend_on: FRAMEWORKS,
    },
    Wall {
        package: "holdfast-webauthn",
        may_depend_on: &["holdfast-core"],
        may_not_depend_on: &[
            "auth-proto",
            "axum",
            "clap",
            "redis",
            "sqlx",
            "tokio",
            "tonic",
            "tower",
            "tracing",
        ],
    },
    Wall {
        package: "holdfast-client",
        may_depend_on: &[
            "auth-proto",
            "holdfast-circuit-breaker",
            "holdfast-core",
            "holdfast-metrics",
            "holdfast-tls",
            "holdfast-trace",
        ],
        may_not_depend_on: &[
            "axum",
            "clap",
            "fred",
            "redis",
            "sqlx",
            "tower-http",
            "tracing-subscriber",
        ],
    },
    Wall {
        package: "auth-service",
        may_depend_on: &[
            "auth-proto",
            "holdfast-circuit-breaker",
            "holdfast-core",
            "holdfast-crypto",
            "holdfast-identity",
            "holdfast-metrics",
            "holdfast-server-kit",
            "holdfast-store-postgres",
            "holdfast-store-sqlite",
            "holdfast-store-transfer",
            "holdfast-tls",
            "holdfast-trace",
            "holdfast-webauthn",
        ],
        may_not_depend_on: &["sqlx"],
    },
    Wall {
        package: "web-service",
        may_depend_on: &[
            "holdfast-circuit-breaker",
            "holdfast-client",
            "holdfast-core",
            "holdfast-crypto",
            "holdfast-metrics",
            "holdfast-server-kit",
            "holdfast-tls",
            "holdfast-trace",
        ],
        may_not_depend_on: &["auth-proto", "sqlx"],
    },
];

/// What `cargo metadata` says of this workspace.
fn packages() -> Vec<Value> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(xtask::workspace::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

/// The names of what a package depends on, other than in its tests.
fn dependencies(package: &Value) -> BTreeSet<&str> {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    dependencies
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .map(|dependency| dependency["name"].as_str().unwrap())
        .collect()
}

#[test]
fn crate_depends_only_on_what_its_wall_allows() {
    let packages = packages();
    let own: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    for wall in &WALLS {
        let package = packages
            .iter()
            .find(|package| package["name"] == wall.package);
        let dependencies = dependencies(package.unwrap());
        for name in dependencies.intersection(&own) {
            assert!(
                wall.may_depend_on.contains(name),
                "{} depends on {name}",
                wall.package
            );
        }
        for name in wall.may_not_depend_on {
            assert!(
                !dependencies.contains(name),
                "{} depends on {name}",
                wall.package
            );
        }
        for name in wall.may_depend_on {
            assert!(
                dependencies.contains(name),
                "{} does not need {name}",
                wall.package
            );
        }
    }
}

/// web-service finds the entry of a request in its route table with `matchit`, and axum its handler: with two versions, one path could have
/// the CSRF check of another.
#[test]
fn one_version_of_matchit_matches_paths() {
    let lock = std::fs::read_to_string(xtask::workspace::root().join("Cargo.lock")).unwrap();
    let versions = lock.matches("name = \"matchit\"\n").count();
    assert_eq!(versions, 1);
}
