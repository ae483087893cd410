//! Flags with an environment variable each, checked as a whole before anything starts.

mod check;

use std::path::PathBuf;

use clap::Args;
use holdfast_core::text::Text;

/// All settings as text. Durations carry their unit, such as `15m`, `12h` or `30d`. It holds secrets and has no `Debug`.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Where gRPC is served: an IP address, or localhost, and a port
    #[arg(
        long,
        env = "AUTH_LISTEN",
        global = true,
        default_value = "127.0.0.1:50051"
    )]
    listen: Text,
    /// Where probes are answered: /livez and /readyz
    #[arg(
        long,
        env = "AUTH_OPS_LISTEN",
        global = true,
        default_value = "127.0.0.1:9051"
    )]
    ops_listen: Text,
    /// Directory for files that the service makes for itself
    #[arg(
        long,
        env = "AUTH_DATA_DIR",
        global = true,
        default_value = ".holdfast"
    )]
    data_dir: PathBuf,
    /// The database, sqlite:FILE [default: auth.db in the data directory]
    #[arg(long, env = "AUTH_DATABASE_URL", global = true)]
    database_url: Option<Text>,
    /// Where instances count attempts together, and remember what is good once: redis://…; each for itself where there is
    /// none
    #[arg(long, env = "AUTH_REDIS_URL", global = true, hide_env_values = true)]
    redis_url: Option<String>,
    /// File that holds the Redis URL
    #[arg(long, env = "AUTH_REDIS_URL_FILE", global = true)]
    redis_url_file: Option<PathBuf>,
    /// The URL under which people reach the installation, `iss` of tokens: https://, host and perhaps a port, such as
    /// `https://id.example`; the same as `WEB_PUBLIC_URL`
    #[arg(long, env = "AUTH_ISSUER", global = true)]
    issuer: Option<Text>,
    /// Who may be named as `aud`, separated by commas; the first where nobody is named [default: the issuer]
    #[arg(long, env = "AUTH_AUDIENCE", global = true, value_delimiter = ',')]
    audience: Vec<Text>,
    /// How long an access token is valid, at most 24h
    #[arg(long, env = "AUTH_ACCESS_TTL", global = true, default_value = "15m")]
    access_ttl: Text,
    /// How long an unused refresh token is good, at most 366d
    #[arg(long, env = "AUTH_REFRESH_TTL", global = true, default_value = "30d")]
    refresh_ttl: Text,
    /// When a login ends, however often it is refreshed, at most 10y
    #[arg(
        long,
        env = "AUTH_LOGIN_ABSOLUTE_TTL",
        global = true,
        default_value = "90d"
    )]
    login_absolute_ttl: Text,
    /// How old the proof of who somebody is may be for a sensitive act, such as a new password; at most 24h
    #[arg(
        long,
        env = "AUTH_STEP_UP_MAX_AGE",
        global = true,
        default_value = "5m"
    )]
    step_up_max_age: Text,
    /// Whether tokens are bound to keys that their holders prove (`DPoP`): off, allow (where a proof comes along) or require
    /// (always, but for what web-service keeps itself)
    #[arg(long, env = "AUTH_DPOP", global = true, default_value = "allow")]
    dpop: Text,
    /// What signs new tokens: `EdDSA` or ES256
    #[arg(
        long,
        env = "AUTH_SIGNING_ALGORITHM",
        global = true,
        default_value = "EdDSA"
    )]
    signing_algorithm: Text,
    /// Seals the keys in the database: 32 random bytes in base64. Needed to serve; keep it apart from the database
    #[arg(
        long,
        env = "AUTH_KEY_ENCRYPTION_KEY",
        global = true,
        hide_env_values = true
    )]
    key_encryption_key: Option<String>,
    /// File that holds the key-encryption key
    #[arg(long, env = "AUTH_KEY_ENCRYPTION_KEY_FILE", global = true)]
    key_encryption_key_file: Option<PathBuf>,
    /// What web-service proves itself with, at least 32 characters
    #[arg(
        long,
        env = "AUTH_SERVICE_SECRET",
        global = true,
        hide_env_values = true
    )]
    service_secret: Option<String>,
    /// File that holds the service secret
    #[arg(long, env = "AUTH_SERVICE_SECRET_FILE", global = true)]
    service_secret_file: Option<PathBuf>,
    /// Certificate chain in PEM, read again when it changes; with it the port speaks TLS only
    #[arg(long, env = "AUTH_TLS_CERT", global = true)]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, env = "AUTH_TLS_KEY", global = true)]
    tls_key: Option<PathBuf>,
    /// Certificate authority in PEM, read again when it changes; with it every client needs a certificate of it (mutual TLS)
    #[arg(long, env = "AUTH_TLS_CLIENT_CA", global = true)]
    tls_client_ca: Option<PathBuf>,
    /// The DNS name in the client certificate that is web-service's
    #[arg(
        long,
        env = "AUTH_TLS_WEB_SERVICE_NAME",
        global = true,
        default_value = "web-service"
    )]
    tls_web_service_name: Text,
    /// How long a signing key signs before another one takes its place, from 20m to 2y
    #[arg(long, env = "AUTH_KEY_MAX_AGE", global = true, default_value = "90d")]
    key_max_age: Text,
    /// How long audit events are kept, at least 1d
    #[arg(
        long,
        env = "AUTH_AUDIT_RETENTION",
        global = true,
        default_value = "365d"
    )]
    audit_retention: Text,
    /// Argon2id memory in KiB
    #[arg(
        long,
        env = "AUTH_ARGON2_MEMORY",
        global = true,
        default_value = "19456"
    )]
    argon2_memory: Text,
    /// Argon2id passes
    #[arg(
        long,
        env = "AUTH_ARGON2_ITERATIONS",
        global = true,
        default_value = "2"
    )]
    argon2_iterations: Text,
    /// Argon2id lanes
    #[arg(
        long,
        env = "AUTH_ARGON2_PARALLELISM",
        global = true,
        default_value = "1"
    )]
    argon2_parallelism: Text,
    /// How many passwords are hashed at once [default: one for each core]
    #[arg(long, env = "AUTH_ARGON2_CONCURRENCY", global = true)]
    argon2_concurrency: Option<Text>,
    /// How many connections the gRPC port takes at once
    #[arg(
        long,
        env = "AUTH_MAX_CONNECTIONS",
        global = true,
        default_value = "1024"
    )]
    max_connections: Text,
    /// Let clients ask the port what it serves (gRPC reflection): on or off
    #[arg(long, env = "AUTH_REFLECTION", global = true, default_value = "false")]
    reflection: Text,
    /// What is logged, such as `info` or `auth_service=debug`
    #[arg(long, env = "AUTH_LOG", global = true, default_value = "info")]
    log: Text,
    /// How it is logged: text or json
    #[arg(long, env = "AUTH_LOG_FORMAT", global = true, default_value = "text")]
    log_format: Text,
}
