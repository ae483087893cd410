//! HTTP/2 clients that do not read their responses, with paused time.

use std::{convert::Infallible, time::Duration};

use axum::{body::Body, http::Response};
use holdfast_server_kit::connections::{Connections, TrackedBody};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use crate::http::serve::{IDLE_TIMEOUT, limit};

/// Two to three checks of a connection.
const CLOSED_AFTER: std::ops::Range<Duration> = Duration::from_secs(10)..Duration::from_secs(16);
/// Longer than a client that reads nothing may stay connected, shorter than the time to the first `PING`.
const OBSERVATION: Duration = Duration::from_secs(18);

/// Connects to a server whose responses have this length, and sends one request as a client with a flow-control window of `window` bytes.
async fn send_request(window: u8, length: usize) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    let (stream, peer) = accepted.unwrap();
    let connection = Connections::new("test", 1, IDLE_TIMEOUT)
        .admit(stream, peer, false)
        .unwrap();
    let answers = connection.handle().open_responses().clone();
    tokio::spawn(async move {
        let mut http = Builder::new(TokioExecutor::new());
        limit(&mut http);
        let answer = service_fn(|_| {
            let body = TrackedBody::new(Body::from(vec![b'x'; length]), &answers);
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        // The client observes how it ends.
        let _ = http
            .serve_connection(TokioIo::new(connection), answer)
            .await;
    });
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice();
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, window];
    // `GET http://a/`, the whole request in one frame.
    let request = [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, b'a'];
    let mut client = client.unwrap();
    let opening = [preface, &settings, &request].concat();
    client.write_all(&opening).await.unwrap();
    client
}

/// The time after which the connection ended; `None`: it did not during the observation.
async fn end(client: &mut TcpStream) -> Option<Duration> {
    let begun = Instant::now();
    let ended = timeout(OBSERVATION, client.read_to_end(&mut Vec::new())).await;
    ended.is_ok().then(|| begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_little_or_nothing_is_disconnected() {
    for (window, length) in [(0, 10), (0, 50_000), (1, 5000), (100, 5000)] {
        let ended = end(&mut send_request(window, length).await).await;
        let ended = ended.unwrap_or_else(|| panic!("window {window}: still connected"));
        assert!(CLOSED_AFTER.contains(&ended), "window {window}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_read_its_response_stays_connected() {
    for length in [0, 100, 127] {
        assert_eq!(
            end(&mut send_request(127, length).await).await,
            None,
            "{length}"
        );
    }
}
