//! An application that people sign in to with Holdfast, by OpenID Connect: it shows the code that it receives, and how to exchange it.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::net::TcpListener;
use url::Url;

use crate::dev::secrets::{auth_service, random};

/// `client_id` of the application.
const CLIENT: &str = "demo-app";
/// The registered redirect URI; a loopback address is accepted at every port (RFC 8252 §7.3).
const REDIRECT: &str = "http://127.0.0.1/callback";
/// Number of sign-ins that are remembered.
const MAX_STARTED: usize = 100;

/// The application.
#[derive(Clone)]
pub(super) struct DemoApp {
    issuer: String,
    ca: String,
    address: String,
    /// The code verifier of each sign-in that has begun, by its `state`.
    started: Arc<Mutex<HashMap<String, String>>>,
}

/// Registers the application, unless an earlier start did.
pub(super) fn register(programs: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let listed = auth_service(programs, data_dir)
        .args(["client", "list"])
        .output()
        .context("cannot start auth-service")?;
    ensure!(listed.status.success(), "cannot list the clients");
    let listed = String::from_utf8_lossy(&listed.stdout);
    let mut ids = listed.lines().filter_map(|line| line.split(' ').next());
    if ids.any(|id| id == CLIENT) {
        return Ok(());
    }
    let added = auth_service(programs, data_dir)
        .args([
            "client",
            "add",
            CLIENT,
            "--public",
            "--client-name",
            "Demo application",
        ])
        .args(["--redirect-uri", REDIRECT])
        .output()?;
    ensure!(
        added.status.success(),
        "cannot register the client {CLIENT}: {}",
        String::from_utf8_lossy(&added.stderr)
    );
    Ok(())
}

impl DemoApp {
    /// The application on this port, for the installation with this issuer and certificate authority.
    pub(super) fn new(port: u16, issuer: String, ca: &Path) -> Self {
        Self {
            issuer,
            ca: ca.display().to_string(),
            address: format!("http://127.0.0.1:{port}"),
            started: Arc::default(),
        }
    }

    /// Serves it, until the future is dropped.
    pub(super) async fn serve(self, listener: TcpListener) -> anyhow::Result<()> {
        let router = Router::new()
            .route("/", get(start))
            .route("/callback", get(receive))
            .with_state(self);
        Ok(axum::serve(listener, router).await?)
    }

    fn callback(&self) -> String {
        format!("{}/callback", self.address)
    }

    /// The authorization request of a new sign-in.
    fn begin(&self) -> anyhow::Result<Url> {
        let (state, verifier) = (text(random()?), text(random()?));
        let challenge = text(digest(&SHA256, verifier.as_bytes()));
        let url = Url::parse_with_params(
            &format!("{}/oauth2/authorize", self.issuer),
            [
                ("response_type", "code"),
                ("client_id", CLIENT),
                ("redirect_uri", &self.callback()),
                ("scope", "openid profile offline_access"),
                ("state", &state),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        )?;
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if started.len() >= MAX_STARTED {
            started.clear();
        }
        started.insert(state, verifier);
        Ok(url)
    }

    /// The verifier of the sign-in with this `state`, once.
    fn take(&self, state: &str) -> Option<String> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.remove(state)
    }
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn start(State(app): State<DemoApp>) -> Response {
    match app.begin() {
        Ok(url) => Redirect::to(url.as_str()).into_response(),
        Err(why) => page(StatusCode::INTERNAL_SERVER_ERROR, &format!("{why:#}")),
    }
}

/// What a relying party has to check is `state` and `iss` (RFC 9207), before it looks at the code.
async fn receive(
    State(app): State<DemoApp>,
    Query(response): Query<HashMap<String, String>>,
) -> Response {
    let parameter = |name: &str| response.get(name).map(String::as_str).unwrap_or_default();
    let is_from_issuer = parameter("iss") == app.issuer;
    let verifier = app.take(parameter("state")).filter(|_| is_from_issuer);
    let Some(verifier) = verifier else {
        let why = "This response belongs to no sign-in that began here. Start again at /";
        return page(StatusCode::BAD_REQUEST, why);
    };
    if !parameter("error").is_empty() {
        let why = format!("{}: {}", parameter("error"), parameter("error_description"));
        return page(StatusCode::OK, &why);
    }
    let text = format!(
        "You are back. Exchange the code within a minute:\n\ncurl --cacert {} {}/oauth2/token \\\n  -d grant_type=authorization_code -d client_id={CLIENT} \\\n  -d redirect_uri={} \\\n  -d code_verifier={verifier} \\\n  -d code={}\n",
        app.ca,
        app.issuer,
        app.callback(),
        parameter("code"),
    );
    page(StatusCode::OK, &text)
}

fn page(status: StatusCode, text: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, text.to_owned()).into_response()
}
