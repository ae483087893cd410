//! The decision of forward auth, the same for every proxy.

use std::sync::Arc;

use holdfast_client::{
    AuthError, CachingTokenVerifier, DpopProof, RefusalKind, RevocationWatcher,
    authorization_header::TokenScheme,
};
use holdfast_core::clock::Clock;
use time::OffsetDateTime;

use crate::{
    config::PublicUrl,
    forward_auth::{
        access_request::AccessRequest,
        policy::{AccessDenied, Authentication, Identity, Method, OriginalRequest, Requirements},
    },
    request::{
        dpop::{DpopChallenge, nonce_of},
        redirect_origins::AllowedRedirectOrigins,
    },
    service_error::ServiceError,
    session::{
        authenticator::{SessionAuthenticator, SessionError},
        sign_in::SESSION_SCOPE,
    },
};

/// Decides whether requests to applications may pass, and on whose behalf.
#[derive(Clone)]
pub struct ForwardAuth {
    /// Validates access tokens.
    pub verifier: CachingTokenVerifier,
    /// Authenticates session cookies.
    pub authenticator: SessionAuthenticator,
    /// The clock of auth-service, which dates `auth_time`.
    pub revocations: RevocationWatcher,
    /// The clock here, where that one is not known yet.
    pub clock: Arc<dyn Clock>,
    /// The URL of this service.
    pub public_url: Arc<PublicUrl>,
    /// The origins of the applications.
    pub redirect_origins: Arc<AllowedRedirectOrigins>,
}

/// Why a request does not pass.
#[derive(Debug)]
pub enum DenialReason {
    /// It may not.
    AccessDenied(AccessDenied),
    /// The `DPoP` proof of the token's key is missing or invalid.
    Dpop(DpopChallenge),
    /// It cannot be decided now.
    Failed(ServiceError),
}

impl From<AccessDenied> for DenialReason {
    fn from(reason: AccessDenied) -> Self {
        Self::AccessDenied(reason)
    }
}

/// The answer to the proxy before it is rendered.
pub struct Decision {
    /// The identity on whose behalf the request passes, or why it does not.
    pub outcome: Result<Identity, DenialReason>,
    /// The nonce for the next `DPoP` proof, if there is one.
    pub dpop_nonce: Option<String>,
}

impl ForwardAuth {
    /// Decides by the access token where one is presented, and otherwise by the session cookie.
    pub async fn decide(
        &self,
        request: &impl AccessRequest,
        original: &OriginalRequest,
        requirements: &Requirements,
    ) -> Decision {
        let mut dpop_nonce = None;
        let outcome = if request.presents_token() {
            self.by_token(request, original, requirements, &mut dpop_nonce)
                .await
        } else {
            self.by_cookie(request, original, requirements).await
        };
        Decision {
            outcome,
            dpop_nonce,
        }
    }

    async fn by_token(
        &self,
        request: &impl AccessRequest,
        original: &OriginalRequest,
        requirements: &Requirements,
        dpop_nonce: &mut Option<String>,
    ) -> Result<Identity, DenialReason> {
        let presented = request.access_token();
        let (scheme, token) = presented.map_err(|_| AccessDenied::Unauthenticated)?;
        let proof = match scheme {
            TokenScheme::Bearer => None,
            TokenScheme::Dpop => Some(self.proof(request, original)?),
        };
        let scopes: Vec<_> = requirements.scopes.iter().map(String::as_str).collect();
        let validated = self
            .verifier
            .validate(token, proof.as_ref(), &requirements.audience, &scopes)
            .await;
        let claims = match validated {
            Ok(claims) => claims,
            Err(error) => {
                *dpop_nonce = nonce_of(&error).map(str::to_owned);
                return Err(denial(error));
            }
        };
        dpop_nonce.clone_from(&claims.dpop_nonce);
        // A token that an OAuth client got in its own name belongs to no login.
        let authentication = claims
            .sid
            .as_ref()
            .map(|_| Authentication::of_claims(claims.acr.as_deref(), &claims.amr));
        requirements.check_level(authentication.as_ref())?;
        requirements.check_age(claims.authenticated_at, self.issuer_now())?;
        Ok(Identity {
            username: claims.username.clone(),
            subject: claims.subject.clone(),
            sid: claims.sid.clone(),
            scope: claims.scope.clone(),
            method: match scheme {
                TokenScheme::Bearer => Method::Bearer,
                TokenScheme::Dpop => Method::Dpop,
            },
            authentication,
        })
    }

    /// The time by the clock that `auth_time` is dated by, which may be ahead of the clock here or behind.
    fn issuer_now(&self) -> OffsetDateTime {
        let now = self.revocations.issuer_now();
        now.unwrap_or_else(|| self.clock.now())
    }

    /// The proof of the original request, whose method and URL come from the proxy.
    fn proof(
        &self,
        request: &impl AccessRequest,
        original: &OriginalRequest,
    ) -> Result<DpopProof, DenialReason> {
        let target = original.proven_target(&self.public_url.origin, &self.redirect_origins);
        let (jwt, (method, uri)) = request
            .dpop_proof()
            .zip(target)
            .ok_or(DenialReason::Dpop(DpopChallenge::InvalidProof))?;
        Ok(DpopProof { jwt, method, uri })
    }

    async fn by_cookie(
        &self,
        request: &impl AccessRequest,
        original: &OriginalRequest,
        requirements: &Requirements,
    ) -> Result<Identity, DenialReason> {
        let session = match self.authenticator.authenticate(request).await {
            Ok(session) => session.record,
            Err(SessionError::NotBound) => return Err(AccessDenied::NotBound.into()),
            Err(SessionError::NoSession) => return Err(AccessDenied::Unauthenticated.into()),
            Err(SessionError::NoDeviceProof) => return Err(AccessDenied::NoDeviceProof.into()),
            Err(SessionError::Failed(error)) => return Err(DenialReason::Failed(error)),
        };
        if !original.may_use_cookie(&self.redirect_origins) {
            return Err(AccessDenied::Foreign.into());
        }
        requirements.check_scope(SESSION_SCOPE)?;
        let authentication = Authentication {
            level: session.acr,
            factors: session.amr.join(" "),
        };
        requirements.check_level(Some(&authentication))?;
        requirements.check_age(Some(session.authenticated_at), self.issuer_now())?;
        Ok(Identity {
            username: Some(session.username.clone()),
            subject: session.user_id.clone(),
            sid: Some(session.sid.clone()),
            scope: SESSION_SCOPE.to_owned(),
            method: Method::Cookie,
            authentication: Some(authentication),
        })
    }
}

fn denial(error: AuthError) -> DenialReason {
    let AuthError::Refused(refusal) = error else {
        return DenialReason::Failed(error.into());
    };
    match (DpopChallenge::of(&refusal.reason), refusal.kind) {
        (Some(challenge), _) => DenialReason::Dpop(challenge),
        (None, RefusalKind::Forbidden) => AccessDenied::Scope.into(),
        (None, RefusalKind::Unauthenticated | RefusalKind::Invalid | RefusalKind::Conflict) => {
            AccessDenied::Unauthenticated.into()
        }
    }
}
