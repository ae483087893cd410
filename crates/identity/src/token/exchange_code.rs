//! The exchange of an authorization code for the first tokens of a grant (RFC 6749 §4.1.3).

use time::OffsetDateTime;

use crate::{
    account::User,
    audit::{AuditKind, AuditSubject},
    call_context::CallContext,
    error::StoreError,
    login::{ClientKind, EndReason, Generation, Login, MAX_GRANTS_OF_CLIENT, NewGrant},
    oauth::{
        AuthorizationCode, ClientCredentials, CodeVerifier, GrantType, KeyThumbprint, OauthClient,
        PresentedProof, ProofRequirements,
    },
    observer::{RateLimited, TokenGrant, TokenOutcome},
    token::{
        IssueTokenError, IssuedTokens, TokenService,
        mint::{IdTokenContent, TokenContent},
        token_limits,
    },
};

/// A request for tokens with an authorization code.
#[derive(Debug)]
pub struct CodeExchange {
    /// The code.
    pub code: String,
    /// The redirect URI of the authorization request.
    pub redirect_uri: String,
    /// The verifier of its code challenge; `None` if the text was none.
    pub verifier: Option<CodeVerifier>,
    /// The credentials of the OAuth client; a public one presents its `client_id`.
    pub client: ClientCredentials,
    /// `aud` of the access token; `None` for what was granted.
    pub audience: Option<String>,
    /// A DPoP proof of the key that the tokens are to be bound to.
    pub proof: Option<PresentedProof>,
}

impl TokenService {
    /// Exchanges an authorization code. It is one insertion, whose identifier the code contains: a second exchange finds it, and ends what
    /// the first one began (RFC 9700 §4.5.3).
    pub async fn exchange_code(
        &self,
        exchange: &CodeExchange,
        context: &CallContext,
    ) -> Result<IssuedTokens, IssueTokenError> {
        let issued = self.exchange_code_for_grant(exchange, context).await;
        let grant = TokenGrant::AuthorizationCode;
        self.deps
            .observer
            .requested(grant, TokenOutcome::of(&issued));
        issued
    }

    async fn exchange_code_for_grant(
        &self,
        exchange: &CodeExchange,
        context: &CallContext,
    ) -> Result<IssuedTokens, IssueTokenError> {
        // The code itself is recent, and a client that has just received it may have no nonce yet.
        let required = ProofRequirements {
            token: None,
            nonce_optional: true,
        };
        let proof = match &exchange.proof {
            Some(proof) => Some(self.dpop.verify(proof, required)?),
            None => None,
        };
        let client = self.clients.authenticate(&exchange.client, context).await?;
        let code = self.code_for(exchange, &client)?;
        let proved = proof.as_ref().map(|proof| &proof.key);
        let (api, bound_to) = (ClientKind::Api, code.key.as_ref());
        let key = self.required_binding(api, client.dpop_required, bound_to, proved)?;
        if let Some(proof) = &proof {
            self.dpop.consume(proof).await?;
        }
        let now = self.deps.clock.now();
        let audience = self.granted_audience(&code, exchange)?;
        let found = self.deps.store.login(code.sid).await?;
        let found = found.filter(|(login, _)| login.is_live(now));
        let (login, user) = found.ok_or(IssueTokenError::LoginEnded)?;
        self.begin_grant(&code, (&login, &user), (key, now), context)
            .await?;
        let party = client.relying_party.as_ref();
        self.mint(
            TokenContent {
                login: &login,
                user: &user,
                grant: code.grant,
                client: &code.client,
                sector: party.and_then(|party| party.sector.as_ref()),
                audience,
                id_token: party.map(|party| IdTokenContent {
                    algorithm: party.id_token_algorithm,
                    nonce: code.nonce.as_deref(),
                }),
                has_refresh_token: code.may_refresh(),
                scopes: code.scopes.clone(),
                key,
                now,
            },
            Generation::FIRST,
        )
    }

