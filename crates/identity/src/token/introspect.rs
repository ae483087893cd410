//! Introspection of access tokens by OAuth clients (RFC 7662): `IntrospectToken`.

use std::sync::Arc;

use crate::{
    audit::{AuditKind, AuditSubject},
    authentication::Throttled,
    call_context::CallContext,
    error::Fault,
    oauth::{ClientCredentials, InvalidClient, OauthClient},
    observer::{RateLimited, Verdict, VerdictSource},
    token::{Claims, Consistency, TokenService, ValidateTokenError, token_limits},
};

/// Why an introspection is refused.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    /// The OAuth client is unknown, disabled or public, or its credentials are wrong (RFC 7662 §2.1).
    #[error("the client is unknown, or its authentication is invalid")]
    InvalidClient,
    /// The OAuth client exceeded the rate limit.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<InvalidClient> for IntrospectError {
    fn from(error: InvalidClient) -> Self {
        match error {
            InvalidClient::InvalidClient => Self::InvalidClient,
            InvalidClient::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl TokenService {
    /// Returns the claims of an access token, if it is valid and was issued to this OAuth client or for one of its audiences; otherwise
    /// `None` (inactive). Refresh tokens are always inactive: only this issuer accepts them.
    pub async fn introspect(
        &self,
        credentials: &ClientCredentials,
        token: &str,
        context: &CallContext,
    ) -> Result<Option<Arc<Claims>>, IntrospectError> {
        let client = self.clients.authenticate(credentials, context).await?;
        if !client.is_confidential() {
            self.clients.record_refusal(credentials, context);
            return Err(IntrospectError::InvalidClient);
        }
        let counter = token_limits::introspections(&*self.deps.keyed_hasher, &client.id);
        let result = self
            .deps
            .count(RateLimited::Introspection, &[counter])
            .await;
        if let Err(throttled) = result {
            if throttled.is_first {
                let kind = AuditKind::IntrospectionThrottled;
                let subject = AuditSubject::client(&client.id);
                self.deps.audit.record(context, kind, subject);
            }
            return Err(throttled.into());
        }
        let mut source = VerdictSource::Memory;
        let found = self.find_active(&client, token, &mut source).await;
        let verdict = match &found {
            Ok(Some(_)) => Verdict::Valid,
            Ok(None) => Verdict::Refused,
            Err(_) => Verdict::Failed,
        };
        self.deps.observer.validated(source, verdict);
        Ok(found?)
    }

    /// The claims of a token that is valid and that this OAuth client may introspect.
    async fn find_active(
        &self,
        client: &OauthClient,
        token: &str,
        source: &mut VerdictSource,
    ) -> Result<Option<Arc<Claims>>, Fault> {
        let now = self.deps.clock.now();
        let Ok(claims) = self.deps.access_tokens.verify(token) else {
            return Ok(None);
        };
        if !self.may_introspect(client, &claims) {
            return Ok(None);
        }
        let expected = self.expected_claims(Some(&claims.audience));
        if claims.check(&expected, now).is_err() {
            return Ok(None);
        }
        match self
            .check_not_revoked(&claims, (Consistency::Local, source), now)
            .await
        {
            Ok(()) => Ok(Some(claims)),
            Err(ValidateTokenError::Fault(fault)) => Err(fault),
            Err(_) => Ok(None),
        }
    }

    /// Whether the token was issued to the OAuth client, or for one of its audiences.
    fn may_introspect(&self, client: &OauthClient, claims: &Claims) -> bool {
        let audience = self.policy.canonical_audience(&claims.audience);
        let mut audiences = client.audiences.iter();
        claims.client_id == client.id.as_str()
            || audiences.any(|one| self.policy.canonical_audience(one) == audience)
    }
}
