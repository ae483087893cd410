//! `oidcc-backchannel-rp-initiated-logout-certification-test-plan`.

use std::sync::{Arc, Mutex};

use axum::{Form, Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::relying_party::Provider;
use crate::support::{AuthOptions, claims_of, until};

type Tokens = Arc<Mutex<Vec<String>>>;

async fn receive(State(tokens): State<Tokens>, Form(form): Form<Vec<(String, String)>>) {
    let token = form.into_iter().find(|(name, _)| name == "logout_token");
    tokens.lock().unwrap().push(token.unwrap().1);
}

/// The address of a server that receives logout tokens, and what it has received.
async fn receiver() -> (String, Tokens) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/logout", listener.local_addr().unwrap());
    let tokens = Tokens::default();
    let app = Router::new().route("/logout", post(receive));
    let app = app.with_state(Arc::clone(&tokens));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (uri, tokens)
}

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let provider = Provider::start().await;
    let path = "/.well-known/openid-configuration";
    let metadata: Value = provider.site.get(path, "").await.json().await.unwrap();
    assert_eq!(metadata["backchannel_logout_supported"], true);
    assert_eq!(metadata["backchannel_logout_session_supported"], true);
    assert!(metadata["end_session_endpoint"].is_string());
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let (uri, received) = receiver().await;
    let options = AuthOptions {
        private_addresses: true,
        ..AuthOptions::default()
    };
    let provider = Provider::start_for(options, |client| {
        let party = client.relying_party.as_mut().unwrap();
        party.backchannel_logout_uri = Some(uri.parse().unwrap());
    })
    .await;
    let id_token = provider.tokens(&[]).await["id_token"].clone();
    let path = format!(
        "/oauth2/logout?id_token_hint={}",
        id_token.as_str().unwrap()
    );
    let done = provider.site.get(&path, &provider.cookie).await;
    assert_eq!(done.status(), 200);
    let token = until("the logout token", async || {
        received.lock().unwrap().first().cloned()
    })
    .await;
    let (claims, session) = (claims_of(&json!(token)), claims_of(&id_token));
    for name in ["iss", "aud", "sub", "sid"] {
        assert_eq!(claims[name], session[name], "{name}");
    }
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert_eq!(claims["events"], json!({ event: {} }));
    assert!(claims["nonce"].is_null(), "{claims}");
    assert!(claims["jti"].is_string() && claims["iat"].is_i64() && claims["exp"].is_i64());
}
