//! The server of a relying party, which receives logout tokens.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use axum::{Form, Router, extract::State, http::StatusCode, routing::post};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tokio::net::TcpListener;

/// A server on a port of its own that accepts every logout token, unless it is paused.
pub struct LogoutReceiver {
    /// The address to register.
    pub uri: String,
    state: Arc<Received>,
}

#[derive(Default)]
struct Received {
    sids: Mutex<Vec<String>>,
    is_paused: AtomicBool,
}

impl LogoutReceiver {
    /// Starts the server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Received>::default();
        let app = Router::new()
            .route("/logout", post(receive))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            uri: format!("http://{address}/logout"),
            state,
        }
    }

    /// The `sid` of each logout token, in the order of their arrival.
    #[must_use]
    pub fn sids(&self) -> Vec<String> {
        self.state.sids.lock().unwrap().clone()
    }

    /// Answers further requests with 503, or accepts them again.
    pub fn pause(&self, is_paused: bool) {
        self.state.is_paused.store(is_paused, Ordering::SeqCst);
    }
}

async fn receive(
    State(state): State<Arc<Received>>,
    Form(form): Form<Vec<(String, String)>>,
) -> StatusCode {
    if state.is_paused.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let token = form.into_iter().find(|(name, _)| name == "logout_token");
    let claims = claims_of(&token.unwrap().1);
    let sid = claims["sid"].as_str().unwrap().to_owned();
    state.sids.lock().unwrap().push(sid);
    StatusCode::NO_CONTENT
}

/// The claims of a JWT, whose signature is not verified.
fn claims_of(jwt: &str) -> Value {
    let claims = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}
