//! When a key is not needed any more.

use std::time::Duration;

use time::OffsetDateTime;

use crate::key::{KeyAlgorithms, PUBLICATION_LEAD_TIME, StoredSigningKey};

/// How long keys are kept: until the last token that they signed has expired.
#[derive(Clone, Copy, Debug)]
pub struct KeyRetention<'a> {
    /// The configured algorithms.
    pub algorithms: &'a KeyAlgorithms,
    /// Time since which this instance runs with these algorithms.
    pub configured_since: OffsetDateTime,
    /// The longest time from the signature of a token until every verifier rejects it as expired.
    pub max_token_life: Duration,
}

impl KeyRetention<'_> {
    /// Returns those of `keys` whose last token has expired at `now`.
    #[must_use]
    pub fn expired<'k>(
        &self,
        keys: &'k [StoredSigningKey],
        now: OffsetDateTime,
    ) -> Vec<&'k StoredSigningKey> {
        let is_expired = |key: &&StoredSigningKey| {
            self.is_succeeded(key, keys, now) || self.is_retired(key, keys, now)
        };
        keys.iter().filter(is_expired).collect()
    }

    /// Whether a newer key of the same algorithm has signed for longer than a token can be valid.
    fn is_succeeded(
        &self,
        key: &StoredSigningKey,
        keys: &[StoredSigningKey],
        now: OffsetDateTime,
    ) -> bool {
        let is_successor = |other: &&StoredSigningKey| {
            other.public_key.algorithm() == key.public_key.algorithm()
                && other.signs_from > key.signs_from
        };
        let mut successors = keys.iter().filter(is_successor);
        successors.any(|other| other.signs_from + self.max_token_life < now)
    }

    /// Whether the algorithm of the key is not configured any more, and its last token has expired. The store does not record when the
    /// settings changed, so the time counts from the start of this instance. The lead time is added, because the key may sign access
    /// tokens until the first one of the new algorithm does, and because other instances may start with the new settings later. As long as
    /// access tokens have no key of their own algorithm, nothing is retired.
    fn is_retired(
        &self,
        key: &StoredSigningKey,
        keys: &[StoredSigningKey],
        now: OffsetDateTime,
    ) -> bool {
        let unused_since = self.configured_since.max(key.signs_from) + PUBLICATION_LEAD_TIME;
        let access_tokens = self.algorithms.access_tokens();
        let own = keys
            .iter()
            .filter(|other| other.public_key.algorithm() == access_tokens);
        let first_of_own = own.map(|other| other.signs_from).min();
        !self.algorithms.contains(key.public_key.algorithm())
            && unused_since + self.max_token_life < now
            && first_of_own.is_some_and(|signs_from| signs_from + self.max_token_life < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{
        Algorithm::{self, EdDsa, Es256, Rs256},
        PublicKey,
    };

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const HOUR: Duration = Duration::from_hours(1);
    const MOMENT: Duration = Duration::from_millis(1);

    fn key(kid: &str, algorithm: Algorithm, signs_from: OffsetDateTime) -> StoredSigningKey {
        let (x, y) = ([0; 32], [0; 32]);
        StoredSigningKey {
            kid: kid.to_owned(),
            public_key: match algorithm {
                EdDsa => PublicKey::Ed25519 { x },
                Es256 => PublicKey::P256 { x, y },
                Rs256 => PublicKey::Rsa {
                    n: vec![0xff; 256],
                    e: [1, 0, 1],
                },
            },
            sealed_private_key: Vec::new(),
            created_at: signs_from,
            signs_from,
        }
    }

    /// The expired ones of `keys` at a time, where tokens live for an hour.
    fn expired(
        keys: &[StoredSigningKey],
        (access_tokens, id_tokens): (Algorithm, &[Algorithm]),
        configured_since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Vec<String> {
        let retention = KeyRetention {
            algorithms: &KeyAlgorithms::new(access_tokens, id_tokens),
            configured_since,
            max_token_life: HOUR,
        };
        let expired = retention.expired(keys, now);
        expired.into_iter().map(|key| key.kid.clone()).collect()
    }

    #[test]
    fn key_expires_with_its_last_token() {
        let keys = [key("old", EdDsa, START), key("new", EdDsa, START + HOUR)];
        let expired = |now| expired(&keys, (EdDsa, &[]), START, now);
        assert!(expired(START + HOUR * 2).is_empty());
        assert_eq!(expired(START + HOUR * 2 + MOMENT), ["old"]);
        assert_eq!(expired(START + HOUR * 1000), ["old"], "the newest stays");
    }

    #[test]
    fn key_is_not_succeeded_by_a_key_of_another_algorithm() {
        let keys = [
            key("rsa", Rs256, START),
            key("old", Es256, START),
            key("access", EdDsa, START + HOUR),
            key("new", Es256, START + HOUR),
        ];
        let expired = |now| expired(&keys, (EdDsa, &[Es256, Rs256]), START, now);
        assert_eq!(expired(START + HOUR * 1000), ["old"]);
    }

    #[test]
    fn key_of_a_removed_algorithm_expires_after_lead_time_and_last_token() {
        let keys = [key("rsa", Rs256, START), key("access", EdDsa, START)];
        let since = START + HOUR * 10;
        let expired = |now| expired(&keys, (EdDsa, &[Es256]), since, now);
        let end = since + PUBLICATION_LEAD_TIME + HOUR;
        assert!(expired(end).is_empty());
        assert_eq!(expired(end + MOMENT), ["rsa"]);
    }

    #[test]
    fn key_of_a_removed_algorithm_stays_while_it_may_sign_access_tokens() {
        let late = START + HOUR * 5;
        let mut keys = vec![key("old", Es256, START)];
        let expired = |keys: &[_], now| expired(keys, (EdDsa, &[EdDsa]), START, now);
        assert!(expired(&keys, START + HOUR * 1000).is_empty());
        keys.push(key("access", EdDsa, late));
        assert!(expired(&keys, late + HOUR).is_empty());
        assert_eq!(expired(&keys, late + HOUR + MOMENT), ["old"]);
    }
}
