//! Metrics of the revocation log.

use std::sync::{Arc, LazyLock};

use holdfast_identity::revocation::Revoked;
use holdfast_metrics::{Counter, Counters, GaugeOf, Registry, real};

use crate::revocation_feed::{Memory, RevocationFeed};

pub(super) static RESTORED: LazyLock<Counter> = LazyLock::new(Counter::default);
static READ: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
static READ_BY_KIND: LazyLock<[Counter; KINDS.len()]> =
    LazyLock::new(|| KINDS.map(|kind| READ.get_or_create_owned(&[("kind", kind)])));

/// What an entry revokes.
const KINDS: [&str; 5] = ["token", "login", "grant", "client", "key"];

/// Adds them to a registry.
pub(super) fn register(feed: &Arc<RevocationFeed>, registry: &mut Registry) {
    LazyLock::force(&READ_BY_KIND);
    registry.register(
        "revocations_read",
        "Entries of the revocation log that were read, by what they revoke; at its start an instance reads the whole log",
        READ.clone(),
    );
    registry.register(
        "revocations_restored",
        "Entries that a promoted database server lacked, and that were written back",
        RESTORED.clone(),
    );
    let mut gauge = |name, help, value: fn(&Memory) -> f64| {
        let feed = Arc::clone(feed);
        GaugeOf::register(registry, name, help, move || Some(value(&feed.memory())));
    };
    gauge(
        "revocation_log_position",
        "Sequence number of the newest revocation that was read",
        |memory| real(memory.revoked.newest().unsigned_abs()),
    );
    gauge(
        "revocations_in_memory",
        "Revocations in memory, which can still match a credential",
        |memory| real(memory.revoked.len() as u64),
    );
    gauge(
        "revocation_log_read_age_seconds",
        "Time since the revocation log was last read to its end",
        |memory| memory.read_at.elapsed().as_secs_f64(),
    );
}

/// Counts an entry that was read.
pub(super) fn count(revoked: &Revoked) {
    let [token, login, grant, client, key] = &*READ_BY_KIND;
    let counter = match revoked {
        Revoked::Token(_) => token,
        Revoked::Login(_) => login,
        Revoked::Grant(_) => grant,
        Revoked::Client(_) => client,
        Revoked::Key(_) => key,
    };
    counter.inc();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_counted_by_what_it_revokes() {
        let read = || KINDS.map(|kind| READ.get_or_create_owned(&[("kind", kind)]).get());
        LazyLock::force(&READ_BY_KIND);
        let before = read();
        count(&Revoked::Client("shop".to_owned()));
        count(&Revoked::Key("kid".to_owned()));
        let after = read();
        let [.., client, key] = before;
        // Other tests read entries of logins at the same time.
        assert_eq!((after[3], after[4]), (client + 1, key + 1));
    }
}
