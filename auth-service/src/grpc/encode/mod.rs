//! Values of the rules as response messages.

mod account;
mod authorization;
mod factor;
mod oauth_client;
mod revocation;
mod signal_stream;
mod token;

use prost_types::Timestamp;
use time::OffsetDateTime;

pub(super) use self::{
    account::{audit_event, login, next_steps, password_changed, reauthenticated, signed_in, user},
    authorization::{application, authorization_step},
    factor::{
        account_factors, passkey_registration, security_overview, totp_enrolment, totp_set_up,
        trusted_browser,
    },
    oauth_client::oauth_client,
    revocation::revocation,
    signal_stream::signal_stream,
    token::{claims, client_token, introspected, issued, json_web_key},
};

/// A moment, with nanoseconds.
pub(super) fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: time.unix_timestamp(),
        nanos: time.nanosecond().try_into().unwrap_or_default(),
    }
}

/// A number of rows.
pub(super) fn count(rows: u64) -> i64 {
    rows.try_into().unwrap_or(i64::MAX)
}
