//! The timeout of request heads.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// A timer whose deadlines are checked when they are polled, and wake no task: each connection is polled every few seconds anyway
/// ([`Connections`](holdfast_server_kit::connections::Connections)). A timer that wakes would be set and cancelled for every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollOnlyTimer;

/// The time at which a head is late.
struct Deadline(Instant);

impl Timer for PollOnlyTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline(deadline))
    }

    fn now(&self) -> Instant {
        time::Instant::now().into_std()
    }
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if PollOnlyTimer.now() < self.0 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::{body::Body, http::Response};
    use holdfast_server_kit::connections::Connections;
    use hyper::service::service_fn;
    use hyper_util::{
        rt::{TokioExecutor, TokioIo},
        server::conn::auto::Builder,
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        time::sleep,
    };

    use super::*;
    use crate::http::serve::{HEAD_TIMEOUT, IDLE_TIMEOUT, limit};

    const PAUSE: Duration = Duration::from_secs(1);
    /// The paused clock may advance to the next check while a response is in flight.
    const EARLIEST: Duration = Duration::from_secs(10 - 5);
    /// The check before the last may come just before the deadline.
    const LATEST: Duration = Duration::from_secs(10 + 5 + 1);

    /// A client of a server that answers every request.
    async fn connect() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, (stream, peer)) = tokio::try_join!(client, listener.accept()).unwrap();
        let connection = Connections::new("test", 1, IDLE_TIMEOUT)
            .admit(stream, peer, false)
            .unwrap();
        tokio::spawn(async move {
            let mut http = Builder::new(TokioExecutor::new());
            limit(&mut http);
            let answer = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
            // The client observes how it ends.
            let _ = http
                .serve_connection(TokioIo::new(connection), answer)
                .await;
        });
        client
    }

    async fn send_request(client: &mut TcpStream) {
        let mut answer = [0; 256];
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let length = client.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{answer:?}");
    }

    /// The time after which the server disconnects a client that sends a byte every second.
    async fn trickle(client: &mut TcpStream) -> Duration {
        let begun = time::Instant::now();
        loop {
            let is_closed = client.write_all(b"x").await.is_err();
            let mut response = [0; 256];
            let read = time::timeout(PAUSE, client.read(&mut response)).await;
            if is_closed || read.is_ok_and(|read| !matches!(read, Ok(1..))) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < IDLE_TIMEOUT);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_head_is_disconnected() {
        let mut client = connect().await;
        let elapsed = trickle(&mut client).await;
        assert!((HEAD_TIMEOUT..LATEST).contains(&elapsed), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_head_has_its_own_timeout() {
        let mut client = connect().await;
        for _ in 0..30 {
            sleep(PAUSE).await;
            send_request(&mut client).await;
        }
        let elapsed = trickle(&mut client).await;
        assert!((EARLIEST..LATEST).contains(&elapsed), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connection_is_disconnected() {
        let mut client = connect().await;
        send_request(&mut client).await;
        let begun = time::Instant::now();
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        assert!((EARLIEST..LATEST).contains(&begun.elapsed()));
    }
}
