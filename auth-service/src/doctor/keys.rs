//! The keys in the database.

use std::time::Duration;

use holdfast_crypto::seal::Sealer;
use holdfast_identity::{
    key::{StoredSigningKey, is_rotation_due},
    store::StoreError,
};
use holdfast_server_kit::doctor::{Check, Finding};
use holdfast_store_sqlite::inspection::{SchemaState, StoredKeys};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::config::ServeConfig;

pub(super) static SEALED: Check = Check {
    id: "keys.sealed",
    why: "auth-service does not start with another key-encryption key than that which sealed the keys in its database",
};
pub(super) static ROTATION: Check = Check {
    id: "keys.rotation",
    why: "A running service replaces its signing key by itself; the longer one signs, the longer a stolen one is of use",
};

/// Time after which a rotation that is due should have taken place.
const GRACE: Duration = Duration::from_hours(1);

/// A database without a schema has no keys yet.
pub(super) fn assess(
    schema: SchemaState,
    keys: Result<&StoredKeys, &StoreError>,
    config: &ServeConfig,
    now: OffsetDateTime,
) -> Vec<Finding> {
    match keys {
        _ if schema == SchemaState::Missing => Vec::new(),
        Ok(keys) => {
            let sealer = Sealer::new(&config.key_encryption_key);
            let is_due = is_rotation_due(
                &keys.signing,
                config.signing_algorithm,
                config.key_max_age + GRACE,
                now,
            );
            vec![
                assess_sealed(keys, &sealer),
                assess_rotation(&keys.signing, is_due, config.key_max_age, now),
            ]
        }
        // The schema of another version, which has its own finding.
        Err(error) => vec![SEALED.warning(
            format!("the keys cannot be read: {error}"),
            "see database.schema",
        )],
    }
}

fn assess_sealed(keys: &StoredKeys, sealer: &Sealer) -> Finding {
    let signing = keys.signing.iter();
    let signing = signing.map(|key| (&key.kid, &key.sealed_private_key));
    let secret = keys.secret.iter().map(|(name, sealed)| (name, sealed));
    let all: Vec<_> = signing.chain(secret).collect();
    let closed = all
        .iter()
        .filter(|(name, sealed)| sealer.open(name, sealed).is_err());
    match (closed.count(), all.len()) {
        (0, count) => SEALED.ok(format!("the key-encryption key opens all {count} keys")),
        (closed, count) => SEALED.error(
            format!("the key-encryption key does not open {closed} of {count} keys"),
            "set AUTH_KEY_ENCRYPTION_KEY to the key that this database was created with",
        ),
    }
}

fn assess_rotation(
    keys: &[StoredSigningKey],
    is_due: bool,
    max_age: Duration,
    now: OffsetDateTime,
) -> Finding {
    let Some(newest) = keys.iter().map(|key| key.signs_from).max() else {
        return ROTATION.ok("there is no signing key; the service creates one when it starts");
    };
    let (count, days) = (keys.len(), (now - newest).whole_days());
    let found = format!("{count} signing keys, of which the newest has signed for {days} days");
    if is_due {
        let remedy = "check that an instance runs, and its log for signing_key; `auth-service key rotate` replaces the key";
        ROTATION.warning(format!("{found}: its rotation is overdue"), remedy)
    } else {
        let next = (newest + max_age).truncate_to_second();
        let next = next.format(&Rfc3339).unwrap_or_default();
        ROTATION.ok(format!("{found}; the next rotation is at {next}"))
    }
}

#[cfg(test)]
mod tests {
    use holdfast_identity::key::PublicKey;
    use holdfast_server_kit::doctor::Severity::{Error, Ok, Warning};
    use secrecy::SecretBox;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&SecretBox::new(Box::new([byte; 32])))
    }

    fn signing_key(sealer: &Sealer) -> StoredSigningKey {
        let now = OffsetDateTime::UNIX_EPOCH;
        StoredSigningKey {
            kid: "7".to_owned(),
            public_key: PublicKey::Ed25519 { x: [0; 32] },
            sealed_private_key: sealer.seal("7", b"private"),
            created_at: now,
            signs_from: now,
        }
    }

    #[test]
    fn key_that_does_not_open_is_an_error() {
        let keys = StoredKeys {
            signing: vec![signing_key(&sealer(1))],
            secret: vec![("nonces".to_owned(), sealer(1).seal("nonces", b"secret"))],
        };
        assert_eq!(assess_sealed(&keys, &sealer(1)).severity, Ok);
        let other = assess_sealed(&keys, &sealer(2));
        assert_eq!(other.outcome(), ("keys.sealed", Error));
        assert!(other.found.contains("2 of 2"));
    }

    #[test]
    fn overdue_rotation_is_a_warning() {
        let keys = [signing_key(&sealer(1))];
        let now = OffsetDateTime::UNIX_EPOCH;
        let assess = |keys, is_due| assess_rotation(keys, is_due, Duration::from_hours(24), now);
        let fine = assess(&keys, false);
        assert_eq!(fine.severity, Ok);
        assert!(
            fine.found.ends_with("at 1970-01-02T00:00:00Z"),
            "{}",
            fine.found
        );
        assert_eq!(assess(&keys, true).outcome(), ("keys.rotation", Warning));
        assert_eq!(assess(&[], true).severity, Ok);
    }
}
