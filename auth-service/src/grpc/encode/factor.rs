//! Factors of accounts.

use auth_proto::v1;
use holdfast_identity::{
    account::{CredentialKind, CredentialRecord},
    authentication::{
        NextStep, NextSteps, SecurityEvent, SecurityOverview, TotpSetUp, TrustedBrowser,
    },
};

use crate::grpc::encode::{self, timestamp};

pub(in crate::grpc) fn totp_set_up(set_up: TotpSetUp) -> v1::TotpSetUp {
    v1::TotpSetUp {
        secret: set_up.secret.base32(),
        uri: set_up.uri,
    }
}

pub(in crate::grpc) fn totp_enrolment(next: NextSteps) -> v1::StartTotpEnrolmentResponse {
    let set_up = next.steps.into_iter().find_map(|step| match step {
        NextStep::EnrolTotp(set_up) => Some(totp_set_up(set_up)),
        _ => None,
    });
    v1::StartTotpEnrolmentResponse {
        enrolment: next.attempt,
        set_up,
        expires_at: Some(timestamp(next.expires_at)),
    }
}

pub(in crate::grpc) fn passkey_registration(
    next: NextSteps,
) -> v1::StartPasskeyRegistrationResponse {
    let passkey = next.steps.into_iter().find_map(|step| match step {
        NextStep::EnrolPasskey(options) => Some(v1::PasskeyRegistration { options }),
        _ => None,
    });
    v1::StartPasskeyRegistrationResponse {
        registration: next.attempt,
        passkey,
        expires_at: Some(timestamp(next.expires_at)),
    }
}

pub(in crate::grpc) fn security_overview(
    overview: SecurityOverview,
) -> v1::GetSecurityOverviewResponse {
    v1::GetSecurityOverviewResponse {
        user: Some(encode::user(overview.user)),
        factors: Some(v1::AccountFactors {
            recovery_codes_left: overview.recovery_codes_left,
            ..account_factors(overview.credentials)
        }),
        password_optional: overview.is_password_optional,
        passkeys_available: overview.has_passkeys,
        second_factor_required: overview.second_factor_required,
        strongest_acr: overview.strongest_level.acr().to_owned(),
        events: overview.events.into_iter().map(security_event).collect(),
    }
}

fn security_event(event: SecurityEvent) -> v1::SecurityEvent {
    let address = event.ip_address.map(|address| address.to_string());
    v1::SecurityEvent {
        kind: event.kind.as_str().to_owned(),
        at: Some(timestamp(event.at)),
        own: event.is_own,
        by_administrator: event.is_by_administrator,
        ip_address: address.unwrap_or_default(),
        user_agent: event.user_agent.unwrap_or_default(),
    }
}

pub(in crate::grpc) fn trusted_browser(browser: TrustedBrowser) -> v1::TrustedBrowser {
    v1::TrustedBrowser {
        id: browser.id.to_string(),
        user_agent: browser.user_agent.unwrap_or_default(),
        bound: browser.is_bound,
        created_at: Some(timestamp(browser.created_at)),
        last_used_at: browser.last_used_at.map(timestamp),
        expires_at: Some(timestamp(browser.expires_at)),
    }
}

/// The credentials of an account.
pub(in crate::grpc) fn account_factors(credentials: Vec<CredentialRecord>) -> v1::AccountFactors {
    let codes = |one: &&CredentialRecord| one.kind == CredentialKind::RecoveryCode;
    let left = credentials.iter().filter(codes);
    let left = left.filter(|code| !code.is_used_up()).count();
    v1::AccountFactors {
        recovery_codes_left: left.try_into().unwrap_or(u32::MAX),
        factors: credentials.into_iter().filter_map(factor).collect(),
    }
}

/// `None` for a recovery code.
fn factor(credential: CredentialRecord) -> Option<v1::Factor> {
    let kind = match credential.kind {
        CredentialKind::Password => v1::FactorKind::Password,
        CredentialKind::Totp => v1::FactorKind::Totp,
        CredentialKind::Passkey => v1::FactorKind::Passkey,
        CredentialKind::RecoveryCode => return None,
    };
    Some(v1::Factor {
        id: credential.id.to_string(),
        kind: kind.into(),
        label: credential.label,
        created_at: Some(timestamp(credential.created_at)),
        last_used_at: credential.last_used_at.map(timestamp),
    })
}
