//! Upgraded connections (RFC 6455) through a proxy.

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::fixture::World;

async fn upgrade(world: &World, cookie: &str, origin: &str) -> TlsStream<TcpStream> {
    let fields = format!(
        "Cookie: {cookie}\r\nOrigin: {origin}\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    world.raw("/socket", &fields).await
}

/// The status line and the fields of an answer.
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

/// It is decided like any request, and lives on when its login has ended, as docs/SECURITY.md says.
pub(crate) async fn a_websocket_passes_like_a_request(world: &World) {
    let (name, site) = (world.proxy.directory, &world.pair.site);
    let cookie = site.form_login("ada").await;
    let own = world.proxy.origin();
    for (cookie, origin, expected) in [
        ("none=1", own.as_str(), " 401 "),
        (cookie.as_str(), "https://evil.example", " 403 "),
        (cookie.as_str(), "https://localhost:8443", " 403 "),
    ] {
        let refused = head(&mut upgrade(world, cookie, origin).await).await;
        assert!(refused.contains(expected), "{name}: {origin}: {refused}");
    }
    let mut socket = upgrade(world, &cookie, &own).await;
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
