//! The authorization endpoint (RFC 6749 §3.1): from a request to its response.

use holdfast_core::audience;
use time::OffsetDateTime;

use crate::{
    account::User,
    call_context::CallContext,
    dependencies::Dependencies,
    error::StoreError,
    id::{GrantId, Sid, UserId},
    issuer::is_equivalent_issuer,
    login::{ClientKind, Login},
    oauth::{
        AuthorizationCode, AuthorizationFlow, AuthorizationRequest, AuthorizationResponse,
        AuthorizationState, AuthorizeError, CODE_TTL, ClientAuthenticationService, ConsentDecision,
        ConsentQuestion, DocumentClients, DpopVerifier, FLOW_TTL, FlowProgress, OauthClient,
        Parameters, RelyingParty, ResponseMode,
        authorization_flow::{Authentication, NextStep, Situation, next_step},
        authorization_request::{AuthorizationError, Prompt, response_mode},
        enabled_party::EnabledParty,
    },
    policy::Policy,
    token::{IdTokenHint, RefreshHandle, Scopes},
};

/// The beginning of `request_uri` of a pushed request (RFC 9126 §2.2).
pub(super) const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";

/// Answers authorization requests.
pub struct AuthorizationService {
    pub(super) deps: Dependencies,
    pub(super) policy: Policy,
    pub(super) clients: ClientAuthenticationService,
    pub(super) documents: DocumentClients,
    pub(super) dpop: DpopVerifier,
}

/// What a browser brings with a flow.
struct Visit<'a> {
    login: Option<(Login, User)>,
    decision: Option<ConsentDecision>,
    client: &'a EnabledParty,
    context: &'a CallContext,
}

impl AuthorizationService {
    /// Creates the service.
    #[must_use]
    pub fn new(
        deps: Dependencies,
        policy: Policy,
        (clients, documents): (ClientAuthenticationService, DocumentClients),
    ) -> Self {
        Self {
            dpop: DpopVerifier::new(&deps),
            deps,
            policy,
            clients,
            documents,
        }
    }

    /// Starts a request that a browser brings. `session` is the refresh token of the browser's login, if it is signed in.
    pub async fn start(
        &self,
        parameters: &Parameters,
        session: Option<&str>,
        context: &CallContext,
    ) -> Result<AuthorizationState, AuthorizeError> {
        let found = self.relying_party(parameters.get("client_id")).await?;
        let (client, party) = found.parts();
        let pushed = parameters.get("request_uri");
        let pushed = pushed.and_then(|uri| uri.strip_prefix(PUSHED));
        let login = self.login_of(session).await?;
        let before = login.as_ref().map(|(login, _)| Authentication::of(login));
        let progress = Some(FlowProgress {
            before,
            started_at: self.deps.clock.now(),
            asked: None,
        });
        let flow = if let Some(pushed) = pushed {
            let pushed = self.open(pushed)?;
            if pushed.client != client.id || pushed.progress.is_some() {
                return Err(AuthorizeError::Expired);
            }
            // The registration may have changed since.
            if !party.accepts_redirect_to(&pushed.request.redirect_uri) {
                return Err(AuthorizeError::RedirectUri);
            }
            AuthorizationFlow { progress, ..pushed }
        } else {
            let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
            if !party.accepts_redirect_to(redirect_uri) {
                return Err(AuthorizeError::RedirectUri);
            }
            let request = match self.parse(parameters, redirect_uri, client) {
                Ok(_) if party.must_push => Err(AuthorizationError::NOT_PUSHED),
                parsed => parsed,
            };
            match request {
                Ok(request) => AuthorizationFlow {
                    client: client.id.clone(),
                    request,
                    progress,
                    expires_at: self.flow_end(),
                },
                Err(error) => {
                    let mode = response_mode(parameters).unwrap_or(ResponseMode::Query);
                    // An invalid `state` is not repeated.
                    let state = parameters.get("state").filter(|state| state.len() <= 1024);
                    let to = (redirect_uri, mode, state);
                    return Ok(AuthorizationState::Done(self.error(error, to)));
                }
            }
        };
        let visit = Visit {
            login,
            decision: None,
            client: &found,
            context,
        };
        self.advance(flow, visit).await
    }

