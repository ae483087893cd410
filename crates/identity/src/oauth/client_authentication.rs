//! Clients that ask in their own name: who they are, and their tokens (RFC 6749 §4.4, RFC 7523).

use std::time::Duration;

use crate::{
    error::Fault,
    id::Jti,
    oauth::{
        ClientAuthMethod, ClientAuthentication, ClientId, ClientProof, Dpop, GrantType,
        OauthClient, PresentedProof,
    },
    service::IdentityService,
    store::StoreError,
    token::{Claims, HandleKind, IssueTokenError, LEEWAY, Scopes, is_spelling_of},
};

/// The longest that an assertion may be good for.
const MAX_ASSERTION_LIFE: Duration = Duration::from_mins(5);

/// Why a client was not recognised.
#[derive(Debug, thiserror::Error)]
pub enum InvalidClient {
    /// It is unknown, ended, or its proof does not hold; never told which.
    #[error("the client is unknown or its proof does not hold")]
    InvalidClient,
    /// It could not be told now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for InvalidClient {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// A token that a client has in its own name.
#[derive(Debug)]
pub struct ClientToken {
    /// The signed JWT.
    pub access_token: String,
    /// How long it is valid from now.
    pub expires_in: Duration,
    /// What was granted.
    pub scopes: Scopes,
    /// Whether it is bound to a key.
    pub is_bound: bool,
    /// Whose it is.
    pub client: ClientId,
}

/// A client that wants a token in its own name.
#[derive(Debug)]
pub struct ClientTokenRequest {
    /// Which client, and how it shows that.
    pub client: ClientProof,
    /// Who is to accept the token; the client's first audience where nobody is named.
    pub audience: Option<String>,
    /// What it is to be used for; empty for all that the client may.
    pub scopes: Scopes,
    /// Of the key that the token is to be bound to.
    pub proof: Option<PresentedProof>,
}

impl IdentityService {
    /// Which client this is.
    pub async fn authenticate_client(
        &self,
        proof: &ClientProof,
    ) -> Result<OauthClient, InvalidClient> {
        let proofs = &self.deps.client_proofs;
        let id = match &proof.proof {
            ClientAuthentication::Assertion(assertion) if proof.id.is_empty() => {
                proofs.issuer_of(assertion)
            }
            _ => Some(proof.id.clone()),
        };
        let id = id.and_then(|id| id.parse::<ClientId>().ok());
        let id = id.ok_or(InvalidClient::InvalidClient)?;
        let client = self.deps.store.client(&id).await?;
        let client = client.filter(|client| !client.disabled);
        let client = client.ok_or(InvalidClient::InvalidClient)?;
        let holds = match (&proof.proof, &client.registered) {
            (ClientAuthentication::None, ClientAuthMethod::Public) => true,
            (ClientAuthentication::Secret(secret), ClientAuthMethod::Secret(hash)) => {
                proofs.is_secret(secret, hash)
            }
            (ClientAuthentication::Assertion(assertion), ClientAuthMethod::Key(jwk)) => {
                self.holds(assertion, jwk, &id).await?
            }
            _ => false,
        };
        if holds {
            Ok(client)
        } else {
            Err(InvalidClient::InvalidClient)
        }
    }

    /// RFC 7523 §3: signed by the client's key, about itself, for us, in time, and once.
    async fn holds(&self, assertion: &str, jwk: &str, id: &ClientId) -> Result<bool, StoreError> {
        let Some(said) = self.deps.client_proofs.open_assertion(assertion, jwk) else {
            return Ok(false);
        };
        let now = self.deps.clock.now();
        // The token endpoint, or the issuer.
        let is_us = |audience: &String| {
            let endpoint = audience.strip_suffix("/oauth2/token");
            is_spelling_of(&self.policy.issuer, endpoint.unwrap_or(audience))
        };
        let is_own = said.issuer == id.as_str() && said.subject == id.as_str();
        let is_for_us = said.audiences.iter().any(is_us);
        // Written so that no time of theirs is added to: it could be the last one there is.
        let has_begun = said.not_before.is_none_or(|at| at <= now + LEEWAY);
        let has_ended = said.expires_at <= now - LEEWAY;
        let is_in_time =
            has_begun && !has_ended && said.expires_at <= now + MAX_ASSERTION_LIFE + LEEWAY;
        if !is_own || !is_for_us || !is_in_time {
            return Ok(false);
        }
        // A second time it is a copy.
        let name = [
            b"assertion".as_slice(),
            id.as_str().as_bytes(),
            said.id.as_bytes(),
        ];
        let name = self.deps.keyed_hasher.blind(&name);
        let window = MAX_ASSERTION_LIFE + LEEWAY * 2;
        self.deps.replay_cache.insert_if_new(name, window).await
    }

    /// A token for a client in its own name.
    pub async fn issue_to_client(
        &self,
        request: &ClientTokenRequest,
    ) -> Result<ClientToken, IssueTokenError> {
        // Before the assertion, which is good once: for a nonce one has to come back.
        let shown = match &request.proof {
            Some(proof) => Some(self.verify_dpop_proof(proof, HandleKind::RefreshToken)?),
            None => None,
        };
        let client = self.authenticate_client(&request.client).await?;
        if !client.may(GrantType::ClientCredentials) {
            return Err(IssueTokenError::UnauthorizedClient);
        }
        if let Some(proof) = &shown {
            self.consume(proof).await?;
        }
        let key = match (shown.map(|proof| proof.key), self.policy.dpop) {
            (None, policy) if client.dpop_required || policy == Dpop::Require => {
                return Err(self.proof_required().into());
            }
            (_, Dpop::Off) if !client.dpop_required => None,
            (shown, _) => shown,
        };
        let asked = request.scopes.clone();
        let scopes = if asked.is_empty() {
            client.scopes.clone()
        } else if asked.is_within(&client.scopes) {
            asked
        } else {
            return Err(IssueTokenError::InvalidScope);
        };
        let mut audiences = client.audiences.iter();
        let audience = match &request.audience {
            None => audiences.next(),
            Some(asked) => {
                audiences.find(|one| self.policy.canonical(one) == self.policy.canonical(asked))
            }
        };
        let issued_at = self.deps.clock.now().truncate_to_second();
        let claims = Claims {
            issuer: self.policy.issuer.clone(),
            person: None,
            audience: self
                .policy
                .canonical(audience.ok_or(IssueTokenError::InvalidAudience)?)
                .to_owned(),
            client_id: client.id.to_string(),
            jti: Jti::random(&*self.deps.random),
            scopes: scopes.clone(),
            issued_at,
            expires_at: issued_at + self.policy.access_ttl,
            key,
        };
        Ok(ClientToken {
            access_token: self.deps.tokens.sign(&claims).map_err(Fault::from)?,
            expires_in: self.policy.access_ttl,
            scopes,
            is_bound: claims.key.is_some(),
            client: client.id,
        })
    }
}
