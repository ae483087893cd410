//! axum with `tower-sessions` on Redis, as in its guide.

use std::net::SocketAddr;

use axum::{
    Form, Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use fred::prelude::{Client, ClientLike as _, Config};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::time::Duration};
use tower_sessions_redis_store::RedisStore;

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

async fn login(session: Session, Form(form): Form<Credentials>) -> Result<Json<Value>, StatusCode> {
    if form.username != "ada" || form.password != "correct horse battery staple" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let inserted = session.insert("username", form.username).await;
    inserted.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({"ok": true})))
}

async fn session(session: Session) -> Result<Json<Value>, StatusCode> {
    let username: Option<String> = session
        .get("username")
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let username = username.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(json!({"username": username})))
}

pub(crate) async fn serve(address: SocketAddr, redis: &str) -> anyhow::Result<()> {
    let client = Client::new(Config::from_url(redis)?, None, None, None);
    client.init().await?;
    let sessions = SessionManagerLayer::new(RedisStore::new(client))
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(30)))
        .with_always_save(true);
    let router = Router::new()
        .route("/login", post(login))
        .route("/session", get(session))
        .layer(sessions);
    axum::serve(TcpListener::bind(address).await?, router).await?;
    Ok(())
}
