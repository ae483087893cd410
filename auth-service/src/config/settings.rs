//! The settings of auth-service as text: flags, each with an environment variable (`AUTH_…`) of the same name.

mod algorithms;
mod check;
mod clients;
mod outbound;
mod passkeys;

use std::path::PathBuf;

use clap::Args;
use holdfast_core::text::Text;
use holdfast_server_kit::config::args::{OpsArgs, TelemetryArgs, TlsArgs};

/// All settings as text, which `check` parses. The doc comments are the help, and the tables of `docs/CONFIGURATION.md`. Contains
/// secrets, and therefore has no `Debug`.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Address and port of gRPC; not used where systemd passes a socket. Encrypted where `--tls-cert` is set
    #[arg(long, default_value = "127.0.0.1:50051")]
    listen: Text,
    #[command(flatten)]
    ops: OpsArgs<9051>,
    /// Directory for files that the service creates
    #[arg(long, default_value = ".holdfast")]
    data_dir: PathBuf,
    /// The database: `sqlite:FILE` without parameters, or `postgres://USER:PASSWORD@HOST/DATABASE`, which several instances can share
    /// [default: `auth.db` in the data directory]
    #[arg(long, hide_env_values = true)]
    database_url: Option<String>,
    /// File that contains the database URL
    #[arg(long)]
    database_url_file: Option<PathBuf>,
    /// Connections to a PostgreSQL database, of each instance, from 2 to 1000
    #[arg(long, default_value = "16")]
    database_connections: Text,
    /// URL of a Redis for the counters of rate limits and the replay cache, shared by all instances, such as `redis://redis:6379`,
    /// `redis+sentinel://HOST,HOST/MASTER` or `redis+cluster://HOST,HOST`; `rediss` in place of `redis` selects TLS; without it, each
    /// instance keeps its own in memory
    #[arg(long, hide_env_values = true)]
    redis_url: Option<String>,
    /// File that contains the Redis URL
    #[arg(long)]
    redis_url_file: Option<PathBuf>,
    /// Whether this is the only instance on a PostgreSQL database, which then needs no Redis: `on` or `off`
    #[arg(long, default_value = "false")]
    single_instance: Text,
    /// Public URL of the installation, `iss` of every token, such as `https://id.example`; the same as `WEB_PUBLIC_URL` [required to
    /// serve]
    #[arg(long)]
    issuer: Option<Text>,
    /// Audiences that may be requested as `aud`, separated by commas; the first is the default [default: the issuer]
    #[arg(long, value_delimiter = ',')]
    audience: Vec<Text>,
    /// Lifetime of an access token, from `1s` to `24h`
    #[arg(long, default_value = "15m")]
    access_ttl: Text,
    /// Lifetime of an unused refresh token, from `1s` to `366d`
    #[arg(long, default_value = "30d")]
    refresh_ttl: Text,
    /// Time after which a login ends, however often it is refreshed, from `1s` to `10y`
    #[arg(long, default_value = "90d")]
    login_absolute_ttl: Text,
    /// Maximum age of the latest authentication for a sensitive operation, such as a password change, from `1s` to `24h`
    #[arg(long, default_value = "5m")]
    step_up_max_age: Text,
    /// Which accounts must have a second factor, besides those of which an administrator requires it: `optional`, none; `admins`, those
    /// that may be granted the scope `admin`; `required`, all. One that has none sets it up at its next sign-in
    #[arg(long, default_value = "optional")]
    second_factor: Text,
    /// Time for which the second factor is not asked for in a browser where the owner of an account wants that, from `0s`, never, to `90d`
    #[arg(long, default_value = "30d")]
    trusted_browser_ttl: Text,
    /// Whether passkeys are used: `on` or `off`. Accounts without a password cannot be signed in to without them [default: on, where the issuer has a domain name]
    #[arg(long)]
    passkeys: Option<Text>,
    /// The domain that passkeys are bound to (RP ID): that of the issuer, or a parent of it. A change makes all passkeys useless [default: the
    /// domain of the issuer]
    #[arg(long)]
    passkey_domain: Option<Text>,
    /// Further origins whose pages and apps use passkeys, separated by commas: `https://…` or `android:apk-key-hash:…`
    #[arg(long, value_delimiter = ',')]
    passkey_origins: Vec<Text>,
    /// Time for which access tokens are accepted by the revocations in memory while the database cannot be read, from `0s` to `1h`; a
    /// revocation that another instance makes meanwhile is late by that time
    #[arg(long, default_value = "60s")]
    revocation_max_staleness: Text,
    /// Whether tokens are bound to keys (`DPoP`, RFC 9449): `off`; `allow`, where the request has a proof; `require`, always, except
    /// for the tokens that web-service keeps
    #[arg(long, default_value = "allow")]
    dpop: Text,
    /// Algorithm that signs new access tokens: `EdDSA` or `ES256`
    #[arg(long, default_value = "EdDSA")]
    signing_algorithm: Text,
    /// Algorithms that ID tokens (`OpenID` Connect) can be signed with, separated by commas: `EdDSA`, `ES256` and `RS256`. Each has a key of
    /// its own. `RS256` is for relying parties that support nothing else
    #[arg(long, value_delimiter = ',', default_value = "EdDSA,ES256")]
    id_token_algorithms: Vec<Text>,
    /// Key that seals the keys in the database: 32 random bytes in base64. Store it apart from the database [required to serve]
    #[arg(long, hide_env_values = true)]
    key_encryption_key: Option<String>,
    /// File that contains the key-encryption key
    #[arg(long)]
    key_encryption_key_file: Option<PathBuf>,
    /// Secret by which web-service authenticates, at least 32 characters; the same as `WEB_AUTH_SECRET`
    #[arg(long, hide_env_values = true)]
    service_secret: Option<String>,
    /// File that contains the service secret
    #[arg(long)]
    service_secret_file: Option<PathBuf>,
    /// Initial access token by which OAuth clients register themselves, at least 32 characters. Without it none can
    #[arg(long, hide_env_values = true)]
    client_registration_token: Option<String>,
    /// File that contains the initial access token
    #[arg(long)]
    client_registration_token_file: Option<PathBuf>,
    /// Whether people can sign in to OAuth clients that nobody registered, whose `client_id` is the https URL of their metadata: `on` or `off`
    #[arg(long, default_value = "false")]
    client_metadata_documents: Text,
    #[command(flatten)]
    tls: TlsArgs,
    /// Certificate authority in PEM; with it every client must present a certificate issued by it (mutual TLS). Reloaded when the file
    /// changes
    #[arg(long)]
    tls_client_ca: Option<PathBuf>,
    /// DNS name in the client certificate that identifies web-service
    #[arg(long, default_value = "web-service")]
    tls_web_service_name: Text,
    /// Certificate authorities in PEM of servers that logout tokens are sent to and metadata of OAuth clients is read from, besides those of the operating system
    #[arg(long)]
    outbound_ca: Option<PathBuf>,
    /// Whether logout tokens are sent to addresses of private networks and of this machine, too, and metadata of OAuth clients is read from there:
    /// `on` or `off`. Link-local addresses and metadata services of clouds are never connected to
    #[arg(long, default_value = "false")]
    outbound_private_addresses: Text,
    /// Time for which a signing key signs before its successor replaces it, from `20m` to `2y`
    #[arg(long, default_value = "90d")]
    key_max_age: Text,
    /// Time for which audit events are kept, from `1d` to `100y`
    #[arg(long, default_value = "365d")]
    audit_retention: Text,
    /// Memory of one Argon2id hash in KiB, from `7168` to `4194304`, and at least `35840` over all passes
    #[arg(long, default_value = "19456")]
    argon2_memory: Text,
    /// Passes of Argon2id over the memory, from `1` to `1000`
    #[arg(long, default_value = "2")]
    argon2_iterations: Text,
    /// Lanes of Argon2id, from `1` to `64`
    #[arg(long, default_value = "1")]
    argon2_parallelism: Text,
    /// Passwords that are hashed at once, from `1` to `1024` [default: number of cores]
    #[arg(long)]
    argon2_concurrency: Option<Text>,
    /// Maximum number of connections to the gRPC port, from `1` to `1000000`
    #[arg(long, default_value = "1024")]
    max_connections: Text,
    /// Whether gRPC reflection is served: `on` or `off`
    #[arg(long, default_value = "false")]
    reflection: Text,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}
