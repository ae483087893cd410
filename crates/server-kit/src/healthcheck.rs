//! The probe that a container runs: it asks the ops port of the service beside it.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(3);
const LONGEST_ANSWER: u64 = 4096;

/// Asks `GET /readyz` of the ops port at `address`.
///
/// # Errors
/// When it does not answer 200 within three seconds; says what it answered.
pub async fn probe(address: SocketAddr) -> anyhow::Result<()> {
    let answer = timeout(DEADLINE, readyz(reachable(address)))
        .await
        .context("no answer within three seconds")??;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    ensure!(head.starts_with("HTTP/1.1 200 "), "{}", body.trim());
    Ok(())
}

async fn readyz(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nothing listens on {address}"))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream
        .take(LONGEST_ANSWER)
        .read_to_string(&mut answer)
        .await?;
    Ok(answer)
}

/// A service that listens on every address is reached on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::ops::{self, Readiness};

    struct Fixed(Result<(), String>);

    #[async_trait]
    impl Readiness for Fixed {
        async fn ready(&self) -> Result<(), String> {
            self.0.clone()
        }
    }

    async fn ops_port(readiness: Fixed) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(ops::serve(
            listener,
            Arc::new(readiness),
            CancellationToken::new(),
        ));
        address
    }

    #[tokio::test]
    async fn a_ready_service_passes() {
        probe(ops_port(Fixed(Ok(()))).await).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_is_not_says_why() {
        let address = ops_port(Fixed(Err("the database is away".into()))).await;
        let error = probe(address).await.unwrap_err();
        assert_eq!(error.to_string(), "the database is away");
    }

    #[tokio::test]
    async fn no_service_fails() {
        let address = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        assert!(
            probe(address)
                .await
                .unwrap_err()
                .to_string()
                .contains("nothing listens")
        );
    }
}
