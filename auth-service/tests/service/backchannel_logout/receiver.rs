//! The server of a relying party, which receives logout tokens.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::authorization::claims_of;

/// What is responded with, besides responses of a status.
const SILENCE: &str = "";

/// A server on a port of its own.
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<Request>>,
    response: Mutex<String>,
    connections: AtomicUsize,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The head, in lower case.
    pub(super) head: String,
    /// The logout token.
    pub(super) token: String,
    /// The status of the response.
    pub(super) response: String,
}

impl Receiver {
    /// Starts a server that accepts logout tokens.
    pub(super) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// The same with TLS.
    pub(super) async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self {
            address,
            state: Arc::default(),
        };
        receiver.respond("200 OK");
        let state = Arc::clone(&receiver.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                state.connections.fetch_add(1, Ordering::SeqCst);
                let (state, tls) = (Arc::clone(&state), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &state).await;
                            }
                        }
                        None => serve(stream, &state).await,
                    }
                });
            }
        });
        receiver
    }

    /// The address to register.
    pub(super) fn uri(&self) -> String {
        format!("http://{}/logout?tenant=1", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Responds to further requests with this status, and perhaps header fields.
    pub(super) fn respond(&self, status: &str) {
        status.clone_into(&mut self.state.response.lock().unwrap());
    }

    /// Leaves further requests without a response.
    pub(super) fn fall_silent(&self) {
        self.respond(SILENCE);
    }

    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The requests so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The `sid` of each logout token that was accepted, sorted.
    pub(super) fn ended(&self) -> Vec<String> {
        let requests = self.requests().into_iter();
        let accepted = requests.filter(|request| request.response.starts_with('2'));
        let mut sids: Vec<_> = accepted.map(|request| sid_of(&request.token)).collect();
        sids.sort();
        sids
    }
}

fn sid_of(token: &str) -> String {
    match &claims_of(token)["sid"] {
        Value::String(sid) => sid.clone(),
        other => panic!("{other}"),
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &State) {
    let Some((head, token)) = read(&mut stream).await else {
        return;
    };
    let response = state.response.lock().unwrap().clone();
    if response == SILENCE {
        // Until the connection is closed.
        let _ = stream.read_u8().await;
        return;
    }
    state.requests.lock().unwrap().push(Request {
        head,
        token,
        response: response.clone(),
    });
    let text = format!("HTTP/1.1 {response}\r\ncontent-length: 0\r\n\r\n");
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The head of a request, and the logout token in its body.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8(request.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_lowercase();
        let length = head.split_once("content-length: ").unwrap().1;
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() == length {
            let token = body.strip_prefix("logout_token=").unwrap();
            return Some((head, token.to_owned()));
        }
    }
}
