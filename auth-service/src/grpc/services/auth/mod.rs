//! `auth.v1.AuthService`.

pub(super) mod watch_revocations;

use std::sync::Arc;

use auth_proto::v1::{
    self, GetJwksRequest, GetJwksResponse, IntrospectTokenRequest, IntrospectTokenResponse,
    IssueTokenRequest, IssueTokenResponse, LoginRequest, LoginResponse, ReportDeviceRequest,
    ReportDeviceResponse, RevokeTokenRequest, RevokeTokenResponse, ValidateTokenRequest,
    ValidateTokenResponse, WatchRevocationsRequest, auth_service_server::AuthService,
    issue_token_request,
};
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter};
use holdfast_identity::{
    audit::{AuditKind, Origin},
    authentication::{LoginAttempt, SignInError, SignedIn},
    error::Fault,
    login::DeviceEvent,
    oauth::{ClientProof, ClientTokenRequest, PresentedProof},
    service::IdentityService,
    store::PublishedKeys,
    token::{
        Grant, IntrospectError, IssueTokenError, Issued, RevocationRequest, RevokedBy,
        TokenRequest, TokenRequirements,
    },
};
use tonic::{Request, Response, Status};

use crate::grpc::{
    audit::{self, About, Audit},
    call_context::{RPC_METHOD, WebIdentity, rpc_url},
    decode, encode,
    errors::{IntoStatus as _, OrStatus as _, invalid},
    services::auth::watch_revocations::{Responses, Watchers},
};

/// What a direct caller's proof has to name.
const ISSUE_TOKEN: &str = "/auth.v1.AuthService/IssueToken";
/// The same.
const REVOKE_TOKEN: &str = "/auth.v1.AuthService/RevokeToken";

pub(in crate::grpc) struct AuthApi {
    pub(in crate::grpc) authority: Arc<IdentityService>,
    pub(in crate::grpc) web_identity: Arc<WebIdentity>,
    pub(in crate::grpc) keys: Arc<dyn PublishedKeys>,
    pub(in crate::grpc) clock: Arc<dyn Clock>,
    pub(in crate::grpc) watchers: Watchers,
    pub(in crate::grpc) audit: Audit,
    /// Anybody can fail to prove that they are a client, as often as they like, and each time would be a row that is kept.
    pub(in crate::grpc) refused_clients: LogRateLimiter,
}

