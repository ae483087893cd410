//! The factors of the person on whose behalf a call is made.

use std::net::IpAddr;

use auth_proto::v1::{
    self, ConfirmTotpEnrolmentRequest, CreateRecoveryCodesRequest, GetSecurityOverviewRequest,
    GetSecurityOverviewResponse, RemoveFactorRequest, StartTotpEnrolmentRequest,
    StartTotpEnrolmentResponse, account_service_client::AccountServiceClient,
};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{Authorization, AuthorizationMetadata},
    calls::{account::Account, authentication::TotpSetUp},
    client_info,
    error::AuthError,
    transport::response::{non_empty, optional_time, time},
    transport::retry_policy::{CHANGE, READ},
};

/// The kind of a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// The password.
    Password,
    /// Time-based one-time passwords.
    Totp,
    /// A passkey.
    Passkey,
}

/// A factor of an account.
#[derive(Clone, Debug)]
pub struct FactorRecord {
    /// Its identifier.
    pub id: String,
    /// Its kind.
    pub kind: FactorKind,
    /// The name that the owner gave it; `None` if it has none.
    pub label: Option<String>,
    /// Time at which it was added or, of a password, set.
    pub created_at: OffsetDateTime,
    /// Time of its latest use; `None` if it was not used.
    pub last_used_at: Option<OffsetDateTime>,
}

/// An account with its factors, what is required of it, and what happened to it.
#[derive(Clone, Debug)]
pub struct SecurityOverview {
    /// The factors, the oldest first. One of a kind that this version of the contract does not have is left out.
    pub factors: Vec<FactorRecord>,
    /// Number of recovery codes that were not used.
    pub recovery_codes_left: u32,
    /// Whether the account must have a second factor.
    pub second_factor_required: bool,
    /// Whether the account needs no password, or has none; false from an older auth-service.
    pub password_optional: bool,
    /// Whether passkeys are used; false from an older auth-service.
    pub passkeys_available: bool,
    /// The greatest `acr` that an authentication with these factors has, which a change of them requires.
    pub strongest_acr: String,
    /// The account.
    pub account: Account,
    /// Its latest security events, at most two of each kind and of the last 30 days, the newest first.
    pub events: Vec<SecurityEvent>,
}

/// A change of what gives access to an account, or a sign of a theft, as the owner of the account sees it.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    /// Its kind, as in the audit trail: `PASSKEY_ADDED`.
    pub kind: String,
    /// Time of the event.
    pub at: OffsetDateTime,
    /// Whether the caller's login caused it. A sign of a theft is none of its acts.
    pub is_own: bool,
    /// Whether an administrator caused it.
    pub is_by_administrator: bool,
    /// IP address of the browser or program that caused it; `None` if unknown.
    pub ip_address: Option<IpAddr>,
    /// Its user agent; `None` if unknown.
    pub user_agent: Option<String>,
}

/// One-time codes that the owner has begun to set up.
#[derive(Clone, Debug)]
pub struct TotpEnrolment {
    /// The enrolment, to be confirmed by its caller.
    pub enrolment: SecretString,
    /// What the owner stores in an authenticator app.
    pub set_up: TotpSetUp,
    /// Time from which on it is refused.
    pub expires_at: OffsetDateTime,
}

