//! Typed and validated configuration. It contains no types of drivers.

mod settings;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use holdfast_client::AuthConfig;
pub use holdfast_core::public_url::PublicUrl;
use holdfast_core::secret_key::SecretKey;
use holdfast_server_kit::config::{RedisUrl, args::TelemetryNames};
use holdfast_tls::IdentityFiles;

pub use self::settings::Settings;
use crate::{
    request::{
        cookie_names::CookieNames, redirect_origins::AllowedRedirectOrigins,
        trusted_proxies::TrustedProxies,
    },
    session::{browser_session::Lifetimes, device_binding::BindingPolicy},
};

/// The prefix of environment variables.
pub const PREFIX: &str = "WEB";

/// What logs and traces need to know of this service.
const TELEMETRY: TelemetryNames = TelemetryNames {
    prefix: PREFIX,
    otlp_ca: "WEB_OTLP_CA",
    service: "web-service",
};

/// The configuration of `serve`.
#[derive(Debug)]
pub struct ServeConfig {
    /// Address of the HTTPS port.
    pub listen: SocketAddr,
    /// Address of forward auth for Envoy, `ext_authz` over gRPC. `None`: it is not served.
    pub ext_authz_listen: Option<SocketAddr>,
    /// Address of the ops port.
    pub ops_listen: SocketAddr,
    /// Public URL of this service. `None`: `https://localhost` with the port that is served.
    pub public_url: Option<PublicUrl>,
    /// Addresses of auth-service, and how this service authenticates to it.
    pub auth: AuthConfig,
    /// Where session records are kept.
    pub session_store: SessionStoreConfig,
    /// Names of the cookies.
    pub cookie_names: CookieNames,
    /// Key of CSRF tokens, challenges and proof cookies.
    pub secret_key: SecretKey,
    /// Time for which cookies are accepted after the last message of the revocation stream.
    pub max_staleness: Duration,
    /// Idle and absolute timeout of sessions.
    pub lifetimes: Lifetimes,
    /// The certificate of the HTTPS port.
    pub tls: TlsConfig,
    /// Reverse proxies whose `X-Forwarded-*` headers are used.
    pub trusted_proxies: TrustedProxies,
    /// Origins to which a browser may be redirected after sign-in, besides the own one.
    pub return_origins: AllowedRedirectOrigins,
    /// Whether sign-out makes the browser clear its cache and storage for this site.
    pub clear_site_data: bool,
    /// Whether sessions are bound to devices, and the reaction to a possible theft.
    pub device_binding: BindingPolicy,
    /// Maximum number of connections to the HTTPS port.
    pub max_connections: usize,
}

/// Where session records are kept.
#[derive(Debug)]
pub enum SessionStoreConfig {
    /// In this process, until it ends.
    Memory,
    /// In Redis, which several instances share.
    Redis {
        /// Its servers.
        url: Box<RedisUrl>,
        /// Replicas that must have a session before it is used.
        replicas: usize,
    },
}

/// The certificate of the HTTPS port.
#[derive(Debug)]
pub enum TlsConfig {
    /// None: a proxy serves TLS.
    Off,
    /// A local certificate, issued by the certificate authority that is kept in this directory.
    Local(PathBuf),
    /// The certificate in these files.
    Files(IdentityFiles),
}
