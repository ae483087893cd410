//! The schema of the database.

use holdfast_server_kit::doctor::{Check, Finding};
use holdfast_store_sqlite::inspection::SchemaState;

pub(super) static SCHEMA: Check = Check {
    id: "database.schema",
    why: "auth-service migrates an earlier schema when it starts, and refuses one that a later version has changed",
};

pub(super) fn assess(state: SchemaState) -> Finding {
    match state {
        SchemaState::Current(known) => SCHEMA.ok(format!("the schema is that of this version ({known})")),
        SchemaState::Missing => SCHEMA.warning(
            "the database has no schema yet",
            "start the service, which creates it; where there should be data, check AUTH_DATABASE_URL",
        ),
        SchemaState::Earlier { found, known } => SCHEMA.warning(
            format!("the schema is that of an earlier version ({found}; this version has {known})"),
            "make a backup, and start the service of this version, which migrates the database",
        ),
        SchemaState::Later {
            found,
            known,
            is_compatible: true,
        } => SCHEMA.warning(
            format!("a later version has migrated the database ({found}; this version has {known}), with which this version works"),
            "complete the upgrade",
        ),
        SchemaState::Later { found, known, .. } => SCHEMA.error(
            format!("a later version has migrated the database ({found}; this version has {known})"),
            "start the later version again, or restore a backup that this version made",
        ),
        SchemaState::Other(version) => SCHEMA.error(
            format!("migration {version} of the schema differs from that of this version"),
            "start the version that wrote it, or restore a backup",
        ),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_server_kit::doctor::Severity::{Error, Ok, Warning};

    use super::*;

    #[test]
    fn later_schema_is_an_error_unless_this_version_works_with_it() {
        let (found, known) = (3, 2);
        let later = |is_compatible| SchemaState::Later {
            found,
            known,
            is_compatible,
        };
        let earlier = SchemaState::Earlier { found: 1, known };
        for (state, severity) in [
            (SchemaState::Current(2), Ok),
            (SchemaState::Missing, Warning),
            (earlier, Warning),
            (later(true), Warning),
            (later(false), Error),
            (SchemaState::Other(1), Error),
        ] {
            assert_eq!(assess(state).severity, severity, "{state:?}");
        }
        let outcome = assess(SchemaState::Other(1)).outcome();
        assert_eq!(outcome, ("database.schema", Error));
    }
}
