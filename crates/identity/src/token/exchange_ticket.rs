//! The exchange of a login ticket: when it is accepted, and which scopes it gives.

use time::OffsetDateTime;

use crate::{
    account::User,
    login::{ClientKind, Generation, Login},
    token::{IssueTokenError, Scope, Scopes, rotation_outcome::RotationOutcome, scope::within},
};

/// Decides what the login ticket of `login` leads to.
pub(super) fn ticket_outcome(login: &Login, now: OffsetDateTime) -> RotationOutcome {
    let is_exchanged = login.generation != Generation::TICKET;
    match (is_exchanged, login.accepts_ticket(now)) {
        // A browser that sends its sign-in form twice has the same ticket twice. Tickets of browsers never leave the services.
        (true, true) if login.kind == ClientKind::Browser => RotationOutcome::Keep,
        (true, _) => RotationOutcome::Reused,
        (false, false) => RotationOutcome::Expired,
        (false, true) => RotationOutcome::Advance,
    }
}

/// The scopes of the first tokens: those that were requested, if the account may have them; by default `profile`.
pub(super) fn first_scopes(requested: Scopes, user: &User) -> Result<Scopes, IssueTokenError> {
    if requested.is_empty() {
        return Ok([Scope::Profile].into_iter().collect());
    }
    within(requested, &Scopes::grantable(user)).ok_or(IssueTokenError::InvalidScope)
}
