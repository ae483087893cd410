//! Entries of the revocation log.

use std::time::Duration;

use time::OffsetDateTime;

use crate::id::{GrantId, Jti, Sid};

/// Time for which a revocation is kept after the last credential that it affects has expired: more than clocks may differ.
pub const REVOCATION_MARGIN: Duration = Duration::from_mins(1);

/// What a revocation affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// One access token.
    Token(Jti),
    /// A login, with every token that it was issued.
    Login(Sid),
    /// A grant, with every token that it was issued.
    Grant(GrantId),
    /// An OAuth client, by `client_id`: all tokens that were issued to it.
    Client(String),
    /// A signing key, by `kid`: all tokens that it signed.
    Key(String),
}

/// An entry of the revocation log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Position in the log. Numbers follow the order of commits and may have gaps.
    pub sequence: i64,
    /// What was revoked.
    pub revoked: Revoked,
    /// Time from which on no credential that the entry affects is accepted, UTC, [`REVOCATION_MARGIN`] included.
    pub expires_at: OffsetDateTime,
}

/// The identifier of one history of a store. A restored backup gets another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Random identifier.
    pub id: String,
    /// Start of the epoch, UTC. Memory is incomplete for tokens that were issued before it.
    pub begun_at: OffsetDateTime,
}
