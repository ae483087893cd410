//! Consent: what the owner of an account allows a relying party, in every login.

use time::OffsetDateTime;

use crate::{
    oauth::{ClientId, ClientName},
    token::Scopes,
};

/// What the owner of an account has consented to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The relying party.
    pub client: ClientId,
    /// Its name.
    pub name: ClientName,
    /// The scopes.
    pub scopes: Scopes,
    /// Time of the first sign-in to it, UTC.
    pub granted_at: OffsetDateTime,
    /// Time of the latest sign-in to it or refresh, UTC.
    pub last_used_at: OffsetDateTime,
}
