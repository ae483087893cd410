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
    caller::WebIdentity,
    decode, encode,
    status::invalid,
    watch::{Responses, Watchers},
};
use crate::domain::{
    authority::{
        Authority, Expected, Grant, IssueRefused, LoginAttempt, LoginRefused, TokenRequest,
    },
    ports::{Clock, PublishedKeys},
};

pub(super) struct AuthApi {
    pub(super) authority: Arc<Authority>,
    pub(super) web_identity: Arc<WebIdentity>,
    pub(super) keys: Arc<dyn PublishedKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) watchers: Watchers,
}

#[tonic::async_trait]
impl AuthService for AuthApi {
    async fn login(
        &self,
        mut request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let ip_address = client.ip_address;
        let LoginRequest {
            username, password, ..
        } = request.into_inner();
        let attempt = LoginAttempt {
            password: decode::password(&password)?,
            username,
            client,
        };
        match self.authority.login(attempt).await {
            Ok(signed_in) => {
                tracing::info!(sid = %signed_in.sid, user = %signed_in.user.id, ?ip_address, "signed in");
                Ok(Response::new(encode::signed_in(signed_in)))
            }
            Err(refused) => {
                if matches!(refused, LoginRefused::InvalidCredentials) {
                    tracing::info!(?ip_address, "sign-in refused: wrong name or password");
                }
                Err(refused.into())
            }
        }
    }

    async fn issue_token(
        &self,
        mut request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
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
        match self.authority.issue_token(request).await {
            Ok(issued) => Ok(Response::new(encode::issued(issued))),
            Err(refused) => {
                if let IssueRefused::Reused(sid) = &refused {
                    tracing::warn!(%sid, "a used-up ticket or refresh token came back; the login was ended");
                }
                Err(refused.into())
            }
        }
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
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let from_web_service = self.web_identity.is_proved_by(&request)?;
        let message = request.into_inner();
        if message.end_login {
            self.authority
                .end_login_of(&message.token, from_web_service)
                .await?;
        } else {
            self.authority.revoke_token(&message.token).await?;
        }
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
        Ok(Response::new(self.watchers.begin(request.get_ref())))
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
