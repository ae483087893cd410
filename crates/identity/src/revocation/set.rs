//! The revocations that can still hit something, in memory.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

use time::OffsetDateTime;

use crate::{
    id::{Jti, Sid},
    revocation::{Revocation, Revoked},
    token::{Claims, TokenError},
};

/// Knows them by what they hit, and in their order.
#[derive(Debug, Default)]
pub struct RevocationSet {
    in_order: BTreeMap<i64, Revocation>,
    /// When each can hit nothing any more, soonest first.
    ends: BTreeSet<(OffsetDateTime, i64)>,
    tokens: Ends<Jti>,
    logins: Ends<Sid>,
    clients: Ends<String>,
    newest: i64,
}

/// Until when each can hit something: a client can be revoked again before the first time is over.
#[derive(Debug)]
struct Ends<T>(HashMap<T, OffsetDateTime>);

impl<T> Default for Ends<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Ends<T> {
    fn insert(&mut self, what: T, end: OffsetDateTime) {
        let latest = self.0.entry(what).or_insert(end);
        *latest = end.max(*latest);
    }

    fn prune(&mut self, what: &T, now: OffsetDateTime) {
        if self.0.get(what).is_some_and(|end| *end < now) {
            self.0.remove(what);
        }
    }
}

impl RevocationSet {
    /// The number of the newest entry that was ever taken in.
    #[must_use]
    pub const fn newest(&self) -> i64 {
        self.newest
    }

    /// Takes one in.
    pub fn insert(&mut self, revocation: Revocation) {
        let end = revocation.expires_at;
        match &revocation.revoked {
            Revoked::Token(jti) => self.tokens.insert(*jti, end),
            Revoked::Login(sid) => self.logins.insert(*sid, end),
            Revoked::Client(id) => self.clients.insert(id.clone(), end),
            // The keys themselves are what verifies: a revoked one does not.
            Revoked::Key(_) => {}
        }
        self.newest = self.newest.max(revocation.sequence);
        self.ends.insert((end, revocation.sequence));
        self.in_order.insert(revocation.sequence, revocation);
    }

    /// Forgets what can hit nothing any more, and looks at nothing else: it is asked often, and there may be a million.
    pub fn prune(&mut self, now: OffsetDateTime) {
        while let Some(&(end, sequence)) = self.ends.first()
            && end < now
        {
            self.ends.pop_first();
            match self.in_order.remove(&sequence).map(|dead| dead.revoked) {
                Some(Revoked::Token(jti)) => self.tokens.prune(&jti, now),
                Some(Revoked::Login(sid)) => self.logins.prune(&sid, now),
                Some(Revoked::Client(id)) => self.clients.prune(&id, now),
                Some(Revoked::Key(_)) | None => {}
            }
        }
    }

    /// Why a token with these claims is refused, if it is.
    #[must_use]
    pub fn is_revoked(&self, claims: &Claims) -> Option<TokenError> {
        let person = claims.person.as_ref();
        if person.is_some_and(|person| self.logins.0.contains_key(&person.sid)) {
            Some(TokenError::LoginEnded)
        } else if self.tokens.0.contains_key(&claims.jti)
            || self.clients.0.contains_key(&claims.client_id)
        {
            Some(TokenError::Revoked)
        } else {
            None
        }
    }

    /// Those after `sequence`, at most `limit`, in their order.
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
    fn it_gives_them_in_order_from_any_place() {
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
    fn what_can_hit_nothing_is_forgotten_and_the_place_is_not() {
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
    fn what_is_revoked_again_outlives_the_first_time() {
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
