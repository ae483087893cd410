//! The rate limits of operations on tokens.

use std::time::Duration;

use crate::{
    authentication::{Counter, KeyedHasher, Limit},
    id::{GrantId, Sid},
    login::Generation,
    oauth::ClientId,
};

/// Refreshes of one grant. A client that uses its access token until it expires stays far below.
const REFRESHES: Limit = Limit::Window {
    max: 60,
    length: Duration::from_mins(1),
};

/// Repeats of one previous refresh token: one for an answer that was lost, and one more. A client that waits for the delay must not find the
/// time for repeats over, which would end its login: the delay is a small part of [`REPEAT_WINDOW`](crate::login::REPEAT_WINDOW).
const REPEATS: Limit = Limit::Window {
    max: 2,
    length: Duration::from_secs(1),
};

/// Single access tokens of one login or one OAuth client that are revoked. Each is an entry of the revocation log.
const REVOCATIONS: Limit = Limit::Window {
    max: 60,
    length: Duration::from_mins(1),
};

/// Introspections by one OAuth client, a hundred per second. A resource server that needs more calls `ValidateToken` or caches.
const INTROSPECTIONS: Limit = Limit::Window {
    max: 6_000,
    length: Duration::from_mins(1),
};

/// Codes of one login that one OAuth client exchanges. Each is a grant, which is stored as long as the login.
const CODE_EXCHANGES: Limit = Limit::Window {
    max: 30,
    length: Duration::from_mins(1),
};

/// Counts the authorization codes of a login that an OAuth client exchanges.
pub(super) fn code_exchanges(
    keyed_hasher: &dyn KeyedHasher,
    sid: Sid,
    client: &ClientId,
) -> Counter {
    Counter {
        name: keyed_hasher.hash(&[b"code", sid.as_bytes(), client.as_str().as_bytes()]),
        limit: CODE_EXCHANGES,
    }
}

/// Counts the refreshes of a grant.
pub(super) fn refreshes(keyed_hasher: &dyn KeyedHasher, grant: GrantId) -> Counter {
    Counter {
        name: keyed_hasher.hash(&[b"refresh", grant.to_string().as_bytes()]),
        limit: REFRESHES,
    }
}

/// Counts the repeats that are answered with the refresh token of this generation.
pub(super) fn repeats(
    keyed_hasher: &dyn KeyedHasher,
    grant: GrantId,
    Generation(number): Generation,
) -> Counter {
    Counter {
        name: keyed_hasher.hash(&[b"repeat", grant.as_bytes(), &number.to_be_bytes()]),
        limit: REPEATS,
    }
}

/// Counts the single access tokens that are revoked, of the login or OAuth client with this identifier.
pub(super) fn revocations(keyed_hasher: &dyn KeyedHasher, owner: &str) -> Counter {
    Counter {
        name: keyed_hasher.hash(&[b"revoke", owner.as_bytes()]),
        limit: REVOCATIONS,
    }
}

/// Counts the introspections by an OAuth client.
pub(super) fn introspections(keyed_hasher: &dyn KeyedHasher, client: &ClientId) -> Counter {
    Counter {
        name: keyed_hasher.hash(&[b"introspect", client.as_str().as_bytes()]),
        limit: INTROSPECTIONS,
    }
}