impl AuthClient {
    /// Reads the factors of the token's owner.
    pub async fn security_overview(
        &self,
        authorization: &Authorization,
    ) -> Result<SecurityOverview, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let request = metadata.add(self.request(GetSecurityOverviewRequest {}));
            let mut account = AccountServiceClient::new(channel);
            account.get_security_overview(request).await
        };
        self.call(READ, call).await?.try_into()
    }

    /// Begins to set up one-time codes for the token's owner; nothing is stored.
    pub async fn start_totp_enrolment(
        &self,
        authorization: &Authorization,
    ) -> Result<TotpEnrolment, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let request = metadata.add(self.request(StartTotpEnrolmentRequest {}));
            let mut account = AccountServiceClient::new(channel);
            account.start_totp_enrolment(request).await
        };
        self.call(READ, call).await?.try_into()
    }

    /// Adds one-time codes to the account of the token's owner, given the first code as it was typed.
    pub async fn confirm_totp_enrolment(
        &self,
        authorization: &Authorization,
        enrolment: &SecretString,
        code: &SecretString,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = ConfirmTotpEnrolmentRequest {
                enrolment: enrolment.expose_secret().to_owned(),
                code: code.expose_secret().to_owned(),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            let mut account = AccountServiceClient::new(channel);
            account.confirm_totp_enrolment(request).await
        };
        self.revoke_by(CHANGE, call).await.map(drop)
    }

    /// Removes a second factor of the token's owner, whose other logins end.
    pub async fn remove_factor(
        &self,
        authorization: &Authorization,
        factor_id: &str,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = RemoveFactorRequest {
                factor_id: factor_id.to_owned(),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            AccountServiceClient::new(channel)
                .remove_factor(request)
                .await
        };
        self.revoke_by(CHANGE, call).await.map(drop)
    }

    /// Creates new recovery codes for the token's owner, which replace those from before.
    pub async fn create_recovery_codes(
        &self,
        authorization: &Authorization,
        client: &ClientInfo,
    ) -> Result<Vec<SecretString>, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = CreateRecoveryCodesRequest {
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            let mut account = AccountServiceClient::new(channel);
            account.create_recovery_codes(request).await
        };
        let codes = self.call(CHANGE, call).await?.codes;
        Ok(codes.into_iter().map(SecretString::from).collect())
    }
}

impl TryFrom<GetSecurityOverviewResponse> for SecurityOverview {
    type Error = AuthError;

    fn try_from(response: GetSecurityOverviewResponse) -> Result<Self, AuthError> {
        let account = response.factors.ok_or_else(AuthError::incomplete)?;
        let factors = account.factors.into_iter().filter_map(factor);
        let events = response.events.into_iter().map(SecurityEvent::try_from);
        Ok(Self {
            account: Account::of_user(response.user)?,
            events: events.collect::<Result<_, _>>()?,
            factors: factors.collect::<Result<_, _>>()?,
            recovery_codes_left: account.recovery_codes_left,
            second_factor_required: response.second_factor_required,
            password_optional: response.password_optional,
            passkeys_available: response.passkeys_available,
            strongest_acr: response.strongest_acr,
        })
    }
}

impl TryFrom<v1::SecurityEvent> for SecurityEvent {
    type Error = AuthError;

    fn try_from(event: v1::SecurityEvent) -> Result<Self, AuthError> {
        Ok(Self {
            kind: event.kind,
            at: time(event.at)?,
            is_own: event.own,
            is_by_administrator: event.by_administrator,
            ip_address: event.ip_address.parse().ok(),
            user_agent: non_empty(event.user_agent),
        })
    }
}

/// `None`: a kind that this version does not have.
fn factor(factor: v1::Factor) -> Option<Result<FactorRecord, AuthError>> {
    let kind = match factor.kind() {
        v1::FactorKind::Unspecified => return None,
        v1::FactorKind::Password => FactorKind::Password,
        v1::FactorKind::Totp => FactorKind::Totp,
        v1::FactorKind::Passkey => FactorKind::Passkey,
    };
    let record = |factor: v1::Factor| {
        Ok(FactorRecord {
            id: factor.id,
            kind,
            label: non_empty(factor.label),
            created_at: time(factor.created_at)?,
            last_used_at: optional_time(factor.last_used_at)?,
        })
    };
    Some(record(factor))
}

impl TryFrom<StartTotpEnrolmentResponse> for TotpEnrolment {
    type Error = AuthError;

    fn try_from(response: StartTotpEnrolmentResponse) -> Result<Self, AuthError> {
        let set_up = response.set_up.ok_or_else(AuthError::incomplete)?;
        Ok(Self {
            enrolment: response.enrolment.into(),
            set_up: set_up.into(),
            expires_at: time(response.expires_at)?,
        })
    }
}