    /// Continues a flow after the browser has signed in or authenticated again, or the account's owner has decided about consent.
    pub async fn proceed(
        &self,
        flow: &str,
        session: Option<&str>,
        decision: Option<ConsentDecision>,
        context: &CallContext,
    ) -> Result<AuthorizationState, AuthorizeError> {
        let flow = self.open(flow)?;
        let client = self.relying_party(Some(flow.client.as_str())).await?;
        let (_, party) = client.parts();
        // The registration may have changed meanwhile.
        if !party.accepts_redirect_to(&flow.request.redirect_uri) {
            return Err(AuthorizeError::RedirectUri);
        }
        let visit = Visit {
            login: self.login_of(session).await?,
            decision,
            client: &client,
            context,
        };
        self.advance(flow, visit).await
    }

    async fn advance(
        &self,
        flow: AuthorizationFlow,
        visit: Visit<'_>,
    ) -> Result<AuthorizationState, AuthorizeError> {
        let Some(progress) = &flow.progress else {
            return Err(AuthorizeError::Expired);
        };
        let Some((login, user)) = &visit.login else {
            return Ok(self.without_login(&flow));
        };
        let (client, party) = visit.client.parts();
        let consent = self.deps.store.consent(user.id, &client.id).await?;
        let consented = consent.map(|consent| consent.scopes).unwrap_or_default();
        let situation = Situation {
            request: &flow.request,
            progress,
            party,
            is_confidential: client.is_confidential(),
            login,
            user: user.id,
            consented: &consented,
            decision: visit.decision,
            now: self.deps.clock.now(),
        };
        Ok(match next_step(&situation) {
            Err(error) => AuthorizationState::Done(self.error_of(error, &flow.request)),
            Ok(NextStep::SignIn) => self.sign_in(&flow),
            Ok(NextStep::Reauthenticate(min_level)) => AuthorizationState::Reauthenticate {
                flow: self.deps.authorizations.seal_flow(&flow),
                min_level,
            },
            Ok(NextStep::AskConsent) => self.ask(flow, party, (login, user)),
            Ok(NextStep::IssueCode) => {
                let context = visit.context;
                self.store_of_document(visit.client, user.id, context)
                    .await?;
                AuthorizationState::Done(self.code(&flow, login, &consented))
            }
        })
    }

    fn without_login(&self, flow: &AuthorizationFlow) -> AuthorizationState {
        if flow.request.prompt == Prompt::None {
            let error = AuthorizationError::LOGIN_REQUIRED;
            return AuthorizationState::Done(self.error_of(error, &flow.request));
        }
        self.sign_in(flow)
    }

    fn sign_in(&self, flow: &AuthorizationFlow) -> AuthorizationState {
        AuthorizationState::SignIn {
            flow: self.deps.authorizations.seal_flow(flow),
            login_hint: flow.request.login_hint.clone(),
        }
    }

    fn ask(
        &self,
        mut flow: AuthorizationFlow,
        party: &RelyingParty,
        (login, user): (&Login, &User),
    ) -> AuthorizationState {
        if let Some(progress) = &mut flow.progress {
            progress.asked = Some(login.sid);
        }
        AuthorizationState::AskConsent(ConsentQuestion {
            flow: self.deps.authorizations.seal_flow(&flow),
            client: flow.client,
            name: party.name.clone(),
            destination: destination(&flow.request.redirect_uri),
            username: user.username.clone(),
            scopes: flow.request.scopes,
        })
    }

    fn code(
        &self,
        flow: &AuthorizationFlow,
        login: &Login,
        consented: &Scopes,
    ) -> AuthorizationResponse {
        let request = &flow.request;
        let code = AuthorizationCode {
            grant: GrantId::random(&*self.deps.random),
            sid: login.sid,
            client: flow.client.clone(),
            redirect_uri: request.redirect_uri.clone(),
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            consented: request.scopes.union(consented),
            scopes: request.scopes.clone(),
            audience: request
                .audience
                .clone()
                .unwrap_or_else(|| audience::USERINFO.to_owned()),
            key: request.key.clone(),
            expires_at: self.end_of(CODE_TTL),
        };
        let code = self.deps.authorizations.seal_code(&code);
        let to = (
            &*request.redirect_uri,
            request.response_mode,
            request.state.as_deref(),
        );
        self.response(vec![("code", code)], to)
    }

