//! When a key signs, and when it is to be replaced.

use std::time::Duration;

use time::OffsetDateTime;

use crate::key::{Algorithm, StoredSigningKey};

/// Time between the publication of a key and its first signature: longer than verifiers cache the JWKS.
pub const PUBLICATION_LEAD_TIME: Duration = Duration::from_mins(10);

/// Returns the index of the key that signs access tokens at `at`: of the keys that have started by then, the latest one of `algorithm`,
/// or of any algorithm for access tokens if that has none.
pub fn access_token_key_index<'a>(
    keys: impl Iterator<Item = (Algorithm, OffsetDateTime)> + Clone + 'a,
    algorithm: Algorithm,
    at: OffsetDateTime,
) -> Option<usize> {
    let keys = keys
        .enumerate()
        .filter(|(_, key)| key.0.is_for_access_tokens());
    let started = keys.clone().filter(|(_, key)| key.1 <= at);
    let latest = started.max_by_key(|(_, key)| (key.0 == algorithm, key.1));
    // Where none has started, as after the clock was set back, the earliest one signs.
    let chosen = latest.or_else(|| keys.min_by_key(|(_, key)| (key.0 != algorithm, key.1)));
    chosen.map(|(index, _)| index)
}

/// Returns the index of the key that signs ID tokens of `algorithm` at `at`: of the keys of this algorithm that have started by then, the
/// latest one. A relying party accepts no other algorithm than that which it has registered.
pub fn id_token_key_index<'a>(
    keys: impl Iterator<Item = (Algorithm, OffsetDateTime)> + Clone + 'a,
    algorithm: Algorithm,
    at: OffsetDateTime,
) -> Option<usize> {
    let keys = keys.enumerate().filter(|(_, key)| key.0 == algorithm);
    let started = keys.clone().filter(|(_, key)| key.1 <= at);
    let latest = started.max_by_key(|(_, key)| key.1);
    // Where none has started, as after the clock was set back, the earliest one signs.
    let chosen = latest.or_else(|| keys.min_by_key(|(_, key)| key.1));
    chosen.map(|(index, _)| index)
}

/// Returns the time from which the newest of `keys` of this algorithm signs. `None`: there is no key of it.
#[must_use]
pub fn newest_start(keys: &[StoredSigningKey], algorithm: Algorithm) -> Option<OffsetDateTime> {
    let own = keys
        .iter()
        .filter(|key| key.public_key.algorithm() == algorithm);
    own.map(|key| key.signs_from).max()
}

/// Whether the newest of `keys` of this algorithm has signed for `max_age`, or there is none.
#[must_use]
pub fn is_rotation_due(
    keys: &[StoredSigningKey],
    algorithm: Algorithm,
    max_age: Duration,
    now: OffsetDateTime,
) -> bool {
    newest_start(keys, algorithm).is_none_or(|signs_from| now >= signs_from + max_age)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PublicKey;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const HOUR: Duration = Duration::from_hours(1);

    fn key(kid: &str, signs_from: OffsetDateTime) -> StoredSigningKey {
        StoredSigningKey {
            kid: kid.to_owned(),
            public_key: PublicKey::Ed25519 { x: [0; 32] },
            sealed_private_key: Vec::new(),
            created_at: signs_from,
            signs_from,
        }
    }

    #[test]
    fn latest_started_key_signs_access_tokens() {
        let keys = [
            (Algorithm::EdDsa, START),
            (Algorithm::EdDsa, START + HOUR),
            (Algorithm::Es256, START + HOUR),
        ];
        let at = |at| access_token_key_index(keys.into_iter(), Algorithm::EdDsa, at);
        assert_eq!(at(START), Some(0));
        assert_eq!(at(START + HOUR - Duration::from_millis(1)), Some(0));
        assert_eq!(at(START + HOUR), Some(1));
        assert_eq!(at(START - HOUR), Some(0), "a clock that was set back");
        assert_eq!(
            access_token_key_index([].into_iter(), Algorithm::EdDsa, START),
            None
        );
    }

    #[test]
    fn key_of_another_algorithm_signs_access_tokens_until_the_own_one_starts() {
        let keys = [
            (Algorithm::Rs256, START),
            (Algorithm::EdDsa, START),
            (Algorithm::Es256, START + HOUR),
        ];
        let at = |at| access_token_key_index(keys.into_iter(), Algorithm::Es256, at);
        assert_eq!(at(START), Some(1));
        assert_eq!(at(START + HOUR), Some(2));
        let rsa = [(Algorithm::Rs256, START)].into_iter();
        assert_eq!(access_token_key_index(rsa, Algorithm::EdDsa, START), None);
    }

    #[test]
    fn key_of_exactly_the_algorithm_signs_id_tokens() {
        let keys = [
            (Algorithm::EdDsa, START),
            (Algorithm::Rs256, START),
            (Algorithm::Rs256, START + HOUR),
        ];
        let at = |algorithm, at| id_token_key_index(keys.into_iter(), algorithm, at);
        assert_eq!(at(Algorithm::EdDsa, START + HOUR), Some(0));
        assert_eq!(at(Algorithm::Rs256, START), Some(1));
        assert_eq!(at(Algorithm::Rs256, START + HOUR), Some(2));
        assert_eq!(at(Algorithm::Rs256, START - HOUR), Some(1), "set back");
        assert_eq!(at(Algorithm::Es256, START + HOUR), None);
    }

    #[test]
    fn rotation_is_due_at_the_age_of_the_newest_key_of_the_algorithm() {
        let keys = [key("old", START), key("new", START + HOUR)];
        let is_due = |algorithm, now| is_rotation_due(&keys, algorithm, HOUR, now);
        let almost = START + HOUR * 2 - Duration::from_millis(1);
        assert!(!is_due(Algorithm::EdDsa, almost));
        assert!(is_due(Algorithm::EdDsa, START + HOUR * 2));
        assert!(is_due(Algorithm::Es256, START));
    }
}
