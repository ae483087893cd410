//! The health probe of a container, which queries the ops port of the service on the same machine.

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
/// Maximum length of the response that is read, in bytes.
const MAX_RESPONSE: u64 = 4096;

/// Requests `/readyz` from the ops port at this address.
///
/// # Errors
/// When the response is not 200, with its body, or does not arrive within three seconds.
pub async fn probe(address: SocketAddr) -> anyhow::Result<()> {
    let response = timeout(DEADLINE, readyz(connectable(address)))
        .await
        .context("no response within three seconds")??;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    ensure!(head.starts_with("HTTP/1.1 200 "), "{}", body.trim());
    Ok(())
}

async fn readyz(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nothing listens on {address}"))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream
        .take(MAX_RESPONSE)
        .read_to_string(&mut response)
        .await?;
    Ok(response)
}

/// The address to connect to: loopback for a service that listens on all addresses.
fn connectable(mut address: SocketAddr) -> SocketAddr {
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
    use std::{future::ready, sync::Arc};

    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::ops::{self, Check, Readiness};

    struct Fixed(Result<Option<String>, String>);

    impl Readiness for Fixed {
        fn checks(&self) -> Vec<Check<'_>> {
            let (required, advisory) = match &self.0 {
                Ok(None) => (Ok(()), Ok(())),
                Ok(Some(warning)) => (Ok(()), Err(warning.clone())),
                Err(reason) => (Err(reason.clone()), Ok(())),
            };
            vec![
                Check::required("test_fixed", ready(required)),
                Check::advisory("test_fixed_warning", ready(advisory)),
            ]
        }
    }

    async fn ops_port(readiness: Fixed) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(ops::serve(
            listener,
            Arc::new(readiness),
            holdfast_metrics::Registry::default(),
            CancellationToken::new(),
        ));
        address
    }

    #[tokio::test]
    async fn ready_service_passes() {
        probe(ops_port(Fixed(Ok(None))).await).await.unwrap();
        let warns = Fixed(Ok(Some("the standby is late".into())));
        probe(ops_port(warns).await).await.unwrap();
    }

    #[tokio::test]
    async fn unready_service_fails_with_its_reason() {
        let address = ops_port(Fixed(Err("the database is unavailable".into()))).await;
        let error = probe(address).await.unwrap_err();
        assert_eq!(error.to_string(), "the database is unavailable");
    }

    #[tokio::test]
    async fn absent_service_fails() {
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
