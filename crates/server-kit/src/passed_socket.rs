//! A listening socket that the service manager opened, by the protocol of `sd_listen_fds(3)` (ADR 42).

use std::{env, net::SocketAddr};

use anyhow::{Context as _, ensure};
use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::connections;

/// The socket with the name `name` (`FileDescriptorName=`), if the service manager passed one. Removes the variables that announce it from the
/// environment, so this is called first, before another thread may read the environment.
///
/// # Errors
/// Other sockets were passed, on which nobody would accept a connection; or it is not one of TCP.
pub fn take(name: &str) -> anyhow::Result<Option<TcpListener>> {
    let mut sockets = ListenFd::from_env();
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    if !is_passed(name, sockets.len(), &names)? {
        return Ok(None);
    }
    let socket = sockets.take_tcp_listener(0);
    let socket = socket.with_context(|| format!("the socket {name} cannot be used"))?;
    let socket = socket.context("a socket was taken before")?;
    socket.set_nonblocking(true)?;
    Ok(Some(TcpListener::from_std(socket)?))
}

/// The socket that was passed, or one that listens on `address`, the value of `setting`.
///
/// # Errors
/// The address cannot be listened on.
pub fn or_listen(
    passed: Option<TcpListener>,
    setting: &str,
    address: SocketAddr,
) -> anyhow::Result<TcpListener> {
    let Some(socket) = passed else {
        return connections::listen(address)
            .with_context(|| format!("{setting}: cannot listen on {address}"));
    };
    tracing::info!(
        event = "service_manager.socket_passed",
        address = %socket.local_addr()?,
        "listening on the socket that the service manager passed; {setting} is not used"
    );
    Ok(socket)
}

/// `names`: those of `count` sockets, separated by colons.
fn is_passed(name: &str, count: usize, names: &str) -> anyhow::Result<bool> {
    ensure!(
        count == 0 || (count, names) == (1, name),
        "{count} sockets named {names:?} were passed; only one named {name:?} can be used (FileDescriptorName={name}, \
         with one ListenStream=)"
    );
    Ok(count == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_socket_with_the_name_is_used() {
        assert!(is_passed("https", 1, "https").unwrap());
        assert!(!is_passed("https", 0, "").unwrap());
        // Of the environment of another process.
        assert!(!is_passed("https", 0, "https").unwrap());
    }

    #[test]
    fn socket_that_would_not_be_served_is_an_error() {
        for (count, names) in [
            (1, ""),
            (1, "web-service.socket"),
            (1, "https:https"),
            (2, "https"),
            (2, "https:https"),
            (2, "https:ops"),
        ] {
            let error = is_passed("https", count, names).unwrap_err().to_string();
            assert!(error.contains("FileDescriptorName=https"), "{error}");
        }
    }

    #[tokio::test]
    async fn process_without_a_service_manager_has_no_socket() {
        assert!(take("https").unwrap().is_none());
    }

    #[tokio::test]
    async fn passed_socket_replaces_the_setting() {
        let any = "127.0.0.1:0".parse().unwrap();
        let passed = or_listen(None, "WEB_LISTEN", any).unwrap();
        let address = passed.local_addr().unwrap();
        let error = or_listen(None, "WEB_LISTEN", address).unwrap_err();
        assert!(error.to_string().contains("WEB_LISTEN"), "{error}");
        let used = or_listen(Some(passed), "WEB_LISTEN", any).unwrap();
        assert_eq!(used.local_addr().unwrap(), address);
    }
}
