//! A relying party with the crate `openidconnect` and axum.

use std::{
    collections::HashMap,
    env, fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use openidconnect::{
    AccessToken, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout,
    RedirectUrl, RefreshToken, Scope, TokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreErrorResponseType,
        CoreGenderClaim, CoreIdToken, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
        CoreTokenResponse, CoreUserInfoClaims,
    },
    reqwest,
};

/// The client with the endpoints that the provider's metadata names.
type OidcClient = Client<
    openidconnect::EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    openidconnect::StandardErrorResponse<CoreErrorResponseType>,
    CoreTokenResponse,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

#[derive(Clone)]
struct App(Arc<Inner>);

struct Inner {
    client: OidcClient,
    http: reqwest::Client,
    metadata: ProviderMetadataWithLogout,
    base_url: String,
    sessions: Mutex<HashMap<String, Session>>,
}

#[derive(Clone, Default)]
struct Session {
    pending: Option<(String, String, String)>,
    username: Option<String>,
    tokens: Option<(AccessToken, RefreshToken, CoreIdToken)>,
}

/// An error of the provider, or anything else that went wrong.
struct Failed(String);

impl<E: std::fmt::Debug> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(format!("{error:?}"))
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::BAD_GATEWAY, format!("Failed: {}", self.0)).into_response()
    }
}

fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let base_url = setting("BASE_URL");
    let authority = fs::read(setting("REQUESTS_CA_BUNDLE")).expect("the certificate authority");
    let http = reqwest::ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .add_root_certificate(reqwest::Certificate::from_pem(&authority).expect("a certificate"))
        .build()
        .expect("an HTTP client");
    let issuer = IssuerUrl::new(setting("ISSUER")).expect("an issuer");
    let metadata = ProviderMetadataWithLogout::discover_async(issuer, &http).await;
    let metadata = metadata.expect("the metadata of the provider");
    let secret = ClientSecret::new(setting("CLIENT_SECRET"));
    let client = CoreClient::from_provider_metadata(
        metadata.clone(),
        ClientId::new(setting("CLIENT_ID")),
        Some(secret),
    );
    let redirect = RedirectUrl::new(format!("{base_url}/callback")).expect("a redirect URI");
    let app = App(Arc::new(Inner {
        client: client.set_redirect_uri(redirect),
        http,
        metadata,
        base_url,
        sessions: Mutex::default(),
    }));
    let routes = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/userinfo", get(userinfo))
        .route("/refresh", get(refresh))
        .route("/logout", get(logout))
        .with_state(app);
    let address = format!("127.0.0.1:{}", setting("PORT"));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .expect("a port");
    axum::serve(listener, routes).await.expect("a server");
}

impl App {
    /// The session of a request, with its identifier.
    fn session(&self, headers: &HeaderMap) -> Option<(String, Session)> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let mut cookies = cookies.split("; ");
        let id = cookies.find_map(|cookie| cookie.strip_prefix("app_session="))?;
        let sessions = self.0.sessions.lock().expect("sessions");
        Some((id.to_owned(), sessions.get(id)?.clone()))
    }

    fn keep(&self, id: &str, session: Session) {
        let mut sessions = self.0.sessions.lock().expect("sessions");
        sessions.insert(id.to_owned(), session);
    }
}

async fn home(State(app): State<App>, headers: HeaderMap) -> String {
    match app.session(&headers) {
        Some((
            _,
            Session {
                username: Some(name),
                ..
            },
        )) => format!("Signed in as {name}"),
        _ => "Signed out".to_owned(),
    }
}

async fn login(State(app): State<App>) -> Response {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, nonce) = app
        .0
        .client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let id = CsrfToken::new_random().into_secret();
    let pending = (
        state.into_secret(),
        nonce.secret().clone(),
        verifier.into_secret(),
    );
    app.keep(
        &id,
        Session {
            pending: Some(pending),
            ..Session::default()
        },
    );
    let cookie = format!("app_session={id}; HttpOnly; SameSite=Lax; Path=/");
    ([(header::SET_COOKIE, cookie)], Redirect::to(url.as_str())).into_response()
}

async fn callback(
    State(app): State<App>,
    headers: HeaderMap,
    Query(answer): Query<HashMap<String, String>>,
) -> Result<Redirect, Failed> {
    let (id, session) = app.session(&headers).ok_or("there is no session")?;
    let (state, nonce, verifier) = session.pending.ok_or("no sign-in was started")?;
    if answer.get("state") != Some(&state) {
        return Err("the state is another one".into());
    }
    if let Some(error) = answer.get("error") {
        return Err(Failed(error.clone()));
    }
    let code = answer.get("code").ok_or("there is no code")?.clone();
    let tokens = app.0.client.exchange_code(AuthorizationCode::new(code))?;
    let tokens = tokens.set_pkce_verifier(PkceCodeVerifier::new(verifier));
    let tokens = tokens.request_async(&app.0.http).await?;
    let id_token = tokens.id_token().ok_or("there is no ID token")?;
    let claims = id_token.claims(&app.0.client.id_token_verifier(), &Nonce::new(nonce))?;
    let username = claims.preferred_username().ok_or("there is no username")?;
    let refresh = tokens.refresh_token().ok_or("there is no refresh token")?;
    let session = Session {
        pending: None,
        username: Some(username.to_string()),
        tokens: Some((
            tokens.access_token().clone(),
            refresh.clone(),
            id_token.clone(),
        )),
    };
    app.keep(&id, session);
    Ok(Redirect::to("/"))
}

async fn userinfo(State(app): State<App>, headers: HeaderMap) -> Result<String, Failed> {
    let (_, session) = app.session(&headers).ok_or("there is no session")?;
    let (access_token, ..) = session.tokens.ok_or("nobody is signed in")?;
    let request = app.0.client.user_info(access_token, None)?;
    let claims: CoreUserInfoClaims = request.request_async(&app.0.http).await?;
    let username = claims.preferred_username().ok_or("there is no username")?;
    Ok(format!("Userinfo of {}", username.as_str()))
}

async fn refresh(State(app): State<App>, headers: HeaderMap) -> Result<&'static str, Failed> {
    let (id, session) = app.session(&headers).ok_or("there is no session")?;
    let (_, refresh_token, id_token) = session.tokens.clone().ok_or("nobody is signed in")?;
    let refreshed = app.0.client.exchange_refresh_token(&refresh_token)?;
    let refreshed = refreshed.request_async(&app.0.http).await?;
    let next = refreshed.refresh_token().cloned().unwrap_or(refresh_token);
    let tokens = Some((refreshed.access_token().clone(), next, id_token));
    app.keep(&id, Session { tokens, ..session });
    Ok("Refreshed")
}

async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Redirect, Failed> {
    let (id, session) = app.session(&headers).ok_or("there is no session")?;
    let (_, _, id_token) = session.tokens.ok_or("nobody is signed in")?;
    app.keep(&id, Session::default());
    let metadata = app.0.metadata.additional_metadata();
    let endpoint = metadata.end_session_endpoint.clone();
    let request = LogoutRequest::from(endpoint.ok_or("there is no end session endpoint")?)
        .set_id_token_hint(&id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(format!("{}/", app.0.base_url))?);
    Ok(Redirect::to(request.http_get_url().as_str()))
}
