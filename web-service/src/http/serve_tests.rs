//! Clients of HTTP/2 that do not take their answers, with a clock that is moved.

use std::{convert::Infallible, time::Duration};

use axum::{body::Body, http::Response};
use holdfast_server_kit::connections::{AnswerBody, Connections};
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

use crate::http::serve::{MAX_SILENCE, limit};

/// Two to three looks at a connection.
const CUT: std::ops::Range<Duration> = Duration::from_secs(10)..Duration::from_secs(16);
/// Longer than any client that takes nothing may stay, shorter than until the first `PING`.
const A_WHILE: Duration = Duration::from_secs(18);

/// Connects to a server whose answers have this length, and asks once, as a client that takes `window` bytes of each answer.
async fn ask(window: u8, length: usize) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    let (stream, peer) = accepted.unwrap();
    let connection = Connections::new(1, MAX_SILENCE)
        .admit(stream, peer, false)
        .unwrap();
    let answers = connection.handle().answers().clone();
    tokio::spawn(async move {
        let mut http = Builder::new(TokioExecutor::new());
        limit(&mut http);
        let answer = service_fn(|_| {
            let body = AnswerBody::new(Body::from(vec![b'x'; length]), &answers);
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        // How it ends is for the client to see.
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

/// When the connection ended, if it did within a while.
async fn end(client: &mut TcpStream) -> Option<Duration> {
    let begun = Instant::now();
    let ended = timeout(A_WHILE, client.read_to_end(&mut Vec::new())).await;
    ended.is_ok().then(|| begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn client_that_takes_nothing_or_little_of_an_answer_is_cut() {
    for (window, length) in [(0, 10), (0, 50_000), (1, 5000), (100, 5000)] {
        let ended = end(&mut ask(window, length).await).await;
        let ended = ended.unwrap_or_else(|| panic!("window {window} stays"));
        assert!(CUT.contains(&ended), "window {window}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_took_its_answer_stays() {
    for length in [0, 100, 127] {
        assert_eq!(end(&mut ask(127, length).await).await, None, "{length}");
    }
}
