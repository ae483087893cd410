//! An API with a route that a Holdfast access token protects.

use std::{env, sync::Arc};

use axum::{Extension, Router, routing::get};
use holdfast_client::{AuthConfig, Claims, RequireToken, Verifier};
use tokio::net::TcpListener;

/// Answers only requests with a token that has the scope `profile`.
async fn orders(Extension(claims): Extension<Arc<Claims>>) -> String {
    format!(
        "orders of {}\n",
        claims.username.as_deref().unwrap_or("a program")
    )
}

fn router(verifier: Verifier) -> Router {
    let orders = get(orders).layer(RequireToken::new(verifier, ["profile"]));
    Router::new().route("/orders", orders)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = AuthConfig {
        urls: vec![env::var("AUTH_URL")?.parse()?],
        service_secret: Some(env::var("AUTH_SERVICE_SECRET")?.into()),
        ..AuthConfig::default()
    };
    let verifier = Verifier::connect(&config, env::var("API_AUDIENCE")?).await?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, router(verifier)).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
