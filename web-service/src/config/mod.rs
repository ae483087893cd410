//! What the service is told from outside, once it is known to be usable.

mod settings;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use fred::types::config::Config as RedisConfig;
use holdfast_client::AuthConfig;
pub use holdfast_core::public_url::PublicUrl;
use holdfast_core::secret_key::SecretKey;
use holdfast_tls::IdentityFiles;

pub use self::settings::Settings;
use crate::{
    request::{
        cookie_names::CookieNames, redirect_origins::AllowedRedirectOrigins,
        trusted_proxies::TrustedProxies,
    },
    session::{browser_session::Lifetimes, device_binding::BindingPolicy},
};

/// What `serve` needs.
#[derive(Debug)]
pub struct ServeConfig {
    /// Where HTTPS is served.
    pub listen: SocketAddr,
    /// Where Envoy asks, over gRPC; `None`: nowhere.
    pub ext_authz_listen: Option<SocketAddr>,
    /// Where probes are answered.
    pub ops_listen: SocketAddr,
    /// The URL under which people reach this service; `None`: localhost with the port that is served.
    pub public_url: Option<PublicUrl>,
    /// How auth-service is reached.
    pub auth: AuthConfig,
    /// Where sessions are kept.
    pub session_store: SessionStoreConfig,
    /// What cookies are called.
    pub cookie_names: CookieNames,
    /// Makes form tokens, challenges and proof cookies.
    pub secret_key: SecretKey,
    /// How long cookies are judged by what was last heard of ended logins.
    pub max_staleness: Duration,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// The certificate.
    pub tls: TlsConfig,
    /// Whose word counts about where a request came from.
    pub trusted_proxies: TrustedProxies,
    /// Other origins that people may be sent back to after signing in.
    pub return_origins: AllowedRedirectOrigins,
    /// Whether browsers are told at sign-out to clear what they keep for this site.
    pub clear_site_data: bool,
    /// Whether sessions are bound to devices.
    pub device_binding: BindingPolicy,
    /// How many connections the HTTPS port takes at once.
    pub max_connections: usize,
}

/// Where sessions are kept.
pub enum SessionStoreConfig {
    /// In this process, until it ends.
    Memory,
    /// In Redis.
    Redis(RedisConfig),
}

/// The URL of a Redis may hold its password.
impl fmt::Debug for SessionStoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            Self::Redis(_) => "Redis(..)",
        })
    }
}

/// Where the certificate comes from.
#[derive(Debug)]
pub enum TlsConfig {
    /// Nowhere: a proxy on the same machine or network has it.
    Off,
    /// Made here, by a certificate authority of this installation kept in this directory.
    Local(PathBuf),
    /// Given.
    Files(IdentityFiles),
}
