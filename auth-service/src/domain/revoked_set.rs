//! The revocations that can still hit something, in memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use time::OffsetDateTime;

use super::{
    access_token::{Claims, TokenRefused},
    id::{Jti, Sid},
    revocation::{Revocation, Revoked},
};

/// Knows them by what they hit, and in their order.
#[derive(Debug, Default)]
pub struct RevokedSet {
    in_order: BTreeMap<i64, Revocation>,
    /// When each can hit nothing any more, soonest first.
    ends: BTreeSet<(OffsetDateTime, i64)>,
    tokens: HashSet<Jti>,
    logins: HashSet<Sid>,
    clients: HashSet<String>,
    newest: i64,
}

impl RevokedSet {
    /// The number of the newest entry that was ever taken in.
    #[must_use]
    pub const fn newest(&self) -> i64 {
        self.newest
    }

    /// Takes one in.
    pub fn insert(&mut self, revocation: Revocation) {
        match &revocation.revoked {
            Revoked::Token(jti) => drop(self.tokens.insert(*jti)),
            Revoked::Login(sid) => drop(self.logins.insert(*sid)),
            Revoked::Client(id) => drop(self.clients.insert(id.clone())),
            // The keys themselves are what verifies: a revoked one does not.
            Revoked::Key(_) => {}
        }
        self.newest = self.newest.max(revocation.sequence);
        self.ends
            .insert((revocation.expires_at, revocation.sequence));
        self.in_order.insert(revocation.sequence, revocation);
    }

    /// Forgets what can hit nothing any more, and looks at nothing else: it is asked often, and there may be a million.
    pub fn prune(&mut self, now: OffsetDateTime) {
        while let Some(&(end, sequence)) = self.ends.first()
            && end < now
        {
            self.ends.pop_first();
            match self.in_order.remove(&sequence).map(|dead| dead.revoked) {
                Some(Revoked::Token(jti)) => drop(self.tokens.remove(&jti)),
                Some(Revoked::Login(sid)) => drop(self.logins.remove(&sid)),
                Some(Revoked::Client(id)) => drop(self.clients.remove(&id)),
                Some(Revoked::Key(_)) | None => {}
            }
        }
    }

    /// Why a token with these claims is refused, if it is.
    #[must_use]
    pub fn refuses(&self, claims: &Claims) -> Option<TokenRefused> {
        let person = claims.person.as_ref();
        if person.is_some_and(|person| self.logins.contains(&person.sid)) {
            Some(TokenRefused::LoginEnded)
        } else if self.tokens.contains(&claims.jti) || self.clients.contains(&claims.client_id) {
            Some(TokenRefused::Revoked)
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
        let mut set = RevokedSet::default();
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
        let mut set = RevokedSet::default();
        set.insert(login(1, 1, NOW));
        set.insert(login(2, 2, NOW + Duration::from_secs(2)));
        set.prune(NOW + Duration::from_secs(1));
        assert_eq!(set.after(0, 10).len(), 1);
        set.prune(NOW + Duration::from_secs(3));
        assert!(set.after(0, 10).is_empty() && set.logins.is_empty());
        assert_eq!(set.newest(), 2);
    }
}
