//! Tokens of OAuth clients by the client credentials grant (RFC 6749 §4.4).

use std::time::Duration;

use crate::{
    audit::{AuditKind, AuditSubject},
    call_context::CallContext,
    id::Jti,
    login::ClientKind,
    oauth::{ClientCredentials, GrantType, OauthClient, PresentedProof, ProofRequirements},
    observer::{TokenGrant, TokenOutcome},
    token::scope::within,
    token::{Claims, IssueTokenError, Scopes, TokenService},
};

/// A token that was issued to an OAuth client for itself.
#[derive(Debug)]
pub struct ClientToken {
    /// The signed access token, a JWT.
    pub access_token: String,
    /// Lifetime of the access token, from now.
    pub expires_in: Duration,
    /// Scopes of the access token.
    pub scopes: Scopes,
    /// Whether the access token is bound to a key.
    pub is_bound: bool,
}

/// A request for a token by the client credentials grant.
#[derive(Debug)]
pub struct ClientTokenRequest {
    /// The credentials of the OAuth client.
    pub client: ClientCredentials,
    /// `aud` of the access token; `None` for the OAuth client's first audience.
    pub audience: Option<String>,
    /// Requested scopes; empty requests all that the OAuth client may have.
    pub scopes: Scopes,
    /// A DPoP proof of the key that the token is to be bound to.
    pub proof: Option<PresentedProof>,
}

impl TokenService {
    /// Issues a token to an OAuth client by the client credentials grant.
    pub async fn issue_client_token(
        &self,
        request: &ClientTokenRequest,
        context: &CallContext,
    ) -> Result<ClientToken, IssueTokenError> {
        let issued = self.issue_by_credentials(request, context).await;
        let grant = TokenGrant::ClientCredentials;
        self.deps
            .observer
            .requested(grant, TokenOutcome::of(&issued));
        issued
    }

    async fn issue_by_credentials(
        &self,
        request: &ClientTokenRequest,
        context: &CallContext,
    ) -> Result<ClientToken, IssueTokenError> {
        // Before authentication, which uses up an assertion: a caller without a nonce has to repeat the request.
        let proof = match &request.proof {
            Some(proof) => Some(self.dpop.verify(proof, ProofRequirements::WITH_NONCE)?),
            None => None,
        };
        let client = self.clients.authenticate(&request.client, context).await?;
        if !client.may(GrantType::ClientCredentials) {
            return Err(IssueTokenError::UnauthorizedClient);
        }
        if let Some(proof) = &proof {
            self.dpop.consume(proof).await?;
        }
        let (api, proved) = (ClientKind::Api, proof.as_ref().map(|proof| &proof.key));
        let key = self.required_binding(api, client.dpop_required, None, proved)?;
        let scopes = client_scopes(&client, request.scopes.clone())?;
        let audience = self.client_audience(&client, request.audience.as_deref())?;
        let issued_at = self.deps.clock.now().truncate_to_second();
        let claims = Claims {
            issuer: self.policy.issuer.clone(),
            person: None,
            audience: audience.to_owned(),
            client_id: client.id.to_string(),
            jti: Jti::random(&*self.deps.random),
            scopes,
            issued_at,
            expires_at: issued_at + self.policy.access_ttl,
            key: key.cloned(),
        };
        let access_token = self.deps.access_tokens.sign(&claims)?;
        let (kind, subject) = (
            AuditKind::ClientTokenIssued,
            AuditSubject::client(&client.id),
        );
        self.deps.audit.record(context, kind, subject);
        Ok(ClientToken {
            access_token,
            expires_in: self.policy.access_ttl,
            scopes: claims.scopes,
            is_bound: claims.key.is_some(),
        })
    }

    /// Returns the requested audience in its normal form, or the first one of the OAuth client.
    fn client_audience<'a>(
        &'a self,
        client: &'a OauthClient,
        requested: Option<&str>,
    ) -> Result<&'a str, IssueTokenError> {
        let mut audiences = client.audiences.iter();
        let audience = match requested.map(|requested| self.policy.canonical_audience(requested)) {
            None => audiences.next(),
            Some(requested) => {
                audiences.find(|one| self.policy.canonical_audience(one) == requested)
            }
        };
        let audience = audience.ok_or(IssueTokenError::InvalidAudience)?;
        Ok(self.policy.canonical_audience(audience))
    }
}

/// Returns the requested scopes, or all that the OAuth client may have.
fn client_scopes(client: &OauthClient, requested: Scopes) -> Result<Scopes, IssueTokenError> {
    if requested.is_empty() {
        Ok(client.scopes.clone())
    } else {
        within(requested, &client.scopes).ok_or(IssueTokenError::InvalidScope)
    }
}
