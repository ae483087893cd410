//! Both services in this process, and a browser without scripts.

use std::{net::SocketAddr, num::NonZero, sync::Arc, time::Duration};

use auth_service::config::HashingConfig;
use holdfast_client::config::AuthConfig;
use holdfast_core::{clock::ManualClock, private_file};
use holdfast_crypto::{
    argon2id::{Argon2id, Cost},
    random::SystemRandom,
};
use holdfast_identity::{
    account::Accounts,
    audit::{AuditKind, AuditQuery, AuditTrail as _},
    key::Algorithm,
    oauth::Dpop,
    service::Policy,
};
use holdfast_store_sqlite::{SqliteStore, audit::SqliteAudit};
use holdfast_tls::{IdentityFiles, PemFile, TlsFiles};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, ClientBuilder, Method, RequestBuilder, Response, redirect};
use secrecy::SecretBox;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use web_service::{
    config::{PublicUrl, ServeConfig, SessionStoreConfig, TlsConfig},
    request::{
        cookie_names::CookieNames, redirect_origins::AllowedRedirectOrigins,
        trusted_proxies::TrustedProxies,
    },
    session::{
        browser_session::Lifetimes,
        device_binding::{BindingPolicy, DeviceBinding, OnTheft},
    },
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
const SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";

/// A running pair with its clock.
pub(crate) struct Site {
    pub(crate) clock: ManualClock,
    pub(crate) origin: String,
    pub(crate) client: Client,
    /// Where Envoy asks.
    pub(crate) ext_authz: SocketAddr,
    authority: Certificate,
    url: String,
    accounts: Accounts,
    directory: TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// A site that people reach under another origin than the port it serves.
    pub(crate) async fn start_as(public_url: PublicUrl) -> Self {
        Self::start_with(|config| config.public_url = Some(public_url)).await
    }

    /// A site behind proxies of these networks.
    pub(crate) async fn start_behind<const N: usize>(networks: [&str; N]) -> Self {
        let networks = networks.map(|network| network.parse().unwrap()).into();
        Self::start_with(|config| config.trusted_proxies = TrustedProxies::new(networks)).await
    }

    /// The same, for applications of these origins.
    pub(crate) async fn start_behind_for<const N: usize, const M: usize>(
        networks: [&str; N],
        origins: [&str; M],
    ) -> Self {
        let networks = networks.map(|network| network.parse().unwrap()).into();
        let origins = origins.map(str::to_owned).into();
        Self::start_with(|config| {
            config.trusted_proxies = TrustedProxies::new(networks);
            config.return_origins = AllowedRedirectOrigins::new(origins);
        })
        .await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut ServeConfig)) -> Self {
        let clock = ManualClock::default();
        Self::start_by((clock.clone(), clock), adjust).await
    }

    /// A site whose two services have clocks of their own, auth-service's the second.
    pub(crate) async fn start_by(
        (clock, auth_clock): (ManualClock, ManualClock),
        adjust: impl FnOnce(&mut ServeConfig),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (auth_url, accounts) = start_auth(&directory, &auth_clock).await;
        let (tls, authority) = certificate(&directory);
        let mut config = ServeConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            ops_listen: "127.0.0.1:0".parse().unwrap(),
            ext_authz_listen: Some("127.0.0.1:0".parse().unwrap()),
            public_url: None,
            auth: AuthConfig {
                urls: vec![auth_url.parse().unwrap()],
                tls: TlsFiles::default(),
                service_secret: Some(SECRET.to_owned().into()),
            },
            session_store: SessionStoreConfig::Memory,
            cookie_names: CookieNames::default(),
            secret_key: SecretBox::new(Box::new([2; 32])),
            max_staleness: Duration::from_mins(1),
            lifetimes: Lifetimes {
                idle: Duration::from_mins(30),
                absolute: Duration::from_hours(12),
            },
            tls,
            trusted_proxies: TrustedProxies::default(),
            return_origins: AllowedRedirectOrigins::default(),
            clear_site_data: true,
            device_binding: BindingPolicy {
                binding: DeviceBinding::Prefer,
                on_theft: OnTheft::Report,
            },
            max_connections: 64,
        };
        adjust(&mut config);
        let public_url = config.public_url.clone();
        web_service::app::install_crypto_provider();
        let app = web_service::app::App::build(config, Arc::new(clock.clone()))
            .await
            .unwrap();
        let url = format!("https://localhost:{}", app.address().unwrap().port());
        let ext_authz = app.ext_authz_address().unwrap().unwrap();
        tokio::spawn(app.run(CancellationToken::new()));
        let client = client_builder(&authority).build().unwrap();
        Self {
            clock,
            origin: public_url.map_or_else(|| url.clone(), |public| public.origin),
            client,
            authority,
            url,
            ext_authz,
            accounts,
            directory,
        }
    }

    /// The beginning of a client that differs from [`client`](Self::client).
    pub(crate) fn client_builder(&self) -> ClientBuilder {
        client_builder(&self.authority)
    }

    pub(crate) async fn with_user(name: &str) -> Self {
        let site = Self::start().await;
        site.add_user(name).await;
        site
    }

    pub(crate) async fn add_user(&self, name: &str) {
        self.accounts
            .create(name.parse().unwrap(), PASSWORD, false)
            .await
            .unwrap();
    }

    /// How often something is in the audit trail.
    pub(crate) async fn audited(&self, kind: AuditKind) -> usize {
        let database = self.directory.path().join("auth.db");
        let store = SqliteStore::open(&database).await.unwrap();
        let (trail, _writer) = SqliteAudit::start(store);
        let query = AuditQuery {
            kind: Some(kind),
            limit: 100,
            ..AuditQuery::default()
        };
        trail.events(&query).await.unwrap().len()
    }

    pub(crate) async fn disable(&self, name: &str) {
        let user = self.accounts.by_name(&name.parse().unwrap()).await.unwrap();
        self.accounts.disable(user.id).await.unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Response {
        self.request(Method::GET, path)
            .header("cookie", cookie)
            .send()
            .await
            .unwrap()
    }

    /// The sign-in form's cookie and token.
    pub(crate) async fn login_form(&self) -> (String, String) {
        let page = self.request(Method::GET, "/login").send().await.unwrap();
        let cookie = cookie_of(&page, "__Host-login").unwrap();
        (cookie, form_token(&page.text().await.unwrap()))
    }

    /// Signs in with the form and gives the answer.
    pub(crate) async fn submit_login(&self, fields: &[(&str, &str)]) -> Response {
        let (cookie, token) = self.login_form().await;
        let fields: Vec<_> = fields
            .iter()
            .copied()
            .chain([("csrf_token", token.as_str())])
            .collect();
        self.post_form("/login", &cookie, &fields).await
    }

    /// Sends a form as a page of this site does.
    pub(crate) async fn post_form(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let request = self.request(Method::POST, path).header("cookie", cookie);
        request
            .header("sec-fetch-site", "same-origin")
            .form(fields)
            .send()
            .await
            .unwrap()
    }

    /// Signs in and gives the session cookie.
    pub(crate) async fn sign_in(&self, name: &str) -> String {
        let response = self
            .submit_login(&[("username", name), ("password", PASSWORD)])
            .await;
        assert_eq!(response.status(), 303);
        cookie_of(&response, "__Host-session").unwrap()
    }

    /// The token of the forms on a page.
    pub(crate) async fn page_token(&self, path: &str, cookie: &str) -> String {
        form_token(&self.get(path, cookie).await.text().await.unwrap())
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn api_login(&self, name: &str, password: &str) -> Response {
        self.post_json(
            "/api/login",
            &json!({"username": name, "password": password}),
        )
        .await
    }

    pub(crate) async fn tokens(&self, name: &str) -> (String, String) {
        let response = self.api_login(name, PASSWORD).await;
        assert_eq!(response.status(), 200);
        let tokens: Value = response.json().await.unwrap();
        let text = |field: &str| tokens[field].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    pub(crate) async fn profile(&self, token: &str) -> Response {
        self.request(Method::GET, "/api/profile")
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }
}

async fn start_auth(directory: &TempDir, clock: &ManualClock) -> (String, Accounts) {
    let cost = Cost {
        memory: 64,
        iterations: 1,
        parallelism: 1,
    };
    let params = cost.params().unwrap();
    let database = directory.path().join("auth.db");
    let config = auth_service::config::ServeConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ops_listen: "127.0.0.1:0".parse().unwrap(),
        database: database.clone(),
        redis: None,
        policy: Policy {
            issuer: "https://id.example".to_owned(),
            audiences: vec!["https://api.example".to_owned()],
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
            login_ttl: Duration::from_hours(90 * 24),
            step_up_max_age: Duration::from_mins(5),
            dpop: Dpop::Allow,
        },
        signing_algorithm: Algorithm::EdDsa,
        key_max_age: std::time::Duration::from_hours(90 * 24),
        audit_retention: std::time::Duration::from_hours(365 * 24),
        key_encryption_key: SecretBox::new(Box::new([1; 32])),
        service_secret: Some(SECRET.to_owned().into()),
        tls: None,
        hashing: HashingConfig {
            params: params.clone(),
            threads: NonZero::new(2).unwrap(),
        },
        max_connections: 64,
        reflection: false,
    };
    let app = auth_service::app::App::build(config, Arc::new(clock.clone()))
        .await
        .unwrap();
    let url = format!("http://{}", app.address().unwrap());
    tokio::spawn(app.run(CancellationToken::new()));
    let random = Arc::new(SystemRandom);
    let store = SqliteStore::open(&database).await.unwrap();
    let feed = auth_service::app::open_feed(&store, Arc::new(clock.clone())).await;
    let accounts = Accounts::new(
        Arc::new(store),
        Arc::new(feed.unwrap()),
        Arc::new(Argon2id::start(params, NonZero::<u32>::MIN, random.clone()).unwrap()),
        Arc::new(clock.clone()),
        random,
    );
    (url, accounts)
}

fn client_builder(authority: &Certificate) -> ClientBuilder {
    Client::builder()
        .tls_certs_only([authority.clone()])
        .redirect(redirect::Policy::none())
        .no_proxy()
}

/// A certificate that is good at any time, as the test's clock is not the client's.
fn certificate(directory: &TempDir) -> (TlsConfig, Certificate) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let file = |name: &str| directory.path().join(name);
    private_file::write(&file("own.key"), key.serialize_pem().as_bytes()).unwrap();
    std::fs::write(file("own.pem"), &pem).unwrap();
    let tls = TlsConfig::Files(IdentityFiles {
        certificate: PemFile::new("WEB_TLS_CERT", file("own.pem")),
        key: PemFile::new("WEB_TLS_KEY", file("own.key")),
    });
    (tls, Certificate::from_pem(pem.as_bytes()).unwrap())
}

/// The cookie that a response sets, as `name=value`.
pub(crate) fn cookie_of(response: &Response, name: &str) -> Option<String> {
    let mut cookies = response.headers().get_all("set-cookie").into_iter();
    cookies.find_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?;
        pair.starts_with(&format!("{name}="))
            .then(|| pair.to_owned())
    })
}

pub(crate) fn form_token(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"csrf_token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// Checks status, media type and reason of a problem, and gives its challenge.
pub(crate) async fn assert_problem(response: Response, status: u16, reason: &str) -> String {
    let challenge = header(&response, "www-authenticate").to_owned();
    assert_eq!(
        header(&response, "content-type"),
        "application/problem+json"
    );
    let answered = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(
        (answered, problem["reason"].as_str().unwrap()),
        (status, reason),
        "{problem}"
    );
    assert_eq!(problem["status"], status);
    challenge
}

/// Asks again and again until `condition` gives a value: what another process did arrives within a moment.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(value) = condition().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited too long for {what}");
}
