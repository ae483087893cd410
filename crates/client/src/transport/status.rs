//! auth-service's answers into domain types.

use std::{error::Error, iter, time::Duration};

use auth_proto::v1::{
    self, ChangePasswordResponse, GetAccountResponse, GetJwksResponse, IntrospectTokenResponse,
    IssueTokenResponse, JsonWebKey, ListLoginsResponse, LoginResponse, ReauthenticateResponse,
    ValidateTokenResponse,
};
use prost_types::Timestamp;
use time::OffsetDateTime;
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt as _;

use crate::auth::{
    Account, AuthError, Claims, ClientKind, Introspection, Jwk, Jwks, Login, LoginRecord, Person,
    Refusal, RefusalKind, Tokens,
};
use crate::reason::{ErrorReason, Reason};

/// Where it says what the next proof of a key has to contain.
const DPOP_NONCE: &str = "dpop_nonce";

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An answer that means something here.
pub(super) trait Decoded<T> {
    /// The domain's type, or `Broken` for an answer that keeps no contract.
    fn decoded(self) -> Result<T, AuthError>;
}

impl Decoded<(Person, Login)> for LoginResponse {
    fn decoded(self) -> Result<(Person, Login), AuthError> {
        let user = self.user.ok_or_else(incomplete)?;
        let person = Person {
            user_id: user.id,
            username: user.username,
        };
        let login = Login {
            sid: self.sid,
            expires_at: time(self.login_expires_at)?,
            authenticated_at: time(self.auth_time)?,
            amr: self.amr,
            epoch: self.epoch,
            ticket: self.login_ticket.into(),
        };
        Ok((person, login))
    }
}

impl Decoded<Login> for ChangePasswordResponse {
    fn decoded(self) -> Result<Login, AuthError> {
        Ok(Login {
            sid: self.sid,
            expires_at: time(self.login_expires_at)?,
            authenticated_at: time(self.auth_time)?,
            amr: self.amr,
            epoch: self.epoch,
            ticket: self.login_ticket.into(),
        })
    }
}

impl Decoded<OffsetDateTime> for ReauthenticateResponse {
    fn decoded(self) -> Result<OffsetDateTime, AuthError> {
        time(self.auth_time)
    }
}

impl Decoded<Tokens> for IssueTokenResponse {
    fn decoded(self) -> Result<Tokens, AuthError> {
        let expires_in = self.expires_in.ok_or_else(incomplete)?;
        Ok(Tokens {
            access_token: self.access_token.into(),
            token_type: self.token_type,
            expires_in: expires_in.try_into().map_err(|_| incomplete())?,
            refresh_token: self.refresh_token.into(),
            scope: self.scope,
            dpop_nonce: self.dpop_nonce,
        })
    }
}

impl Decoded<Claims> for ValidateTokenResponse {
    fn decoded(self) -> Result<Claims, AuthError> {
        let claims = self.claims.ok_or_else(incomplete)?;
        Ok(Claims {
            username: claims.username,
            subject: claims.subject,
            sid: claims.sid,
            jti: claims.jti,
            client_id: claims.client_id,
            scope: claims.scope,
            expires_at: time(claims.expires_at)?,
            authenticated_at: claims.auth_time.map(|at| time(Some(at))).transpose()?,
            dpop_nonce: self.dpop_nonce,
        })
    }
}

impl Decoded<Account> for GetAccountResponse {
    fn decoded(self) -> Result<Account, AuthError> {
        let user = self.user.ok_or_else(incomplete)?;
        Ok(Account {
            username: user.username,
            created_at: time(user.created_at)?,
            password_changed_at: time(user.password_changed_at)?,
        })
    }
}

impl Decoded<Vec<LoginRecord>> for ListLoginsResponse {
    fn decoded(self) -> Result<Vec<LoginRecord>, AuthError> {
        self.logins.into_iter().map(login_record).collect()
    }
}

fn login_record(login: v1::Login) -> Result<LoginRecord, AuthError> {
    Ok(LoginRecord {
        kind: match login.client_kind() {
            v1::ClientKind::Browser => ClientKind::Browser,
            v1::ClientKind::Api | v1::ClientKind::Unspecified => ClientKind::Api,
        },
        sid: login.sid,
        ip_address: login.ip_address,
        user_agent: login.user_agent,
        created_at: time(login.created_at)?,
        authenticated_at: time(login.auth_time)?,
        amr: login.amr,
        last_seen_at: time(login.last_seen_at)?,
        expires_at: time(login.expires_at)?,
        bound_at: login.bound_at.map(|at| time(Some(at))).transpose()?,
        is_current: login.current,
    })
}

impl Decoded<Jwks> for GetJwksResponse {
    fn decoded(self) -> Result<Jwks, AuthError> {
        Ok(Jwks {
            keys: self.keys.into_iter().map(jwk).collect(),
            issuer: self.issuer,
        })
    }
}

