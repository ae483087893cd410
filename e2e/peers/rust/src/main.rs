//! Small servers of one kind each, on PORT: the floor, and what one would write by hand.

mod floor;
mod jwt;
mod sessions;

use std::{env, net::SocketAddr};

use anyhow::{Context as _, bail};

fn address() -> anyhow::Result<SocketAddr> {
    let port: u16 = env::var("PORT").context("PORT")?.parse()?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match env::args().nth(1).as_deref() {
        Some("axum") => floor::axum(address()?).await,
        Some("tonic") => floor::tonic(address()?).await,
        Some("sessions") => sessions::serve(address()?, &env::var("REDIS_URL")?).await,
        Some("jwt-hs256") => jwt::serve(address()?, jwt::hs256()).await,
        Some("jwt-eddsa") => jwt::serve(address()?, jwt::eddsa()?).await,
        _ => bail!("axum, tonic, sessions, jwt-hs256 or jwt-eddsa"),
    }
}
