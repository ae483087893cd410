//! The exchange of a login ticket: when it is accepted, and the grant that it begins.

use time::OffsetDateTime;

use crate::{
    account::User,
    audit::AuditSubject,
    error::Fault,
    id::{GrantId, Sid},
    login::{ClientKind, Generation, Grant, Login, NewGrant},
    oauth::ClientId,
    token::{
        IssueTokenError, Scope, Scopes, TokenService,
        exchange_outcome::ExchangeOutcome,
        mint::TokenContent,
        scope::within,
        token_request::{Exchange, IssuedTokens},
    },
};

/// Decides what the login ticket of `login` leads to, given the grant that it was exchanged for, if any.
fn ticket_outcome(login: &Login, grant: Option<&Grant>, now: OffsetDateTime) -> ExchangeOutcome {
    match (grant, login.accepts_ticket(now)) {
        // A browser that sends its sign-in form twice has the same ticket twice. Tickets of browsers never leave the services.
        (Some(grant), true) if login.kind == ClientKind::Browser && !grant.ended => {
            ExchangeOutcome::Keep
        }
        (Some(_), _) => ExchangeOutcome::Reused,
        (None, false) => ExchangeOutcome::Expired,
        (None, true) => ExchangeOutcome::Advance,
    }
}

/// The scopes of the first tokens: those that were requested, if the account may have them; by default `profile`.
fn first_scopes(requested: Scopes, user: &User) -> Result<Scopes, IssueTokenError> {
    if requested.is_empty() {
        return Ok([Scope::Profile].into_iter().collect());
    }
    within(requested, &Scopes::grantable(user)).ok_or(IssueTokenError::InvalidScope)
}

impl TokenService {
    /// Decides and performs the exchange of a login ticket; `None` if a concurrent request with the same ticket was faster.
    pub(super) async fn exchange_ticket(
        &self,
        exchange: &Exchange<'_>,
        sid: Sid,
    ) -> Result<Option<IssuedTokens>, IssueTokenError> {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let found = store.login(sid).await?;
        let found = found.filter(|(login, _)| login.is_live(now));
        let (login, user) = found.ok_or(IssueTokenError::LoginEnded)?;
        exchange.require_web_service_for(login.kind)?;
        let found = store.grant(GrantId::first_of(sid)).await?;
        let grant = found.map(|(grant, ..)| grant);
        let bound_to = grant.as_ref().and_then(|grant| grant.key.as_ref());
        let key = self.required_binding(login.kind, false, bound_to, exchange.proved_key())?;
        self.consume_proof(exchange).await?;
        let requested = exchange.request.scopes.clone();
        let scopes = match (ticket_outcome(&login, grant.as_ref(), now), &grant) {
            (ExchangeOutcome::Advance, _) => first_scopes(requested, &user)?,
            (ExchangeOutcome::Keep, Some(grant)) => grant.narrowed_scopes(requested, &user)?,
            (ExchangeOutcome::Expired, _) => return Err(IssueTokenError::Expired),
            _ => {
                let subject = AuditSubject::login(user.id, sid);
                return Err(self.revoke_on_reuse(exchange, sid, subject).await?);
            }
        };
        self.require_step_up(&scopes, (&login, &user), now)?;
        let client = ClientId::first_party();
        let content = TokenContent {
            login: &login,
            user: &user,
            grant: GrantId::first_of(sid),
            client: &client,
            sector: None,
            audience: exchange.audience,
            id_token: None,
            has_refresh_token: true,
            scopes,
            key,
            now,
        };
        if let Some(grant) = grant {
            self.update_last_seen(&login, now).await?;
            return self.mint(content, grant.generation).map(Some);
        }
        let grant = self.first_grant(exchange, &content);
        if store.insert_grant(&grant).await? {
            return self.mint(content, Generation::FIRST).map(Some);
        }
        // A concurrent exchange would have been found by the second attempt.
        if exchange.is_first_attempt {
            Ok(None)
        } else {
            let why = format!("the client {client} of sign-ins is missing or disabled");
            Err(Fault::Internal(why).into())
        }
    }

    /// The grant that a login begins with. It is bound with its first tokens or never: otherwise a thief could bind it to another key,
    /// and a refresh token of its owner would be refused before its reuse is detected.
    fn first_grant(&self, exchange: &Exchange<'_>, content: &TokenContent<'_>) -> NewGrant {
        NewGrant {
            id: content.grant,
            sid: content.login.sid,
            client: content.client.clone(),
            scopes: content.scopes.clone(),
            audience: None,
            key: content.key.cloned(),
            source: exchange.context.client.clone(),
            tokens_until: (content.login.kind == ClientKind::Api)
                .then(|| self.tokens_until(content.now)),
            created_at: content.now,
            consented: None,
            // The exchange of a login ticket is part of the sign-in.
            events: Vec::new(),
        }
    }
}
