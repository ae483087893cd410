//! What ended before its time, as everybody who judges credentials has to know it.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    id::{Jti, Sid},
    token::TokenError,
};

/// How much longer than what it hits a revocation is remembered: more than clocks may differ.
pub const REMEMBERED_BEYOND: Duration = Duration::from_mins(1);

/// What was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// One access token.
    Token(Jti),
    /// A login, and with it every credential of it.
    Login(Sid),
    /// All tokens that a client got by itself.
    Client(String),
    /// All tokens that a key signed, by its `kid`.
    Key(String),
}

/// An entry of the sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its place; numbers follow the order in which entries were committed.
    pub sequence: i64,
    /// What was ended.
    pub revoked: Revoked,
    /// When nothing that it could hit is alive any more.
    pub expires_at: OffsetDateTime,
}

/// Which history a store has. A restored copy has another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its random name.
    pub id: String,
    /// When it began; what is older has to be looked up.
    pub begun_at: OffsetDateTime,
}

/// What memory says of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationStatus {
    /// Nothing that it hangs on was ended.
    Live,
    /// Something was.
    Refused(TokenError),
    /// Memory may be behind the store, or does not reach back far enough.
    Unknown,
}
