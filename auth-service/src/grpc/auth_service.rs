//! `auth.v1.AuthService`.

use std::sync::Arc;

use auth_proto::v1::{
    GetJwksRequest, GetJwksResponse, IssueTokenRequest, IssueTokenResponse, LoginRequest,
    LoginResponse, RevokeTokenRequest, RevokeTokenResponse, ValidateTokenRequest,
    ValidateTokenResponse, WatchRevocationsRequest, auth_service_server::AuthService,
    issue_token_request,
};
use tonic::{Request, Response, Status};

use super::{
    audit::{self, About, Audit},
    caller::WebIdentity,
    decode, encode,
    status::invalid,
    watch::{Responses, Watchers},
};
use crate::domain::{
    audit::AuditKind,
    authority::{
        Authority, Expected, Grant, IssueRefused, Issued, LoginAttempt, LoginRefused, RevokedBy,
        SignedIn, TokenRequest,
    },
    error::Fault,
    ports::{Clock, PublishedKeys},
};

pub(super) struct AuthApi {
    pub(super) authority: Arc<Authority>,
    pub(super) web_identity: Arc<WebIdentity>,
    pub(super) keys: Arc<dyn PublishedKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) watchers: Watchers,
    pub(super) audit: Audit,
}

#[tonic::async_trait]
impl AuthService for AuthApi {
    async fn login(
        &self,
        mut request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let LoginRequest {
            username, password, ..
        } = request.into_inner();
        let attempt = LoginAttempt {
            password: decode::password(&password)?,
            username,
            client,
        };
        let outcome = self.authority.login(attempt).await;
        if let Ok(SignedIn { user, ended, .. }) = &outcome {
            for sid in ended {
                let about = About::login(user.id, *sid);
                self.audit
                    .record(AuditKind::SurplusEnded, about, origin.clone());
            }
        }
        if let Some((kind, about)) = login_event(&outcome) {
            self.audit.record(kind, about, origin);
        }
        Ok(Response::new(encode::signed_in(outcome?)))
    }

    async fn issue_token(
        &self,
        mut request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let message = request.into_inner();
        let grant = match message.grant {
            Some(issue_token_request::Grant::LoginTicket(ticket)) => Grant::LoginTicket(ticket),
            Some(issue_token_request::Grant::RefreshToken(token)) => Grant::RefreshToken(token),
            None => return Err(invalid("grant", "give a login_ticket or a refresh_token")),
        };
        let request = TokenRequest {
            grant,
            audience: decode::optional(message.audience),
            scopes: decode::scopes(&message.scope)?,
            client_kind: client.kind,
        };
        let outcome = self.authority.issue_token(request).await;
        if let Some((kind, about)) = issue_event(&outcome) {
            self.audit.record(kind, about, origin);
        }
        Ok(Response::new(encode::issued(outcome?)))
    }

    async fn validate_token(
        &self,
        request: Request<ValidateTokenRequest>,
    ) -> Result<Response<ValidateTokenResponse>, Status> {
        let message = request.into_inner();
        let consistency = decode::consistency(message.consistency());
        let audience = decode::optional(message.audience);
        let scopes: Vec<_> = message.required_scopes.iter().map(String::as_str).collect();
        let expected = Expected {
            audience: audience.as_deref(),
            scopes: &scopes,
            consistency,
        };
        let claims = self
            .authority
            .validate_token(&message.access_token, expected)
            .await?;
        Ok(Response::new(ValidateTokenResponse {
            claims: Some(encode::claims(claims)),
        }))
    }

    async fn revoke_token(
        &self,
        mut request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let from_web_service = self.web_identity.is_proved_by(&request)?;
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let message = request.into_inner();
        let revoked = if message.end_login {
            let token = &message.token;
            self.authority.end_login_of(token, from_web_service).await?
        } else {
            self.authority.revoke_token(&message.token).await?
        };
        let (kind, user, sid) = match revoked {
            RevokedBy::Login(user, sid) => (AuditKind::LoginEnded, user, sid),
            RevokedBy::Token(user, sid) => (AuditKind::TokenRevoked, user, sid),
            RevokedBy::Nothing => return Ok(Response::new(RevokeTokenResponse {})),
        };
        let about = About::login(user, sid);
        self.audit.record(kind, about, origin);
        Ok(Response::new(RevokeTokenResponse {}))
    }

    type WatchRevocationsStream = Responses;

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Responses>, Status> {
        if !self.web_identity.is_proved_by(&request)? {
            return Err(IssueRefused::ServiceIdentityRequired.into());
        }
        Ok(Response::new(self.watchers.begin(request.get_ref()).await))
    }

    async fn get_jwks(
        &self,
        request: Request<GetJwksRequest>,
    ) -> Result<Response<GetJwksResponse>, Status> {
        // Nobody needs to be known for this; but a web-service that is set up wrongly learns it from its readiness.
        self.web_identity.is_proved_by(&request)?;
        Ok(Response::new(GetJwksResponse {
            keys: self
                .keys
                .published(self.clock.now())
                .iter()
                .map(encode::json_web_key)
                .collect(),
        }))
    }
}

fn login_event(outcome: &Result<SignedIn, LoginRefused>) -> Option<(AuditKind, About)> {
    match outcome {
        Ok(signed_in) => Some((
            AuditKind::SignedIn,
            About::login(signed_in.user.id, signed_in.sid),
        )),
        Err(LoginRefused::InvalidCredentials(user)) => Some((
            AuditKind::SignInRefused,
            About {
                user: *user,
                ..About::default()
            },
        )),
        Err(LoginRefused::Throttled(throttled, user)) if throttled.is_first => Some((
            AuditKind::SignInThrottled,
            About {
                user: *user,
                ..About::default()
            },
        )),
        Err(LoginRefused::Fault(Fault::Overloaded { .. })) => {
            Some((AuditKind::SignInOverloaded, About::default()))
        }
        Err(LoginRefused::Throttled(..) | LoginRefused::Fault(_)) => None,
    }
}

fn issue_event(outcome: &Result<Issued, IssueRefused>) -> Option<(AuditKind, About)> {
    let (kind, user, sid) = match outcome {
        Ok(issued) if issued.is_refresh => (AuditKind::Refreshed, issued.user, issued.sid),
        Err(IssueRefused::Reused(user, sid)) => (AuditKind::RefreshReused, *user, *sid),
        Err(IssueRefused::Throttled(throttled, user, sid)) if throttled.is_first => {
            (AuditKind::RefreshThrottled, *user, *sid)
        }
        _ => return None,
    };
    Some((kind, About::login(user, sid)))
}
