//! What the account's owner sees of the security of the account.

use std::{net::IpAddr, time::Duration};

use time::OffsetDateTime;

use crate::{
    account::{CredentialKind, CredentialRecord, User},
    audit::{AuditKind, AuditRecord},
    authentication::{AssuranceLevel, AuthenticationService},
    error::{Fault, StoreError},
    id::CredentialId,
    token::Person,
};

/// Maximum number of security events of each kind in the overview.
const EVENTS_PER_KIND: u32 = 2;
/// Age up to which security events are in the overview.
const EVENT_AGE: Duration = Duration::from_hours(30 * 24);

/// The credentials of an account, and what is required of it.
#[derive(Clone, Debug)]
pub struct SecurityOverview {
    /// The account.
    pub user: User,
    /// Its credentials without recovery codes, the oldest first.
    pub credentials: Vec<CredentialRecord>,
    /// Number of recovery codes that were not used.
    pub recovery_codes_left: u32,
    /// Whether it must have a second factor.
    pub second_factor_required: bool,
    /// Whether its other credentials are enough without its password; true for an account without one.
    pub is_password_optional: bool,
    /// Whether this installation uses passkeys.
    pub has_passkeys: bool,
    /// The greatest strength that an authentication with its credentials has, which a change of them requires.
    pub strongest_level: AssuranceLevel,
    /// The latest security events of the account, at most two of each kind and of the last 30 days, the newest first.
    pub events: Vec<SecurityEvent>,
}

/// A security event as the account's owner sees it.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    /// Its kind, one of [`AuditKind::SECURITY_EVENTS`].
    pub kind: AuditKind,
    /// Time of the event, UTC.
    pub at: OffsetDateTime,
    /// Whether the caller's login caused it. A sign of a theft is none of its acts.
    pub is_own: bool,
    /// Whether an administrator caused it.
    pub is_by_administrator: bool,
    /// IP address of the browser or program that caused it, if known.
    pub ip_address: Option<IpAddr>,
    /// Its `User-Agent`, if it sent one.
    pub user_agent: Option<String>,
}

impl SecurityEvent {
    fn of(AuditRecord { event, .. }: AuditRecord, caller: &Person) -> Self {
        let is_by_administrator = event.actor.is_some();
        let is_of_caller = event.sid == Some(caller.sid) && !is_by_administrator;
        Self {
            kind: event.kind,
            at: event.at,
            is_own: is_of_caller && !event.kind.is_sign_of_theft(),
            is_by_administrator,
            ip_address: event.source.ip_address,
            user_agent: event.source.user_agent,
        }
    }
}

impl AuthenticationService {
    /// Returns the overview of the caller's account; `None` if it was deleted.
    pub async fn security_overview(
        &self,
        caller: &Person,
    ) -> Result<Option<SecurityOverview>, Fault> {
        let store = &self.deps.store;
        let Some(account) = store.account(caller.subject).await? else {
            return Ok(None);
        };
        let credentials = store.credentials(caller.subject).await?;
        let events = self.security_events(caller).await?;
        let password = CredentialId::password_of(caller.subject);
        let left = self.left_without(&account, &credentials, password).await?;
        let has_passkeys = self.deps.passkeys.is_some();
        let is_code = |one: &CredentialRecord| one.kind == CredentialKind::RecoveryCode;
        let (codes, credentials): (Vec<_>, _) = credentials.into_iter().partition(is_code);
        let codes_left = codes.iter().filter(|code| !code.is_used_up()).count();
        Ok(Some(SecurityOverview {
            second_factor_required: self.policy.second_factor.requires(&account.user),
            is_password_optional: account.is_passwordless() || (has_passkeys && left.is_enough()),
            has_passkeys,
            strongest_level: account.strongest_level(),
            user: account.user,
            credentials,
            recovery_codes_left: u32::try_from(codes_left).unwrap_or(u32::MAX),
            events,
        }))
    }

    async fn security_events(&self, caller: &Person) -> Result<Vec<SecurityEvent>, StoreError> {
        let since = self.deps.clock.now() - EVENT_AGE;
        let store = &self.deps.store;
        let events = store.security_events(caller.subject, since, EVENTS_PER_KIND);
        let events = events.await?.into_iter();
        Ok(events
            .map(|record| SecurityEvent::of(record, caller))
            .collect())
    }
}
