//! Flags with an environment variable each, checked as a whole before anything starts.

mod check;
mod proxies;

use std::path::PathBuf;

use clap::Args;
use holdfast_core::text::Text;

/// All settings as text. Durations carry their unit, such as `30m` or `12h`. It holds secrets and has no `Debug`.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Where HTTPS is served: an IP address, or localhost, and a port
    #[arg(
        long,
        env = "WEB_LISTEN",
        global = true,
        default_value = "127.0.0.1:8443"
    )]
    listen: Text,
    /// Where probes are answered: /livez and /readyz
    #[arg(
        long,
        env = "WEB_OPS_LISTEN",
        global = true,
        default_value = "127.0.0.1:9443"
    )]
    ops_listen: Text,
    /// Where Envoy asks whether requests may pass (`ext_authz` over gRPC, not encrypted), such as 127.0.0.1:9002; nowhere
    /// where it is not set
    #[arg(long, env = "WEB_EXT_AUTHZ_LISTEN", global = true)]
    ext_authz_listen: Option<Text>,
    /// Directory for files that the service makes for itself
    #[arg(long, env = "WEB_DATA_DIR", global = true, default_value = ".holdfast")]
    data_dir: PathBuf,
    /// The URL under which people reach this service: https://, host and perhaps a port, such as `https://id.example`
    /// [default: localhost with the port that is served]
    #[arg(long, env = "WEB_PUBLIC_URL", global = true)]
    public_url: Option<Text>,
    /// auth-service, http:// or https://, several separated by commas
    #[arg(
        long,
        env = "WEB_AUTH_URL",
        global = true,
        value_delimiter = ',',
        default_value = "http://127.0.0.1:50051"
    )]
    auth_url: Vec<Text>,
    /// Certificate authority of auth-service in PEM, read again when it changes
    #[arg(long, env = "WEB_AUTH_CA", global = true)]
    auth_ca: Option<PathBuf>,
    /// Client certificate for auth-service in PEM, read again when it changes
    #[arg(long, env = "WEB_AUTH_CERT", global = true)]
    auth_cert: Option<PathBuf>,
    /// The client certificate's private key in PEM
    #[arg(long, env = "WEB_AUTH_KEY", global = true)]
    auth_key: Option<PathBuf>,
    /// What this service proves itself with to auth-service
    #[arg(long, env = "WEB_AUTH_SECRET", global = true, hide_env_values = true)]
    auth_secret: Option<String>,
    /// File that holds that secret
    #[arg(long, env = "WEB_AUTH_SECRET_FILE", global = true)]
    auth_secret_file: Option<PathBuf>,
    /// Where sessions are kept: memory, or a redis:// URL [default: memory]
    #[arg(long, env = "WEB_SESSION_STORE", global = true, hide_env_values = true)]
    session_store: Option<String>,
    /// File that holds the same; the URL may have a password
    #[arg(long, env = "WEB_SESSION_STORE_FILE", global = true)]
    session_store_file: Option<PathBuf>,
    /// Makes form tokens, challenges and proof cookies; 32 random bytes in base64, the same for all instances
    #[arg(long, env = "WEB_SECRET_KEY", global = true, hide_env_values = true)]
    secret_key: Option<String>,
    /// File that holds the secret key
    #[arg(long, env = "WEB_SECRET_KEY_FILE", global = true)]
    secret_key_file: Option<PathBuf>,
    /// Stands in the names of all cookies, such as staging for `__Host-staging-session`: several installations on one host, whose
    /// cookies browsers do not keep apart by port, need one each [default: none, as in `__Host-session`]
    #[arg(long, env = "WEB_COOKIE_PREFIX", global = true)]
    cookie_prefix: Option<Text>,
    /// When a session ends without a request, at most 31d
    #[arg(long, env = "WEB_IDLE_TIMEOUT", global = true, default_value = "30m")]
    idle_timeout: Text,
    /// When a session ends whatever happens, at most 366d
    #[arg(
        long,
        env = "WEB_ABSOLUTE_TIMEOUT",
        global = true,
        default_value = "12h"
    )]
    absolute_timeout: Text,
    /// How long cookies are good after auth-service was last heard of ended logins, at most 1h
    #[arg(
        long,
        env = "WEB_REVOCATION_MAX_STALENESS",
        global = true,
        default_value = "60s"
    )]
    revocation_max_staleness: Text,
    /// Speak TLS: on, or off behind a proxy that does; needs `WEB_TRUSTED_PROXIES` and `WEB_PUBLIC_URL` then
    #[arg(long, env = "WEB_TLS", global = true, default_value = "on")]
    tls: Text,
    /// Certificate chain in PEM, read again when it changes [default: a local certificate is made and kept]
    #[arg(long, env = "WEB_TLS_CERT", global = true)]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, env = "WEB_TLS_KEY", global = true)]
    tls_key: Option<PathBuf>,
    /// Reverse proxies whose X-Forwarded-For counts: networks such as 10.0.0.0/8, and none larger, separated by commas
    #[arg(
        long,
        env = "WEB_TRUSTED_PROXIES",
        global = true,
        value_delimiter = ','
    )]
    trusted_proxies: Vec<Text>,
    /// Applications behind a reverse proxy that people may be sent back to after signing in: origins such as
    /// `https://app.example`, separated by commas
    #[arg(long, env = "WEB_RETURN_ORIGINS", global = true, value_delimiter = ',')]
    return_origins: Vec<Text>,
    /// Tell browsers at sign-out to clear what they keep for this site, and for its sibling hosts: on or off
    #[arg(long, env = "WEB_CLEAR_SITE_DATA", global = true, default_value = "on")]
    clear_site_data: Text,
    /// Whether sessions are bound to a key that the browser's device keeps (Device Bound Session Credentials): off, prefer (where
    /// the browser can) or require (others are refused after a minute)
    #[arg(
        long,
        env = "WEB_DEVICE_BINDING",
        global = true,
        default_value = "prefer"
    )]
    device_binding: Text,
    /// What happens when a bound session's cookie comes from elsewhere without a proof: report (in the audit trail) or end (the
    /// login, too)
    #[arg(
        long,
        env = "WEB_DEVICE_THEFT",
        global = true,
        default_value = "report"
    )]
    device_theft: Text,
    /// How many connections the HTTPS port takes at once
    #[arg(
        long,
        env = "WEB_MAX_CONNECTIONS",
        global = true,
        default_value = "4096"
    )]
    max_connections: Text,
    /// What is logged, such as `info` or `web_service=debug`
    #[arg(long, env = "WEB_LOG", global = true, default_value = "info")]
    log: Text,
    /// How it is logged: text or json
    #[arg(long, env = "WEB_LOG_FORMAT", global = true, default_value = "text")]
    log_format: Text,
}
