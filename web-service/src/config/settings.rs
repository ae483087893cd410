//! The settings of web-service as text: flags, each with an environment variable (`WEB_…`) of the same name.

mod check;
mod proxies;

use std::path::PathBuf;

use clap::Args;
use holdfast_core::text::Text;
use holdfast_server_kit::config::args::{OpsArgs, TelemetryArgs, TlsArgs};

/// All settings as text, which `check` parses. The doc comments are the help, and the tables of `docs/CONFIGURATION.md`. Contains
/// secrets, and therefore has no `Debug`.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Address and port of HTTPS; not used where systemd passes a socket
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: Text,
    #[command(flatten)]
    ops: OpsArgs<9443>,
    /// Address and port of forward auth for Envoy (`ext_authz` over gRPC), such as `127.0.0.1:9002`. Not encrypted: for a network that
    /// only Envoy can reach
    #[arg(long)]
    ext_authz_listen: Option<Text>,
    /// Directory for files that the service creates, such as the local certificate
    #[arg(long, default_value = ".holdfast")]
    data_dir: PathBuf,
    /// Public URL of this service, such as `https://id.example` [default: `https://localhost` with the served port]
    #[arg(long)]
    public_url: Option<Text>,
    /// Addresses of auth-service, `http://` or `https://`, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:50051")]
    auth_url: Vec<Text>,
    /// Certificate authority of auth-service in PEM, required with `https://`. Reloaded when the file changes
    #[arg(long)]
    auth_ca: Option<PathBuf>,
    /// Client certificate for auth-service in PEM. Reloaded when the file changes
    #[arg(long)]
    auth_cert: Option<PathBuf>,
    /// Private key of the client certificate in PEM. Reloaded when the file changes
    #[arg(long)]
    auth_key: Option<PathBuf>,
    /// Secret by which this service authenticates to auth-service; the same as `AUTH_SERVICE_SECRET`
    #[arg(long, hide_env_values = true)]
    auth_secret: Option<String>,
    /// File that contains that secret
    #[arg(long)]
    auth_secret_file: Option<PathBuf>,
    /// Session store: `memory`, or the URL of a Redis (6.2 or later, with `maxmemory-policy noeviction`), such as `redis://redis:6379`,
    /// `redis+sentinel://HOST,HOST/MASTER` or `redis+cluster://HOST,HOST`; `rediss` in place of `redis` selects TLS [default: `memory`]
    #[arg(long, hide_env_values = true)]
    session_store: Option<String>,
    /// File that contains the same; the URL may include a password
    #[arg(long)]
    session_store_file: Option<PathBuf>,
    /// Replicas of Redis that must have a new session before a browser gets it, from 0 to 5: a failover loses none of which a replica
    /// remains that has it. Not for a Cluster
    #[arg(long, default_value = "0")]
    session_replicas: Text,
    /// Key of CSRF tokens, challenges and proof cookies: 32 random bytes in base64, the same for all instances [required to serve]
    #[arg(long, hide_env_values = true)]
    secret_key: Option<String>,
    /// File that contains the secret key
    #[arg(long)]
    secret_key_file: Option<PathBuf>,
    /// Part of the name of every cookie: `staging` turns `__Host-session` into `__Host-staging-session`. Several installations on one
    /// host need one each, as browsers share cookies between ports
    #[arg(long)]
    cookie_prefix: Option<Text>,
    /// Time without a request after which a session ends, from `1s` to `31d`
    #[arg(long, default_value = "30m")]
    idle_timeout: Text,
    /// Time after which a session ends, however it is used, from `1s` to `366d`
    #[arg(long, default_value = "12h")]
    absolute_timeout: Text,
    /// Time for which cookies are accepted after the last message of the revocation stream, from `1s` to `1h`
    #[arg(long, default_value = "60s")]
    revocation_max_staleness: Text,
    /// Whether TLS is served: `on`, with a local certificate that is created and kept where `--tls-cert` is not set; `off` behind a
    /// proxy that serves TLS, which requires `WEB_TRUSTED_PROXIES` and `WEB_PUBLIC_URL`
    #[arg(long, default_value = "on")]
    tls: Text,
    #[command(flatten)]
    certificate: TlsArgs,
    /// Reverse proxies whose `X-Forwarded-*` headers are used: addresses or networks, at most a `/8` (IPv6: `/7`), separated by commas
    #[arg(long, value_delimiter = ',')]
    trusted_proxies: Vec<Text>,
    /// Origins of applications behind a reverse proxy to which a browser may be redirected after sign-in, such as
    /// `https://app.example`, separated by commas
    #[arg(long, value_delimiter = ',')]
    return_origins: Vec<Text>,
    /// Whether sign-out makes the browser clear its cache and storage for this site and its sibling hosts: `on` or `off`
    #[arg(long, default_value = "on")]
    clear_site_data: Text,
    /// Whether sessions are bound to a key of the browser's device (DBSC): `off`; `prefer`, where the browser supports it; `require`,
    /// others are refused after a minute
    #[arg(long, default_value = "prefer")]
    device_binding: Text,
    /// Reaction to the cookie of a bound session that comes from another source without a device proof: `report` in the audit trail,
    /// or `end` the login, too
    #[arg(long, default_value = "report")]
    device_theft: Text,
    /// Maximum number of connections to the HTTPS port, from `1` to `1000000`
    #[arg(long, default_value = "4096")]
    max_connections: Text,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}
