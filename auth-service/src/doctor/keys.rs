//! The keys in the database.

use std::time::Duration;

use holdfast_crypto::seal::Sealer;
use holdfast_identity::{
    key::{Algorithm, KeyAlgorithms, StoredSigningKey, newest_start},
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
    why: "A running service replaces its signing keys by itself, those of each algorithm; the longer one signs, the longer a stolen one is of use",
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
            let algorithms =
                KeyAlgorithms::new(config.signing_algorithm, &config.id_token_algorithms);
            vec![
                assess_sealed(keys, &sealer),
                assess_rotation(&keys.signing, &algorithms, config.key_max_age, now),
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

/// Assesses the newest key of each configured algorithm. The keys of other algorithms are deleted by the service.
fn assess_rotation(
    keys: &[StoredSigningKey],
    algorithms: &KeyAlgorithms,
    max_age: Duration,
    now: OffsetDateTime,
) -> Finding {
    let newest = |algorithm| newest_start(keys, algorithm);
    let Some(oldest) = algorithms.iter().filter_map(newest).min() else {
        return ROTATION.ok("there is no signing key; the service creates them when it starts");
    };
    let missing = names(algorithms, |algorithm| newest(algorithm).is_none());
    let missing = missing.map(|missing| format!(", none for {missing} before the next start"));
    let found = format!(
        "{} signing keys{}; of the newest of each algorithm, the oldest has signed for {} days",
        keys.len(),
        missing.unwrap_or_default(),
        (now - oldest).whole_days()
    );
    let overdue = names(algorithms, |algorithm| {
        newest(algorithm).is_some_and(|signs_from| now >= signs_from + max_age + GRACE)
    });
    if let Some(overdue) = overdue {
        let remedy = "check that an instance runs, and its log for signing_key; `auth-service key rotate` replaces the keys";
        ROTATION.warning(
            format!("{found}: the rotation for {overdue} is overdue"),
            remedy,
        )
    } else {
        let next = (oldest + max_age).truncate_to_second();
        let next = next.format(&Rfc3339).unwrap_or_default();
        ROTATION.ok(format!("{found}; the next rotation is at {next}"))
    }
}

/// The names of those algorithms for which `predicate` holds. `None`: there are none.
fn names(algorithms: &KeyAlgorithms, predicate: impl Fn(Algorithm) -> bool) -> Option<String> {
    let named = algorithms.iter().filter(|algorithm| predicate(*algorithm));
    let named: Vec<_> = named.map(Algorithm::as_str).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

#[cfg(test)]
mod tests {
    use holdfast_identity::key::{
        Algorithm::{EdDsa, Es256, Rs256},
        PublicKey,
    };
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
    fn overdue_rotation_of_any_algorithm_is_a_warning() {
        let (start, max_age) = (OffsetDateTime::UNIX_EPOCH, Duration::from_hours(24));
        let old = signing_key(&sealer(1));
        let rsa = StoredSigningKey {
            public_key: PublicKey::Rsa {
                n: vec![0xff; 256],
                e: [1, 0, 1],
            },
            signs_from: start + max_age,
            ..old.clone()
        };
        let assess = |keys: &[_], id_tokens, now| {
            let algorithms = KeyAlgorithms::new(EdDsa, id_tokens);
            assess_rotation(keys, &algorithms, max_age, now)
        };
        let fine = assess(std::slice::from_ref(&old), &[EdDsa], start);
        assert_eq!(fine.severity, Ok);
        assert!(fine.found.ends_with("at 1970-01-02T00:00:00Z"), "{fine:?}");
        let new = assess(std::slice::from_ref(&old), &[Es256, Rs256], start);
        assert_eq!(new.severity, Ok);
        assert!(new.found.contains("none for ES256, RS256"), "{new:?}");

        let keys = [old, rsa];
        let late = start + max_age + GRACE;
        let overdue = assess(&keys, &[Rs256], late);
        assert_eq!(overdue.outcome(), ("keys.rotation", Warning));
        assert!(overdue.found.contains("for EdDSA is"), "{overdue:?}");
        let both = assess(&keys, &[Rs256], late + max_age);
        assert!(both.found.contains("for EdDSA, RS256 is"), "{both:?}");
        assert_eq!(assess(&[], &[Rs256], late).severity, Ok);
    }
}
