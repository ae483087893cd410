//! `AuthorizationService`, and `IssueToken` with authorization codes: people sign in to relying parties.

mod code;
mod consent;
mod flow;
mod logout;
mod origins;
mod pairwise;
mod push;
mod registration;

use std::collections::HashMap;

use auth_proto::v1::{
    AccessTokenClaims, AuthorizationCode, AuthorizationParameter, AuthorizationRedirect,
    AuthorizationStep, ClientCredentials, ConsentDecision, ContinueAuthorizationRequest,
    IssueTokenRequest, IssueTokenResponse, StartAuthorizationRequest, ValidateTokenRequest,
    authorization_service_client as client, authorization_step::Step, issue_token_request::Grant,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::{audience::USERINFO, clock::Clock as _};
use holdfast_identity::{
    key::Algorithm,
    oauth::{ClientAuthMethod, GrantType, OauthClient, RelyingParty},
};
use serde_json::Value;
use tonic::{Status, transport::Channel};

use crate::support::{TestService, browser_login, for_browser_use, from_web_service, with_ticket};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "https://app.example/callback";

/// A service with the account `ada`, a browser that is signed in to it, and the public relying party `app`.
pub(crate) struct Fixture {
    pub(crate) service: TestService,
    /// The refresh token of the browser's login.
    pub(crate) session: String,
    pub(crate) sid: String,
}

/// A relying party that asks for consent.
pub(crate) fn party() -> RelyingParty {
    RelyingParty {
        name: "Order desk".parse().unwrap(),
        redirect_uris: vec![REDIRECT.parse().unwrap()],
        post_logout_redirect_uris: vec!["https://app.example/bye".parse().unwrap()],
        id_token_algorithm: Algorithm::EdDsa,
        is_first_party: false,
        must_push: false,
        backchannel_logout_uri: None,
        sector: None,
    }
}

impl Fixture {
    async fn start() -> Self {
        Self::with_party(party()).await
    }

    async fn with_party(party: RelyingParty) -> Self {
        let service = TestService::with_user("ada").await;
        service.add_party("app", party).await;
        let (session, sid) = service.browser_session().await;
        Self {
            service,
            session,
            sid,
        }
    }

    /// Consents to a request with these parameters, and exchanges its code.
    pub(crate) async fn sign_in(&self, changes: &[(&str, &str)]) -> IssueTokenResponse {
        let code = self.consented(changes).await;
        self.service.exchange("app", &code).await.unwrap()
    }

    /// The code of a request with these parameters, after consent where that is asked for.
    pub(crate) async fn consented(&self, changes: &[(&str, &str)]) -> String {
        let step = self.service.start_authorization(changes, &self.session);
        let step = match step.await.unwrap() {
            Step::Consent(question) => self.decide(&question.flow, ConsentDecision::Allow).await,
            step => step,
        };
        code_of(step)
    }

    async fn decide(&self, flow: &str, decision: ConsentDecision) -> Step {
        let decided = self
            .service
            .continue_authorization(flow, &self.session, decision);
        decided.await.unwrap()
    }
}

impl TestService {
    fn authorization(&self) -> client::AuthorizationServiceClient<Channel> {
        client::AuthorizationServiceClient::new(self.channel.clone())
    }

    /// Registers a public relying party.
    pub(crate) async fn add_party(&self, id: &str, party: RelyingParty) {
        let client = OauthClient {
            id: id.parse().unwrap(),
            auth_method: ClientAuthMethod::Public,
            scopes: "orders:read".parse().unwrap(),
            audiences: vec!["https://other.example".to_owned()],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            dpop_required: false,
            relying_party: Some(party),
            protected: false,
            disabled: false,
            created_at: self.clock.now(),
        };
        let store = self.store().await;
        assert!(store.insert_client(&client, &[]).await.unwrap());
    }

    /// Signs a browser in as `ada`; returns the refresh token and the `sid` of its login.
    pub(crate) async fn browser_session(&self) -> (String, String) {
        let login = self.auth().login(from_web_service(browser_login())).await;
        let login = login.unwrap().into_inner();
        let request = for_browser_use(with_ticket(&login.login_ticket, "profile account"));
        let tokens = self.auth().issue_token(from_web_service(request)).await;
        (tokens.unwrap().into_inner().refresh_token, login.sid)
    }

    /// Starts a request of `app` with these parameters besides its own or in place of them; an empty value removes one.
    pub(crate) async fn start_authorization(
        &self,
        changes: &[(&str, &str)],
        session: &str,
    ) -> Result<Step, Status> {
        let request = StartAuthorizationRequest {
            parameters: parameters(changes),
            refresh_token: session.to_owned(),
        };
        let request = from_web_service(request);
        let started = self.authorization().start_authorization(request).await;
        started.map(|started| step(started.into_inner().step))
    }

    async fn continue_authorization(
        &self,
        flow: &str,
        session: &str,
        decision: ConsentDecision,
    ) -> Result<Step, Status> {
        let request = ContinueAuthorizationRequest {
            flow: flow.to_owned(),
            refresh_token: session.to_owned(),
            decision: decision.into(),
        };
        let request = from_web_service(request);
        let continued = self.authorization().continue_authorization(request).await;
        continued.map(|continued| step(continued.into_inner().step))
    }

    /// Validates the access token of a relying party as the `UserInfo` endpoint does.
    pub(crate) async fn userinfo(&self, token: &str) -> Result<AccessTokenClaims, Status> {
        let request = ValidateTokenRequest {
            access_token: token.to_owned(),
            audience: USERINFO.to_owned(),
            ..Default::default()
        };
        let validated = self.auth().validate_token(request).await?;
        Ok(validated.into_inner().claims.unwrap())
    }

    /// Exchanges a code as a public client.
    pub(crate) async fn exchange(
        &self,
        client: &str,
        code: &str,
    ) -> Result<IssueTokenResponse, Status> {
        self.issue(exchange_request(client, code)).await
    }

    async fn issue(&self, request: IssueTokenRequest) -> Result<IssueTokenResponse, Status> {
        let issued = self.auth().issue_token(from_web_service(request)).await;
        issued.map(tonic::Response::into_inner)
    }
}

fn exchange_request(client: &str, code: &str) -> IssueTokenRequest {
    IssueTokenRequest {
        grant: Some(Grant::AuthorizationCode(AuthorizationCode {
            code: code.to_owned(),
            redirect_uri: REDIRECT.to_owned(),
            code_verifier: VERIFIER.to_owned(),
        })),
        client_authentication: Some(ClientCredentials {
            client_id: client.to_owned(),
            proof: None,
        }),
        ..Default::default()
    }
}

fn parameters(changes: &[(&str, &str)]) -> Vec<AuthorizationParameter> {
    let own = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid profile offline_access"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let is_kept = |(name, _): &(&str, &str)| !changes.iter().any(|(other, _)| other == name);
    let pairs = own
        .into_iter()
        .filter(is_kept)
        .chain(changes.iter().copied());
    let parameter = |(name, value): (&str, &str)| AuthorizationParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    pairs.map(parameter).collect()
}

fn step(step: Option<AuthorizationStep>) -> Step {
    step.unwrap().step.unwrap()
}

/// The parameters of a response that was sent to the redirect URI.
fn response(step: Step) -> HashMap<String, String> {
    let Step::Redirect(AuthorizationRedirect {
        redirect_uri,
        parameters,
        ..
    }) = step
    else {
        panic!("no response: {step:?}")
    };
    assert_eq!(redirect_uri, REDIRECT);
    let pairs = parameters.into_iter();
    pairs.map(|one| (one.name, one.value)).collect()
}

pub(crate) fn code_of(step: Step) -> String {
    response(step).remove("code").unwrap()
}

fn error_of(step: Step) -> String {
    response(step).remove("error").unwrap()
}

/// The claims of a JWT, which is not verified.
pub(crate) fn claims_of(jwt: &str) -> Value {
    part_of(jwt, 1)
}

pub(crate) fn part_of(jwt: &str, index: usize) -> Value {
    let part = jwt.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