#[tonic::async_trait]
impl AuthService for AuthApi {
    async fn login(
        &self,
        mut request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let form = self.web_identity.sign_in_form(&request)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let LoginRequest {
            username, password, ..
        } = request.into_inner();
        let attempt = LoginAttempt {
            password: decode::password(&password)?,
            username,
            client,
            form,
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
        Ok(Response::new(encode::signed_in(outcome.or_status()?)))
    }

    async fn issue_token(
        &self,
        mut request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let stated = request.get_mut().dpop.take();
        let proof = self.proof(&request, stated, ISSUE_TOKEN)?;
        let message = request.into_inner();
        let grant = match message.grant {
            Some(issue_token_request::Grant::ClientCredentials(stated)) => {
                let request = ClientTokenRequest {
                    client: decode::client_proof(stated),
                    audience: decode::optional(message.audience),
                    scopes: decode::scopes(&message.scope)?,
                    proof,
                };
                return self.issue_to_client(request, origin).await;
            }
            Some(issue_token_request::Grant::LoginTicket(ticket)) => Grant::LoginTicket(ticket),
            Some(issue_token_request::Grant::RefreshToken(token)) => Grant::RefreshToken(token),
            None => {
                let all = "give a login_ticket, a refresh_token or client_credentials";
                return Err(invalid("grant", all));
            }
        };
        let request = TokenRequest {
            grant,
            audience: decode::optional(message.audience),
            scopes: decode::scopes(&message.scope)?,
            client,
            proof,
        };
        let has_proof = request.proof.is_some();
        let outcome = self.authority.issue_token(request).await;
        if let Some((kind, about)) = issue_event(&outcome) {
            self.audit.record(kind, about, origin);
        }
        let issued = encode::issued(outcome.or_status()?);
        Ok(Response::new(self.with_nonce(issued, has_proof)))
    }

    async fn validate_token(
        &self,
        request: Request<ValidateTokenRequest>,
    ) -> Result<Response<ValidateTokenResponse>, Status> {
        let message = request.into_inner();
        let consistency = decode::consistency(message.consistency());
        let audience = decode::optional(message.audience);
        let scopes: Vec<_> = message.required_scopes.iter().map(String::as_str).collect();
        let proof = message.dpop.map(decode::proof);
        let expected = TokenRequirements {
            audience: audience.as_deref(),
            scopes: &scopes,
            consistency,
            proof: proof.as_ref(),
        };
        let claims = self
            .authority
            .validate_token(&message.access_token, expected)
            .await
            .or_status()?;
        let nonce = proof.map(|_| self.authority.dpop_nonce());
        Ok(Response::new(ValidateTokenResponse {
            claims: Some(encode::claims(&claims)),
            dpop_nonce: nonce.unwrap_or_default(),
        }))
    }

    async fn introspect_token(
        &self,
        request: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        let origin = audit::peer(&request, &self.web_identity);
        let message = request.into_inner();
        let proof = decode::client_proof(message.client_credentials.unwrap_or_default());
        let outcome = self.authority.introspect(&proof, &message.token).await;
        match &outcome {
            Err(IntrospectError::InvalidClient) => self.record_refused(&proof, origin),
            Err(IntrospectError::Throttled(throttled, client)) if throttled.is_first => {
                let about = About::client(client.clone(), None);
                self.audit
                    .record(AuditKind::IntrospectionThrottled, about, origin);
            }
            _ => {}
        }
        Ok(Response::new(encode::introspected(
            outcome.or_status()?.as_deref(),
        )))
    }

    async fn revoke_token(
        &self,
        mut request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let from_web_service = self.web_identity.is_proved_by(&request)?;
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let stated = request.get_mut().dpop.take();
        let proof = self.proof(&request, stated, REVOKE_TOKEN)?;
        let message = request.into_inner();
        let is_clients_own = match message.client_credentials {
            Some(stated) => self.is_clients_own(stated, &message.token).await?,
            None => false,
        };
        let revocation = RevocationRequest {
            token: &message.token,
            proof: proof.as_ref(),
            is_clients_own,
        };
        let revoked = if message.end_login {
            self.authority
                .end_login_of(revocation, from_web_service)
                .await
                .or_status()?
        } else {
            self.authority.revoke_token(revocation).await.or_status()?
        };
        if let Some((kind, about)) = revoke_event(revoked) {
            self.audit.record(kind, about, origin);
        }
        Ok(Response::new(RevokeTokenResponse {
            revocation_sequence: self.watchers.feed.revocation_sequence().await,
        }))
    }

    async fn report_device(
        &self,
        mut request: Request<ReportDeviceRequest>,
    ) -> Result<Response<ReportDeviceResponse>, Status> {
        if !self.web_identity.is_proved_by(&request)? {
            return Err(IssueTokenError::ServiceIdentityRequired.into_status());
        }
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let message = request.into_inner();
        let event = decode::device_event(message.event(), message.end_login)?;
        let told = self.authority.report_device(message.refresh_token, event);
        let (user, sid) = told.await.or_status()?;
        let kind = match event {
            DeviceEvent::Bound => AuditKind::DeviceBound,
            DeviceEvent::ProofRefused => AuditKind::DeviceProofRefused,
            DeviceEvent::TheftSuspected { .. } => AuditKind::TheftSuspected,
        };
        self.audit.record(kind, About::login(user, sid), origin);
        Ok(Response::new(ReportDeviceResponse {
            revocation_sequence: self.watchers.feed.revocation_sequence().await,
        }))
    }

    type WatchRevocationsStream = Responses;

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Responses>, Status> {
        if !self.web_identity.is_proved_by(&request)? {
            return Err(IssueTokenError::ServiceIdentityRequired.into_status());
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
            issuer: self.authority.issuer().to_owned(),
        }))
    }
}

impl AuthApi {
    /// The proof of a key, with the request that it was sent with: what web-service states, and for anybody else this very call.
    fn proof<T>(
        &self,
        request: &Request<T>,
        stated: Option<v1::DpopProof>,
        path: &str,
    ) -> Result<Option<PresentedProof>, Status> {
        let Some(stated) = stated else {
            return Ok(None);
        };
        if self.web_identity.is_proved_by(request)? {
            return Ok(Some(decode::proof(stated)));
        }
        Ok(Some(PresentedProof {
            jwt: stated.jwt,
            method: RPC_METHOD.to_owned(),
            uri: rpc_url(self.authority.issuer(), path),
        }))
    }

