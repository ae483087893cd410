//! When the head of a request is late.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// Tells whether it is late when it is asked, and wakes nobody: each connection is looked at every few seconds as it is
/// ([`Connections`](holdfast_server_kit::connections::Connections)), and whoever looks asks. A timer that wakes would be set and taken back
/// for every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollOnlyTimer;

/// The end of the time for a head.
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
    use crate::http::serve::{HEAD_TIMEOUT, MAX_SILENCE, limit};

    const A_WHILE: Duration = Duration::from_secs(1);
    /// The paused clock may jump to the next look while an answer is on its way.
    const EARLIEST: Duration = Duration::from_secs(10 - 5);
    /// The last look before the end may come just too early.
    const LATEST: Duration = Duration::from_secs(10 + 5 + 1);

    /// A client of a server that answers everything.
    async fn connect() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, (stream, peer)) = tokio::try_join!(client, listener.accept()).unwrap();
        let connection = Connections::new(1, MAX_SILENCE)
            .admit(stream, peer, false)
            .unwrap();
        tokio::spawn(async move {
            let mut http = Builder::new(TokioExecutor::new());
            limit(&mut http);
            let answer = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
            // How it ends is for the client to see.
            let _ = http
                .serve_connection(TokioIo::new(connection), answer)
                .await;
        });
        client
    }

    async fn ask(client: &mut TcpStream) {
        let mut answer = [0; 256];
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let length = client.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{answer:?}");
    }

    /// When the server hangs up on who sends a byte once in a while.
    async fn dribble(client: &mut TcpStream) -> Duration {
        let begun = time::Instant::now();
        loop {
            let gone = client.write_all(b"x").await.is_err();
            let mut farewell = [0; 256];
            let read = time::timeout(A_WHILE, client.read(&mut farewell)).await;
            if gone || read.is_ok_and(|read| !matches!(read, Ok(1..))) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < MAX_SILENCE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_takes_its_time_is_cut() {
        let mut client = connect().await;
        let cut = dribble(&mut client).await;
        assert!((HEAD_TIMEOUT..LATEST).contains(&cut), "{cut:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_head_has_its_own_time() {
        let mut client = connect().await;
        for _ in 0..30 {
            sleep(A_WHILE).await;
            ask(&mut client).await;
        }
        let cut = dribble(&mut client).await;
        assert!((EARLIEST..LATEST).contains(&cut), "{cut:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_nothing_more_is_cut() {
        let mut client = connect().await;
        ask(&mut client).await;
        let begun = time::Instant::now();
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        assert!((EARLIEST..LATEST).contains(&begun.elapsed()));
    }
}
