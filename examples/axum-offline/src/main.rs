//! The API with its configuration from the environment.

use std::env;

use axum_offline::{Config, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", env::var("PORT")?.parse()?)).await?;
    let config = Config {
        issuer: env::var("ISSUER")?,
        audience: env::var("AUDIENCE")?,
        client_id: env::var("CLIENT_ID")?,
        client_secret: env::var("CLIENT_SECRET")?,
        ca_file: env::var_os("CA_FILE").map(Into::into),
    };
    serve(listener, config).await
}
