//! Small servers on PORT: bare handlers, and checks with common libraries. And password hashes in a loop.

mod eddsa;
mod floor;
mod hashes;
mod jwt;
mod sessions;

use std::{env, net::SocketAddr};

use anyhow::{Context as _, bail};

fn address() -> anyhow::Result<SocketAddr> {
    let port: u16 = env::var("PORT").context("PORT")?.parse()?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn number(index: usize) -> anyhow::Result<u64> {
    let argument = env::args().nth(index).context("argon2 THREADS SECONDS")?;
    Ok(argument.parse()?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match env::args().nth(1).as_deref() {
        Some("axum") => floor::axum(address()?).await,
        Some("tonic") => floor::tonic(address()?, || true).await,
        Some("tonic-eddsa") => floor::tonic(address()?, eddsa::verify).await,
        Some("sessions") => sessions::serve(address()?, &env::var("REDIS_URL")?).await,
        Some("jwt-hs256") => jwt::serve(address()?, jwt::hs256()).await,
        Some("jwt-eddsa") => jwt::serve(address()?, jwt::eddsa()?).await,
        Some("argon2") => hashes::run(number(2)?, number(3)?),
        _ => bail!(
            "axum, tonic, tonic-eddsa, sessions, jwt-hs256, jwt-eddsa or argon2 THREADS SECONDS"
        ),
    }
}