    /// Begins the grant of a code, whose tokens are bound to `key`.
    async fn begin_grant(
        &self,
        code: &AuthorizationCode,
        (login, user): (&Login, &User),
        (key, now): (Option<&KeyThumbprint>, OffsetDateTime),
        context: &CallContext,
    ) -> Result<(), IssueTokenError> {
        let grant = NewGrant {
            id: code.grant,
            sid: code.sid,
            client: code.client.clone(),
            scopes: code.scopes.clone(),
            audience: Some(code.audience.clone()),
            key: key.cloned(),
            source: context.client.clone(),
            tokens_until: Some(self.tokens_until(now)),
            created_at: now,
            consented: Some(code.consented.clone()),
            events: vec![self.granted_event(code, user, context)],
        };
        let hasher = &*self.deps.keyed_hasher;
        let counter = token_limits::code_exchanges(hasher, code.sid, &code.client);
        self.deps
            .count(RateLimited::CodeExchange, &[counter])
            .await?;
        let is_begun = self.deps.store.insert_grant(&grant).await?;
        self.deps.audit.committed(is_begun, &grant.events);
        if !is_begun {
            return Err(self.refuse_second_exchange(code, user, context).await?);
        }
        Ok(self
            .end_surplus_grants((login, user), code, context)
            .await?)
    }

    /// The content of the code, if it has not expired, and was issued to this OAuth client for this redirect URI and verifier.
    fn code_for(
        &self,
        exchange: &CodeExchange,
        client: &OauthClient,
    ) -> Result<AuthorizationCode, IssueTokenError> {
        if !client.may(GrantType::AuthorizationCode) {
            return Err(IssueTokenError::UnauthorizedClient);
        }
        let codec = &self.deps.authorizations;
        let code = codec.open_code(&exchange.code);
        let code = code.ok_or(IssueTokenError::CodeInvalid)?;
        let verifier = exchange.verifier.as_ref();
        let is_verified =
            verifier.is_some_and(|verifier| codec.has_verifier(&code.code_challenge, verifier));
        let is_presented_as_issued =
            code.client == client.id && code.redirect_uri == exchange.redirect_uri;
        let is_current = self.deps.clock.now() < code.expires_at;
        if is_verified && is_presented_as_issued && is_current {
            Ok(code)
        } else {
            Err(IssueTokenError::CodeInvalid)
        }
    }

    /// The audience of the access token, which a request may name again.
    fn granted_audience<'a>(
        &self,
        code: &'a AuthorizationCode,
        exchange: &CodeExchange,
    ) -> Result<&'a str, IssueTokenError> {
        match exchange.audience.as_deref() {
            Some(requested) if self.policy.canonical_audience(requested) != code.audience => {
                Err(IssueTokenError::InvalidAudience)
            }
            _ => Ok(&code.audience),
        }
    }

    fn granted_event(
        &self,
        code: &AuthorizationCode,
        user: &User,
        context: &CallContext,
    ) -> crate::audit::AuditEvent {
        let subject = AuditSubject {
            client: Some(code.client.clone()),
            ..AuditSubject::login(user.id, code.sid)
        };
        self.deps.audit.event(context, AuditKind::Granted, subject)
    }

    /// The error of a code whose grant was not begun. Where there is a grant, the code was exchanged before, and the grant ends.
    async fn refuse_second_exchange(
        &self,
        code: &AuthorizationCode,
        user: &User,
        context: &CallContext,
    ) -> Result<IssueTokenError, StoreError> {
        let found = self.deps.store.grant(code.grant).await?;
        let Some((grant, ..)) = found else {
            // The login ended, or the client was disabled, since they were read.
            return Ok(IssueTokenError::LoginEnded);
        };
        if !grant.ended {
            let subject = AuditSubject::grant(user.id, &grant);
            self.deps
                .audit
                .record(context, AuditKind::CodeReused, subject);
        }
        let reason = EndReason::Reused;
        self.deps
            .end_grant(user.id, &grant, reason, context)
            .await?;
        Ok(IssueTokenError::CodeReused)
    }

    /// Ends the grants that were used least recently where the OAuth client has too many of the login.
    async fn end_surplus_grants(
        &self,
        (login, user): (&Login, &User),
        code: &AuthorizationCode,
        context: &CallContext,
    ) -> Result<(), StoreError> {
        let store = &self.deps.store;
        let grants = store.grants_of_client(login.sid, &code.client).await?;
        for id in grants.into_iter().skip(MAX_GRANTS_OF_CLIENT) {
            if let Some((grant, ..)) = store.grant(id).await? {
                let reason = EndReason::TooMany;
                self.deps
                    .end_grant(user.id, &grant, reason, context)
                    .await?;
            }
        }
        Ok(())
    }
}

impl AuthorizationCode {
    /// Whether its exchange gives a refresh token.
    fn may_refresh(&self) -> bool {
        self.scopes.contains(&crate::token::Scope::OfflineAccess)
    }
}
