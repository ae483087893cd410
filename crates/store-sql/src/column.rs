//! Values as texts and numbers of columns.

use holdfast_identity::{
    key::PublicKey,
    login::{ClientKind, EndReason},
    revocation::REVOCATION_MARGIN,
};
use time::{OffsetDateTime, error::ComponentRange};

/// A time in milliseconds since 1970.
#[must_use]
pub fn millis(time: OffsetDateTime) -> i64 {
    let millis = time.unix_timestamp_nanos() / 1_000_000;
    i64::try_from(millis).unwrap_or(i64::MAX)
}

/// The time of [`millis`].
pub(crate) fn time_of(millis: i64) -> Result<OffsetDateTime, ComponentRange> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
}

/// [`REVOCATION_MARGIN`] in milliseconds.
#[must_use]
pub fn revocation_margin() -> i64 {
    i64::try_from(REVOCATION_MARGIN.as_millis()).unwrap_or(i64::MAX)
}

/// `client_kind` of a login.
#[must_use]
pub const fn client_kind(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Api => "api",
        ClientKind::Browser => "browser",
    }
}

/// `end_reason` of a login or grant.
#[must_use]
pub const fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::SignedOut => "signed_out",
        EndReason::Reused => "reused",
        EndReason::PasswordChanged => "password_changed",
        EndReason::FactorsChanged => "factors_changed",
        EndReason::AccountDisabled => "account_disabled",
        EndReason::AccountDeleted => "account_deleted",
        EndReason::EndedElsewhere => "ended_elsewhere",
        EndReason::Administrator => "administrator",
        EndReason::TooMany => "too_many",
        EndReason::Operator => "operator",
        EndReason::ClientDisabled => "client_disabled",
        EndReason::Restored => "restored",
        EndReason::Stolen => "stolen",
    }
}

/// `public_key` of a signing key: x of Ed25519; x and y of P-256; exponent and modulus of RSA.
#[must_use]
pub fn public_key(key: &PublicKey) -> Vec<u8> {
    match key {
        PublicKey::Ed25519 { x } => x.to_vec(),
        PublicKey::P256 { x, y } => [*x, *y].concat(),
        PublicKey::Rsa { n, e } => [e.as_slice(), n].concat(),
    }
}
