//! Upgraded connections (RFC 6455) through a proxy.

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::fixture::Fixture;

async fn upgrade(fixture: &Fixture, cookie: &str, origin: &str) -> TlsStream<TcpStream> {
    let fields = format!(
        "Cookie: {cookie}\r\nOrigin: {origin}\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    fixture.raw("/socket", &fields).await
}

/// The status line and the fields of a response.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// The upgrade is decided like any request; the connection stays open when its login ends (docs/SECURITY.md).
pub(crate) async fn websocket_is_decided_like_a_request(fixture: &Fixture) {
    let (name, site) = (fixture.proxy.directory, &fixture.pair.site);
    let cookie = site.form_login("ada").await;
    let own = fixture.proxy.origin();
    for (cookie, origin, expected) in [
        ("none=1", own.as_str(), " 401 "),
        (cookie.as_str(), "https://evil.example", " 403 "),
        (cookie.as_str(), "https://localhost:8443", " 403 "),
    ] {
        let refused = head(&mut upgrade(fixture, cookie, origin).await).await;
        assert!(refused.contains(expected), "{name}: {origin}: {refused}");
    }
    let mut socket = upgrade(fixture, &cookie, &own).await;
    let opened = head(&mut socket).await;
    assert!(opened.contains(" 101 "), "{name}: {opened}");
    let mut echoes = async |text: &[u8]| {
        socket.write_all(text).await.unwrap();
        socket.flush().await.unwrap();
        let mut echo = vec![0; text.len()];
        socket.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, text, "{name}");
    };
    echoes(b"before").await;
    let token = site.page_token("/dashboard", &cookie).await;
    let form = [("csrf_token", token.as_str())];
    assert_eq!(
        site.post_form("/logout", &cookie, &form).await.status(),
        303
    );
    echoes(b"after").await;
}
