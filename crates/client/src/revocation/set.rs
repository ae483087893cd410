//! The revocation set.

use std::collections::HashMap;

use auth_proto::v1::{Revocation, revocation::Revoked};

use crate::revocation::RevocableIds;

/// Seconds between two removals of entries that cannot match any more.
const PRUNE_INTERVAL: i64 = 60;

/// The revocations of one epoch that can still match a token or a login.
#[derive(Default)]
pub(super) struct RevocationSet {
    pub(super) epoch: String,
    /// Sequence of the newest entry.
    pub(super) sequence: i64,
    /// Sequence of the newest entry that auth-service has announced, received or not.
    pub(super) announced: i64,
    /// Sequence up to which the log is complete. The newest entries may have expired, and are not received then.
    pub(super) complete: i64,
    /// Time of the latest [`prune`](Self::prune), in seconds since 1970.
    pruned_at: i64,
    /// Entries by `sid`, each with the time from which on it matches nothing, in seconds since 1970.
    pub(super) logins: HashMap<Box<str>, i64>,
    /// The same by identifier of a grant.
    grants: HashMap<Box<str>, i64>,
    /// The same by `jti`.
    tokens: HashMap<Box<str>, i64>,
    /// The same by `client_id`.
    clients: HashMap<Box<str>, i64>,
    /// The same by `kid` of a signing key.
    pub(super) signing_keys: HashMap<Box<str>, i64>,
    /// Number of signing keys that were revoked, those included that have been removed. auth-service itself refuses their tokens.
    pub(super) keys: u64,
}

impl RevocationSet {
    /// An empty set.
    pub(super) fn new(epoch: String) -> Self {
        Self {
            epoch,
            ..Self::default()
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.logins.len() + self.grants.len() + self.tokens.len() + self.clients.len()
    }

    /// Position in the log up to which all entries apply.
    pub(super) fn position(&self) -> i64 {
        self.sequence.max(self.complete)
    }

    pub(super) fn insert(&mut self, revocation: Revocation) {
        self.sequence = self.sequence.max(revocation.sequence);
        let until = revocation.expires_at.map_or(i64::MAX, |time| time.seconds);
        match revocation.revoked {
            Some(Revoked::Sid(sid)) => drop(self.logins.insert(sid.into(), until)),
            Some(Revoked::GrantId(id)) => drop(self.grants.insert(id.into(), until)),
            Some(Revoked::Jti(jti)) => drop(self.tokens.insert(jti.into(), until)),
            Some(Revoked::ClientId(id)) => drop(self.clients.insert(id.into(), until)),
            Some(Revoked::Kid(kid)) => {
                self.keys += 1;
                self.signing_keys.insert(kid.into(), until);
            }
            None => {}
        }
    }

    /// Applies a complete snapshot. Entries of the same epoch stay: an instance whose replica lags behind does not undo them.
    pub(super) fn apply(&mut self, snapshot: Self) {
        if self.epoch == snapshot.epoch {
            self.sequence = self.sequence.max(snapshot.sequence);
            self.announced = self.announced.max(snapshot.announced);
            self.logins.extend(snapshot.logins);
            self.grants.extend(snapshot.grants);
            self.tokens.extend(snapshot.tokens);
            self.clients.extend(snapshot.clients);
            self.signing_keys.extend(snapshot.signing_keys);
            self.keys += snapshot.keys;
        } else {
            *self = snapshot;
        }
    }

    /// Removes entries that match nothing any more at `now`, once a minute, as there may be a million entries to go through.
    pub(super) fn prune(&mut self, now: i64) {
        if now < self.pruned_at + PRUNE_INTERVAL {
            return;
        }
        self.pruned_at = now;
        for entries in [
            &mut self.logins,
            &mut self.grants,
            &mut self.tokens,
            &mut self.clients,
            &mut self.signing_keys,
        ] {
            entries.retain(|_, until| *until >= now);
        }
    }

    pub(super) fn contains_login(&self, sid: &str) -> bool {
        self.logins.contains_key(sid)
    }

    pub(super) fn contains_any(&self, ids: RevocableIds<'_>) -> bool {
        ids.sid.is_some_and(|sid| self.contains_login(sid))
            || ids.grant_id.is_some_and(|id| self.grants.contains_key(id))
            || ids.jti.is_some_and(|jti| self.tokens.contains_key(jti))
            || self.clients.contains_key(ids.client_id)
    }
}
