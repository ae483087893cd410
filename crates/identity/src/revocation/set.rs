//! The revocation set: entries of the revocation log that can still match a token.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

use time::OffsetDateTime;

use crate::{
    id::{GrantId, Jti, Sid},
    revocation::{Revocation, Revoked},
    token::{Claims, TokenError},
};

/// Entries in memory, indexed by what they affect, by expiry and by position.
#[derive(Debug, Default)]
pub struct RevocationSet {
    in_order: BTreeMap<i64, Revocation>,
    /// Expiry and position of each entry, the earliest first.
    by_expiry: BTreeSet<(OffsetDateTime, i64)>,
    tokens: Expiries<Jti>,
    logins: Expiries<Sid>,
    grants: Expiries<GrantId>,
    clients: Expiries<String>,
    keys: Expiries<String>,
    newest: i64,
}

/// The latest expiry for each identifier: an OAuth client can be revoked again before the first entry has expired.
#[derive(Debug)]
struct Expiries<T>(HashMap<T, OffsetDateTime>);

impl<T> Default for Expiries<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Expiries<T> {
    fn insert(&mut self, id: T, expiry: OffsetDateTime) {
        let latest = self.0.entry(id).or_insert(expiry);
        *latest = expiry.max(*latest);
    }

    fn prune(&mut self, id: &T, now: OffsetDateTime) {
        if self.0.get(id).is_some_and(|expiry| *expiry < now) {
            self.0.remove(id);
        }
    }
}

impl RevocationSet {
    /// Returns the position of the newest entry that was ever inserted, pruned or not.
    #[must_use]
    pub const fn newest(&self) -> i64 {
        self.newest
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    /// Adds an entry.
    pub fn insert(&mut self, revocation: Revocation) {
        let expiry = revocation.expires_at;
        match &revocation.revoked {
            Revoked::Token(jti) => self.tokens.insert(*jti, expiry),
            Revoked::Login(sid) => self.logins.insert(*sid, expiry),
            Revoked::Grant(id) => self.grants.insert(*id, expiry),
            Revoked::Client(id) => self.clients.insert(id.clone(), expiry),
            Revoked::Key(kid) => self.keys.insert(kid.clone(), expiry),
        }
        self.newest = self.newest.max(revocation.sequence);
        self.by_expiry.insert((expiry, revocation.sequence));
        self.in_order.insert(revocation.sequence, revocation);
    }

    /// Removes the entries that expired before `now`, the time of the steady clock, so that after a leap of the system clock none is removed
    /// early (ADR 23). It visits no others: it is called often, and there may be a million.
    pub fn prune(&mut self, now: OffsetDateTime) {
        while let Some(&(expiry, sequence)) = self.by_expiry.first()
            && expiry < now
        {
            self.by_expiry.pop_first();
            match self
                .in_order
                .remove(&sequence)
                .map(|expired| expired.revoked)
            {
                Some(Revoked::Token(jti)) => self.tokens.prune(&jti, now),
                Some(Revoked::Login(sid)) => self.logins.prune(&sid, now),
                Some(Revoked::Grant(id)) => self.grants.prune(&id, now),
                Some(Revoked::Client(id)) => self.clients.prune(&id, now),
                Some(Revoked::Key(kid)) => self.keys.prune(&kid, now),
                None => {}
            }
        }
    }

    /// Checks that no entry affects a token with these claims.
    ///
    /// # Errors
    /// [`TokenError::LoginEnded`] or [`TokenError::Revoked`].
    pub fn check(&self, claims: &Claims) -> Result<(), TokenError> {
        let person = claims.person.as_ref();
        if person.is_some_and(|person| self.logins.0.contains_key(&person.sid)) {
            Err(TokenError::LoginEnded)
        } else if person.is_some_and(|person| self.grants.0.contains_key(&person.grant))
            || self.tokens.0.contains_key(&claims.jti)
            || self.clients.0.contains_key(&claims.client_id)
        {
            Err(TokenError::Revoked)
        } else {
            Ok(())
        }
    }

    /// Whether an entry affects this login, this grant of it, or the grant's OAuth client.
    #[must_use]
    pub fn affects_grant(&self, sid: Sid, grant: GrantId, client: &str) -> bool {
        self.logins.0.contains_key(&sid)
            || self.grants.0.contains_key(&grant)
            || self.clients.0.contains_key(client)
    }

    /// Whether an entry affects the signing key `kid`. Such a key is not in the key ring, so that its signatures do not verify.
    #[must_use]
    pub fn is_key_revoked(&self, kid: &str) -> bool {
        self.keys.0.contains_key(kid)
    }

    /// Returns at most `limit` entries after the position `sequence`, in order.
    #[must_use]
    pub fn after(&self, sequence: i64, limit: usize) -> Vec<Revocation> {
        let later = self.in_order.range(sequence.saturating_add(1)..);
        later.take(limit).map(|(_, one)| one.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn login(sequence: i64, byte: u8, expires_at: OffsetDateTime) -> Revocation {
        Revocation {
            sequence,
            revoked: Revoked::Login(Sid::from_bytes([byte; 16])),
            expires_at,
        }
    }

    #[test]
    fn entries_are_returned_in_order_after_a_position() {
        let mut set = RevocationSet::default();
        for sequence in [3, 1, 2] {
            set.insert(login(sequence, 1, NOW));
        }
        let sequences = |after, limit| -> Vec<_> {
            let found = set.after(after, limit);
            found.into_iter().map(|one| one.sequence).collect()
        };
        assert_eq!(sequences(0, 10), [1, 2, 3]);
        assert_eq!(sequences(1, 1), [2]);
        assert!(sequences(3, 10).is_empty());
        assert_eq!(set.newest(), 3);
    }

    #[test]
    fn pruning_removes_expired_entries_and_keeps_the_newest_position() {
        let mut set = RevocationSet::default();
        set.insert(login(1, 1, NOW));
        set.insert(login(2, 2, NOW + Duration::from_secs(2)));
        set.prune(NOW + Duration::from_secs(1));
        assert_eq!(set.after(0, 10).len(), 1);
        set.prune(NOW + Duration::from_secs(3));
        assert!(set.after(0, 10).is_empty() && set.logins.0.is_empty());
        assert_eq!(set.newest(), 2);
    }

    #[test]
    fn key_is_revoked_until_its_tokens_have_expired() {
        let mut set = RevocationSet::default();
        set.insert(Revocation {
            sequence: 1,
            revoked: Revoked::Key("kid".to_owned()),
            expires_at: NOW,
        });
        assert!(set.is_key_revoked("kid") && !set.is_key_revoked("other"));
        set.prune(NOW + Duration::from_secs(1));
        assert!(!set.is_key_revoked("kid"));
    }

    #[test]
    fn second_revocation_outlives_the_first() {
        let mut set = RevocationSet::default();
        let client = |sequence, seconds| Revocation {
            sequence,
            revoked: Revoked::Client("shop".to_owned()),
            expires_at: NOW + Duration::from_secs(seconds),
        };
        set.insert(client(1, 10));
        set.insert(client(2, 20));
        set.prune(NOW + Duration::from_secs(15));
        assert!(set.clients.0.contains_key("shop"));
        set.prune(NOW + Duration::from_secs(25));
        assert!(!set.clients.0.contains_key("shop"));
    }
}