impl Decoded<Option<Introspection>> for IntrospectTokenResponse {
    fn decoded(self) -> Result<Option<Introspection>, AuthError> {
        if !self.active {
            return Ok(None);
        }
        let claims = self.claims.ok_or_else(incomplete)?;
        let optional = |at: Option<Timestamp>| at.map(|at| time(Some(at))).transpose();
        Ok(Some(Introspection {
            issuer: claims.issuer,
            subject: claims.subject,
            audience: claims.audience,
            client_id: claims.client_id,
            sid: claims.sid,
            jti: claims.jti,
            jkt: claims.jkt,
            username: claims.username,
            scope: claims.scope,
            issued_at: optional(claims.issued_at)?,
            expires_at: optional(claims.expires_at)?,
            authenticated_at: optional(claims.auth_time)?,
        }))
    }
}

fn jwk(key: JsonWebKey) -> Jwk {
    Jwk {
        kid: key.kid,
        kty: key.kty,
        alg: key.alg,
        usage: key.r#use,
        crv: key.crv,
        x: key.x,
        y: Some(key.y).filter(|y| !y.is_empty()),
    }
}

/// What a status means here.
pub(super) enum CallOutcome {
    /// auth-service's own answer.
    Answer(AuthError),
    /// Nothing: the connection failed, on its way there or on its way back.
    Nothing {
        /// Down to what the operating system said.
        why: String,
        /// Whether the request may have arrived.
        was_sent: bool,
    },
}

impl CallOutcome {
    /// The request may have arrived, and no answer did.
    pub(super) fn nothing(why: &str) -> Self {
        Self::Nothing {
            why: why.to_owned(),
            was_sent: true,
        }
    }
}

/// Only what auth-service itself said, with a reason, counts as its answer; a broken connection has many codes.
pub(super) fn classify_status(status: &Status) -> CallOutcome {
    let details = status.get_error_details();
    if let Some(info) = details.error_info() {
        let retry_delay = details.retry_info().and_then(|info| info.retry_delay);
        let nonce = info.metadata.get(DPOP_NONCE).cloned();
        let answer = refusal(status, Reason::from_wire_name(&info.reason), retry_delay);
        return CallOutcome::Answer(with_nonce(answer, nonce));
    }
    match status.code() {
        Code::OutOfRange => CallOutcome::Answer(AuthError::Refused(Refusal {
            kind: RefusalKind::Invalid,
            reason: ErrorReason::InvalidRequest.into(),
            message: "the request is too large".to_owned(),
            dpop_nonce: String::new(),
        })),
        Code::Unimplemented => CallOutcome::Answer(AuthError::Broken(status.message().to_owned())),
        Code::ResourceExhausted => CallOutcome::Answer(overloaded()),
        _ => CallOutcome::Nothing {
            why: causes(status),
            was_sent: !never_connected(status),
        },
    }
}

fn refusal(status: &Status, reason: Reason, retry_delay: Option<Duration>) -> AuthError {
    let kind = match status.code() {
        Code::Unauthenticated => RefusalKind::Unauthenticated,
        Code::PermissionDenied if reason == ErrorReason::ServiceSecretWrong => {
            return AuthError::Broken(status.message().to_owned());
        }
        Code::PermissionDenied => RefusalKind::Forbidden,
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists => RefusalKind::Invalid,
        Code::ResourceExhausted if reason == ErrorReason::Throttled => {
            return AuthError::Throttled {
                retry_after: retry_delay.unwrap_or(RETRY_AFTER),
            };
        }
        Code::ResourceExhausted | Code::Unavailable => {
            return AuthError::Unavailable {
                reason,
                retry_after: retry_delay.unwrap_or(RETRY_AFTER),
            };
        }
        _ => return AuthError::Broken(status.to_string()),
    };
    AuthError::Refused(Refusal {
        kind,
        reason,
        message: status.message().to_owned(),
        dpop_nonce: String::new(),
    })
}

fn with_nonce(answer: AuthError, nonce: Option<String>) -> AuthError {
    match answer {
        AuthError::Refused(refusal) => AuthError::Refused(Refusal {
            dpop_nonce: nonce.unwrap_or_default(),
            ..refusal
        }),
        answer => answer,
    }
}

/// The status and what lies behind it, down to the operating system.
fn causes(status: &Status) -> String {
    let sources = sources(status).map(|error| format!(": {error}"));
    let sources = sources.collect::<String>();
    format!("{}{sources}", status.message())
}

fn never_connected(status: &Status) -> bool {
    sources(status).any(<dyn Error>::is::<ConnectError>)
}

fn sources(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(status.source(), |error: &&(dyn Error + 'static)| {
        (*error).source()
    })
}

/// No instance of auth-service answers.
pub(super) fn unreachable() -> AuthError {
    AuthError::Unavailable {
        reason: Reason::Unreachable,
        retry_after: RETRY_AFTER,
    }
}

/// auth-service has more calls than it works on at once.
fn overloaded() -> AuthError {
    AuthError::Unavailable {
        reason: ErrorReason::Overloaded.into(),
        retry_after: RETRY_AFTER,
    }
}

fn time(timestamp: Option<Timestamp>) -> Result<OffsetDateTime, AuthError> {
    let timestamp = timestamp.ok_or_else(incomplete)?;
    let nanos = i128::from(timestamp.seconds) * 1_000_000_000 + i128::from(timestamp.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| incomplete())
}

fn incomplete() -> AuthError {
    AuthError::Broken("an answer of auth-service lacks a field".to_owned())
}
