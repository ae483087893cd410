//! Accounts, logins and audit events.

use auth_proto::v1::{self, next_step};
use holdfast_identity::{
    account::User,
    audit::AuditRecord,
    authentication::{
        AssuranceLevel, Factors, LatestAuthentication, NextStep, NextSteps, SignedIn,
    },
    id::Sid,
    login::{ClientKind, GrantRecord, LoginRecord},
};

use crate::grpc::encode::{timestamp, totp_set_up};

#[expect(
    clippy::needless_pass_by_value,
    reason = "the message replaces the account"
)]
pub(in crate::grpc) fn user(user: User) -> v1::User {
    v1::User {
        id: user.id.to_string(),
        username: user.username.to_string(),
        admin: user.admin,
        disabled: user.disabled,
        created_at: Some(timestamp(user.created_at)),
        password_changed_at: user.password_changed_at.map(timestamp),
        second_factor_required: user.second_factor_required,
    }
}

pub(in crate::grpc) fn signed_in(signed_in: SignedIn) -> v1::LoginResponse {
    let trust = signed_in.trust;
    v1::LoginResponse {
        user: Some(user(signed_in.user)),
        sid: signed_in.sid.to_string(),
        login_expires_at: Some(timestamp(signed_in.expires_at)),
        login_ticket: signed_in.ticket,
        auth_time: Some(timestamp(signed_in.authenticated_at)),
        amr: amr(&signed_in.factors),
        acr: acr(&signed_in.factors),
        client_kind: client_kind(signed_in.client_kind).into(),
        epoch: signed_in.epoch,
        trusted_browser_expires_at: trust.as_ref().map(|trust| timestamp(trust.expires_at)),
        trusted_browser: trust.map(|trust| trust.token.expose()).unwrap_or_default(),
    }
}

pub(in crate::grpc) fn next_steps(next: NextSteps) -> v1::NextSteps {
    v1::NextSteps {
        steps: next.steps.into_iter().map(next_step).collect(),
        attempt: next.attempt,
        expires_at: Some(timestamp(next.expires_at)),
        // A configured one is within the range of the message.
        trusted_browser_ttl: next.trusted_browser_ttl.and_then(|ttl| ttl.try_into().ok()),
    }
}

fn next_step(step: NextStep) -> v1::NextStep {
    let factor = match step {
        NextStep::Password => next_step::Factor::Password(v1::PasswordFactor {}),
        NextStep::Totp => next_step::Factor::Totp(v1::TotpFactor {}),
        NextStep::RecoveryCode => next_step::Factor::RecoveryCode(v1::RecoveryCodeFactor {}),
        NextStep::EnrolTotp(set_up) => next_step::Factor::EnrolTotp(totp_set_up(set_up)),
        NextStep::Passkey(options) => next_step::Factor::Passkey(v1::PasskeyFactor { options }),
        NextStep::EnrolPasskey(options) => {
            next_step::Factor::EnrolPasskey(v1::PasskeyRegistration { options })
        }
    };
    v1::NextStep {
        factor: Some(factor),
    }
}

pub(in crate::grpc) fn password_changed(
    signed_in: SignedIn,
    revocation_sequence: i64,
) -> v1::ChangePasswordResponse {
    v1::ChangePasswordResponse {
        sid: signed_in.sid.to_string(),
        login_expires_at: Some(timestamp(signed_in.expires_at)),
        login_ticket: signed_in.ticket,
        auth_time: Some(timestamp(signed_in.authenticated_at)),
        amr: amr(&signed_in.factors),
        acr: acr(&signed_in.factors),
        epoch: signed_in.epoch,
        revocation_sequence,
    }
}

pub(in crate::grpc) fn reauthenticated(
    latest: &LatestAuthentication,
) -> v1::ReauthenticateResponse {
    v1::ReauthenticateResponse {
        auth_time: Some(timestamp(latest.at)),
        amr: amr(&latest.factors),
        acr: acr(&latest.factors),
    }
}

pub(in crate::grpc) fn login(login: LoginRecord, current: Sid) -> v1::Login {
    v1::Login {
        current: login.sid == current,
        sid: login.sid.to_string(),
        client_kind: client_kind(login.client.kind).into(),
        ip_address: login
            .client
            .ip_address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        user_agent: login.client.user_agent.unwrap_or_default(),
        created_at: Some(timestamp(login.created_at)),
        auth_time: Some(timestamp(login.authenticated_at)),
        amr: amr(&login.factors),
        acr: acr(&login.factors),
        last_seen_at: Some(timestamp(login.last_seen_at)),
        expires_at: Some(timestamp(login.expires_at)),
        bound_at: login.bound_at.map(timestamp),
        grants: login.grants.into_iter().map(grant).collect(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the message replaces the grant"
)]
fn grant(grant: GrantRecord) -> v1::Grant {
    v1::Grant {
        id: grant.id.to_string(),
        client_id: grant.client.to_string(),
        scope: grant.scopes.to_string(),
        created_at: Some(timestamp(grant.created_at)),
        refreshed_at: Some(timestamp(grant.refreshed_at)),
    }
}

pub(in crate::grpc) fn audit_event(record: AuditRecord) -> v1::AuditEvent {
    let AuditRecord { id, event } = record;
    let text = |id: Option<String>| id.unwrap_or_default();
    v1::AuditEvent {
        id: id.to_string(),
        at: Some(timestamp(event.at)),
        kind: event.kind.as_str().to_owned(),
        user_id: text(event.user.map(|id| id.to_string())),
        sid: text(event.sid.map(|id| id.to_string())),
        actor_id: text(event.actor.map(|id| id.to_string())),
        client_id: text(event.client.map(|id| id.to_string())),
        ip_address: text(event.source.ip_address.map(|address| address.to_string())),
        user_agent: text(event.source.user_agent),
        request_id: text(event.source.request_id),
        trace_id: text(event.source.trace_id),
    }
}

const fn client_kind(kind: ClientKind) -> v1::ClientKind {
    match kind {
        ClientKind::Api => v1::ClientKind::Api,
        ClientKind::Browser => v1::ClientKind::Browser,
    }
}

/// Authentication methods (RFC 8176).
fn amr(factors: &Factors) -> Vec<String> {
    factors.amr().map(str::to_owned).collect()
}

/// Authentication context class (`OpenID` Connect Core §2); empty where no factor is known.
fn acr(factors: &Factors) -> String {
    let level = factors.level();
    level.map_or("", AssuranceLevel::acr).to_owned()
}
