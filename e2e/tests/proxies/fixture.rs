//! A proxy in front of an application, with both services.

use e2e::{
    pair::{Options, Pair},
    program::Program,
    tls,
};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::{application::Application, proxy::Proxy};

/// The running processes.
pub(crate) struct Fixture {
    pub(crate) pair: Pair,
    pub(crate) proxy: Proxy,
    pub(crate) application: Application,
    _running: Program,
}

impl Fixture {
    pub(crate) async fn start(proxy: Proxy, public_url: &str) -> Self {
        let pair = Pair::start_with(Options {
            auth: vec![("AUTH_ISSUER", public_url.to_owned())],
            web: vec![
                ("WEB_LISTEN", "127.0.0.1:8443".to_owned()),
                ("WEB_PUBLIC_URL", public_url.to_owned()),
                ("WEB_TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
                ("WEB_RETURN_ORIGINS", proxy.origin()),
                // Nothing listens there: what is sampled is in the log.
                ("WEB_OTLP_ENDPOINT", "http://127.0.0.1:1".to_owned()),
                ("WEB_TRACE_RATIO", "0".to_owned()),
            ],
        })
        .await;
        pair.add_user("ada", &[]).await;
        Self {
            application: Application::start().await,
            _running: proxy.start(&pair).await,
            pair,
            proxy,
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let request = self
            .pair
            .site
            .client()
            .request(method, format!("{}{path}", self.proxy.origin()));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.send(Method::GET, path, headers).await
    }

    /// The response to a request whose path is sent without normalization.
    pub(crate) async fn raw_get(&self, path: &str, cookie: &str) -> String {
        let fields = format!("Cookie: {cookie}\r\nConnection: close\r\n");
        let mut stream = self.raw(path, &fields).await;
        let mut answer = Vec::new();
        // Some proxies close the connection without a TLS close_notify.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Opens an HTTP/1.1 connection and sends a request with these lines.
    pub(crate) async fn raw(&self, path: &str, fields: &str) -> TlsStream<TcpStream> {
        let port = self.proxy.port;
        let address = format!("127.0.0.1:{port}");
        let mut stream = tls::connect_to(&self.pair.site, &address, b"http/1.1")
            .await
            .unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{fields}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    pub(crate) async fn ada(&self, cookie: &str) -> Vec<(String, String)> {
        let session = self.pair.site.get("/api/session", cookie).await;
        let session: Value = session.json().await.unwrap();
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        [
            ("acr", "aal1".to_owned()),
            ("amr", "pwd".to_owned()),
            ("login", text("sid")),
            ("method", "cookie".to_owned()),
            ("scope", "profile".to_owned()),
            ("subject", text("sub")),
            ("user", "ada".to_owned()),
        ]
        .map(|(name, value)| (format!("x-auth-{name}"), value))
        .into()
    }
}
