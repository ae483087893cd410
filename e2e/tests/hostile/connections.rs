//! Floods of HTTP/2 frames.

use std::time::Duration;

use e2e::{
    frames::{GOAWAY, PREFACE, SETTINGS, frame, has_frame},
    pair::Pair,
    tls::connect,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// `GET https://localhost/`, in HPACK.
fn head() -> Vec<u8> {
    [&[0x82, 0x87, 0x84, 0x41, 9], b"localhost".as_slice()].concat()
}

/// Opens streams and resets them at once (CVE-2023-44487).
fn rapid_reset() -> Vec<u8> {
    let streams = (0..20_000).map(|number| number * 2 + 1);
    let frames = streams.flat_map(|stream| {
        [
            frame(1, 5, stream, &head()),
            frame(3, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    });
    frames.collect()
}

/// A header block that never ends (CVE-2024-27316).
fn endless_head() -> Vec<u8> {
    let mut frames = frame(1, 1, 1, &head());
    for _ in 0..2000 {
        // A literal field of one byte, repeated.
        frames.extend(frame(9, 0, 1, &[0x00, 1, b'x', 1, b'y'].repeat(100)));
    }
    frames
}

fn flood_of(kind: u8, payload: &[u8]) -> Vec<u8> {
    let flags = 0;
    frame(kind, flags, 0, payload).repeat(50_000)
}

/// Sends all bytes, and returns whether the service closed the connection.
async fn is_cut(mut stream: impl AsyncRead + AsyncWrite + Unpin, frames: &[u8]) -> bool {
    let opening = [PREFACE, SETTINGS].concat();
    stream.write_all(&opening).await.unwrap();
    // Writing fails after the connection is closed.
    if timeout(Duration::from_secs(5), stream.write_all(frames))
        .await
        .is_ok_and(|sent| sent.is_err())
    {
        return true;
    }
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read) = timeout(Duration::from_secs(2), stream.read(&mut chunk)).await {
        match read {
            Ok(0) | Err(_) => return true,
            Ok(length) => answer.extend_from_slice(&chunk[..length]),
        }
        if has_frame(&answer, GOAWAY) {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn flood_of_frames_is_cut_and_next_client_is_served() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    for (name, frames) in [
        ("rapid reset", rapid_reset()),
        ("endless head", endless_head()),
    ] {
        let to_web = connect(&pair, b"h2").await.unwrap();
        assert!(is_cut(to_web, &frames).await, "web-service, {name}");
        let to_auth = TcpStream::connect(pair.auth_address).await.unwrap();
        assert!(is_cut(to_auth, &frames).await, "auth-service, {name}");
    }
    // Pings, settings and empty frames are cheap; they may be answered while no other client has to wait.
    for (kind, payload) in [(6, [0; 8].as_slice()), (4, [].as_slice())] {
        let to_web = connect(&pair, b"h2").await.unwrap();
        is_cut(to_web, &flood_of(kind, payload)).await;
    }
    pair.site.form_login("ada").await;
    let memory = e2e::process::memory(pair.web.id()).peak;
    println!("web-service took {memory} KiB at most");
    assert!(memory < 200 * 1024, "{memory} KiB");
}