    /// Whether the client that wants to end a token has authenticated itself; refused where the token is another's.
    async fn is_clients_own(
        &self,
        stated: v1::ClientCredentials,
        token: &str,
    ) -> Result<bool, Status> {
        let proof = decode::client_proof(stated);
        let client = self
            .authority
            .authenticate_client(&proof)
            .await
            .or_status()?;
        if !self.authority.is_token_of(&client, token) {
            return Err(IssueTokenError::UnauthorizedClient.into_status());
        }
        Ok(client.is_confidential())
    }

    fn with_nonce(&self, issued: IssueTokenResponse, has_proof: bool) -> IssueTokenResponse {
        let nonce = has_proof.then(|| self.authority.dpop_nonce());
        IssueTokenResponse {
            dpop_nonce: nonce.unwrap_or_default(),
            ..issued
        }
    }

    async fn issue_to_client(
        &self,
        request: ClientTokenRequest,
        origin: Origin,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        let outcome = self.authority.issue_to_client(&request).await;
        match &outcome {
            Ok(issued) => {
                let about = About::client(issued.client.clone(), None);
                self.audit
                    .record(AuditKind::ClientTokenIssued, about, origin);
            }
            Err(IssueTokenError::InvalidClient) => self.record_refused(&request.client, origin),
            Err(_) => {}
        }
        let issued = encode::client_token(outcome.or_status()?);
        Ok(Response::new(
            self.with_nonce(issued, request.proof.is_some()),
        ))
    }

    /// Whatever somebody says to be is kept only where it can be a name.
    fn record_refused(&self, proof: &ClientProof, origin: Origin) {
        let about = About {
            client: proof.id.parse().ok(),
            ..About::default()
        };
        self.refused_clients
            .log(|_| self.audit.record(AuditKind::ClientRefused, about, origin));
    }
}

fn revoke_event(revoked: RevokedBy) -> Option<(AuditKind, About)> {
    match revoked {
        RevokedBy::Login(user, sid) => Some((AuditKind::LoginEnded, About::login(user, sid))),
        RevokedBy::Token(of) => Some((
            AuditKind::TokenRevoked,
            of.map_or_else(About::default, |(user, sid)| About::login(user, sid)),
        )),
        RevokedBy::Nothing => None,
    }
}

fn login_event(outcome: &Result<SignedIn, SignInError>) -> Option<(AuditKind, About)> {
    match outcome {
        Ok(signed_in) if signed_in.is_repeated => None,
        Ok(signed_in) => Some((
            AuditKind::SignedIn,
            About::login(signed_in.user.id, signed_in.sid),
        )),
        Err(SignInError::InvalidCredentials(user)) => Some((
            AuditKind::SignInRefused,
            About {
                user: *user,
                ..About::default()
            },
        )),
        Err(SignInError::Throttled(throttled, user)) if throttled.is_first => Some((
            AuditKind::SignInThrottled,
            About {
                user: *user,
                ..About::default()
            },
        )),
        Err(SignInError::Fault(Fault::Overloaded { .. })) => {
            Some((AuditKind::SignInOverloaded, About::default()))
        }
        Err(SignInError::Throttled(..) | SignInError::Fault(_)) => None,
    }
}

fn issue_event(outcome: &Result<Issued, IssueTokenError>) -> Option<(AuditKind, About)> {
    let (kind, user, sid) = match outcome {
        Ok(issued) if issued.is_refresh => (AuditKind::Refreshed, issued.user, issued.sid),
        Ok(issued) if issued.is_repeated_elsewhere => {
            let kind = AuditKind::RefreshRepeatedElsewhere;
            (kind, issued.user, issued.sid)
        }
        Err(IssueTokenError::Reused(user, sid)) => (AuditKind::RefreshReused, *user, *sid),
        Err(IssueTokenError::Throttled(throttled, user, sid)) if throttled.is_first => {
            (AuditKind::RefreshThrottled, *user, *sid)
        }
        _ => return None,
    };
    Some((kind, About::login(user, sid)))
}
