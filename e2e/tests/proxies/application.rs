//! The application behind the proxies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::{
    io::{self, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

const APPLICATION: &str = "127.0.0.1:9000";

/// An application that echoes the request in its response.
pub(crate) struct Application {
    served: Arc<AtomicUsize>,
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(APPLICATION).await.unwrap();
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    count.fetch_add(1, Ordering::Relaxed);
                    let _ = echo(stream).await;
                });
            }
        });
        Self { served }
    }

    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

/// The `Sec-WebSocket-Accept` for the key `dGhlIHNhbXBsZSBub25jZQ==` (RFC 6455 §1.3).
const UPGRADED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Responds with the request line and all headers, and closes the connection; on a WebSocket it echoes all bytes.
async fn echo(stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut request = String::new();
    lines.read_line(&mut request).await?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).await?;
        match line
            .trim_end()
            .split_once(": ")
            .or(line.trim_end().split_once(':'))
        {
            Some((name, value)) => headers.push(json!([name, value])),
            None => break,
        }
    }
    let is_socket = headers.iter().any(|pair| {
        let is = |index: usize, text| pair[index].as_str().unwrap().eq_ignore_ascii_case(text);
        is(0, "upgrade") && is(1, "websocket")
    });
    if is_socket {
        lines.get_mut().write_all(UPGRADED).await?;
        let (mut reader, mut writer) = io::split(lines);
        io::copy(&mut reader, &mut writer).await?;
        return Ok(());
    }
    let body = json!({"request": request.trim_end(), "headers": headers}).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = lines.into_inner();
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

/// The name of a header as CGI variables spell it.
fn plain(name: &str) -> String {
    name.to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// The identity headers as seen by an application that treats any punctuation as `-`; panics at a repeated name.
pub(crate) fn identity(echo: &Value) -> Vec<(String, String)> {
    let headers = echo["headers"].as_array().unwrap().iter();
    let mut identity: Vec<_> = headers
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .map(|(name, value)| (plain(name), value.to_owned()))
        .filter(|(name, _)| name.starts_with("x-auth-"))
        .collect();
    identity.sort();
    identity
}
