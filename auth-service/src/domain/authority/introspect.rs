//! What a token is worth, for who received it (RFC 7662).

use std::sync::Arc;

use time::OffsetDateTime;

use super::{Authority, ClientNotProven, Consistency, ValidateRefused};
use crate::domain::{
    access_token::{Claims, FIRST_PARTY_CLIENT},
    client::{ClientProof, OauthClient},
    credential::CredentialKind,
    id::{Sid, UserId},
    login::ClientKind,
    scope::Scopes,
    username::Username,
};

/// What is known of a token that is good.
#[derive(Debug)]
pub enum Introspected {
    /// An access token.
    Access(Arc<Claims>),
    /// A refresh token.
    Refresh {
        /// Whose.
        user: UserId,
        /// Their name.
        username: Username,
        /// Of which login.
        sid: Sid,
        /// What it gives.
        scopes: Scopes,
        /// When its login ends at the latest.
        expires_at: OffsetDateTime,
    },
}

impl Authority {
    /// Looks at a token for a client that can prove who it is; `None` for whatever is not good, or not for its ears: an access
    /// token must be for one of its audiences, and a refresh token is for the first-party client alone.
    pub async fn introspect(
        &self,
        proof: &ClientProof,
        token: &str,
    ) -> Result<Option<Introspected>, ClientNotProven> {
        let client = self.prove_client(proof).await?;
        if let Some(credential) = self.parts.credentials.open(token) {
            if credential.kind != CredentialKind::RefreshToken || !client.id.is_first_party() {
                return Ok(None);
            }
            let now = self.parts.clock.now();
            let found = self.parts.store.login(credential.sid).await?;
            let live = found.filter(|(login, _)| {
                let is_unused = login.kind == ClientKind::Api
                    && now >= login.refreshed_at + self.policy.refresh_ttl;
                login.is_live(now) && login.generation == credential.generation && !is_unused
            });
            return Ok(live.map(|(login, user)| Introspected::Refresh {
                user: user.id,
                username: user.username,
                sid: login.sid,
                scopes: login.scopes,
                expires_at: login.expires_at,
            }));
        }
        if !client.is_confidential() {
            return Err(ClientNotProven::InvalidClient);
        }
        self.look_at_access_token(&client, token).await
    }

    async fn look_at_access_token(
        &self,
        client: &OauthClient,
        token: &str,
    ) -> Result<Option<Introspected>, ClientNotProven> {
        let Ok(claims) = self.parts.tokens.open(token) else {
            return Ok(None);
        };
        let is_own = claims.client_id == client.id.as_str();
        if !is_own && !client.audiences.contains(&claims.audience) {
            return Ok(None);
        }
        let now = self.parts.clock.now();
        let expected = self.expectation(Some(&claims.audience));
        if claims.check(&expected, now).is_err() {
            return Ok(None);
        }
        match self
            .check_not_revoked(&claims, Consistency::Local, now)
            .await
        {
            Ok(()) => Ok(Some(Introspected::Access(claims))),
            Err(ValidateRefused::Fault(fault)) => Err(fault.into()),
            Err(_) => Ok(None),
        }
    }

    /// Whether a client may end this token (RFC 7009 §2.1): it is not another's.
    #[must_use]
    pub fn is_token_of(&self, client: &OauthClient, token: &str) -> bool {
        let of = if self.parts.credentials.open(token).is_some() {
            Some(FIRST_PARTY_CLIENT.to_owned())
        } else {
            let claims = self.parts.tokens.open(token).ok();
            claims.map(|claims| claims.client_id.clone())
        };
        // What is no token is nobody's, and there is nothing to end.
        of.is_none_or(|of| of == client.id.as_str())
    }
}