    fn error_of(
        &self,
        error: AuthorizationError,
        request: &AuthorizationRequest,
    ) -> AuthorizationResponse {
        let to = (
            &*request.redirect_uri,
            request.response_mode,
            request.state.as_deref(),
        );
        self.error(error, to)
    }

    fn error(
        &self,
        error: AuthorizationError,
        to: (&str, ResponseMode, Option<&str>),
    ) -> AuthorizationResponse {
        let parameters = vec![
            ("error", error.code.to_owned()),
            ("error_description", error.description.to_owned()),
        ];
        self.response(parameters, to)
    }

    /// A response with `state`, and with `iss`, by which the relying party recognizes who answers (RFC 9207).
    fn response(
        &self,
        mut parameters: Vec<(&'static str, String)>,
        (redirect_uri, mode, state): (&str, ResponseMode, Option<&str>),
    ) -> AuthorizationResponse {
        parameters.extend(state.map(|state| ("state", state.to_owned())));
        parameters.push(("iss", self.policy.issuer.clone()));
        AuthorizationResponse {
            redirect_uri: redirect_uri.to_owned(),
            mode,
            parameters,
        }
    }

    pub(super) fn parse(
        &self,
        parameters: &Parameters,
        redirect_uri: &str,
        client: &OauthClient,
    ) -> Result<AuthorizationRequest, AuthorizationError> {
        let audience_of = |resource: &str| self.policy.audience_of(client, resource);
        let subject_of = |hint: &str| {
            let hint = self.hint(hint)?;
            (hint.client == client.id).then(|| self.identified(&hint, client).0)
        };
        AuthorizationRequest::parse(parameters, redirect_uri, client, audience_of, subject_of)
    }

    /// An ID token of this issuer, whenever it was issued.
    pub(super) fn hint(&self, id_token: &str) -> Option<IdTokenHint> {
        let hint = self.deps.id_tokens.verify(id_token)?;
        is_equivalent_issuer(&self.policy.issuer, &hint.issuer).then_some(hint)
    }

    /// The account and the login of an ID token of this OAuth client.
    pub(super) fn identified(&self, hint: &IdTokenHint, client: &OauthClient) -> (UserId, Sid) {
        let party = client.relying_party.as_ref();
        let sector = party.and_then(|party| party.sector.as_ref());
        self.deps.subject_ids.decode(sector, hint.ids)
    }

    fn open(&self, flow: &str) -> Result<AuthorizationFlow, AuthorizeError> {
        let flow = self.deps.authorizations.open_flow(flow);
        let now = self.deps.clock.now();
        let flow = flow.filter(|flow| now < flow.expires_at);
        flow.ok_or(AuthorizeError::Expired)
    }

    pub(super) fn flow_end(&self) -> OffsetDateTime {
        self.end_of(FLOW_TTL)
    }

    fn end_of(&self, lifetime: std::time::Duration) -> OffsetDateTime {
        (self.deps.clock.now() + lifetime).truncate_to_second()
    }

    /// The live login of the browser that has this refresh token.
    pub(super) async fn login_of(
        &self,
        session: Option<&str>,
    ) -> Result<Option<(Login, User)>, StoreError> {
        let handle = session.and_then(|session| self.deps.refresh_tokens.decode(session));
        let Some(RefreshHandle::RefreshToken(grant, _)) = handle else {
            return Ok(None);
        };
        let now = self.deps.clock.now();
        let found = self.deps.store.grant(grant).await?;
        let found = found.filter(|(grant, login, _)| {
            grant.is_first() && login.kind == ClientKind::Browser && login.is_live(now)
        });
        Ok(found.map(|(_, login, user)| (login, user)))
    }
}

/// What people recognize of a redirect URI.
fn destination(redirect_uri: &str) -> String {
    let url = url::Url::parse(redirect_uri).ok();
    let host = url.as_ref().and_then(|url| url.host_str());
    let scheme = redirect_uri.split(':').next().unwrap_or_default();
    host.unwrap_or(scheme).to_owned()
}
