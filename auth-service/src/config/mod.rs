//! Typed and validated configuration. It contains no types of drivers.

mod database;
#[cfg(feature = "postgres")]
mod postgres_url;
mod settings;

use std::{net::SocketAddr, num::NonZero, time::Duration};

use holdfast_core::secret_key::SecretKey;
use holdfast_crypto::argon2id::Cost;
use holdfast_identity::{
    key::{Algorithm, KeyAlgorithms},
    policy::Policy,
};
use holdfast_server_kit::config::{RedisUrl, args::TelemetryNames};
use holdfast_tls::{PemFile, TlsFiles};
use holdfast_webauthn::RelyingParty;
use secrecy::SecretString;

#[cfg(feature = "postgres")]
pub use self::postgres_url::PostgresUrl;
pub use self::{database::Database, settings::Settings};

/// The prefix of environment variables.
pub const PREFIX: &str = "AUTH";

/// What logs and traces need to know of this service.
const TELEMETRY: TelemetryNames = TelemetryNames {
    prefix: PREFIX,
    otlp_ca: "AUTH_OTLP_CA",
    service: "auth-service",
};

/// The configuration of `serve`.
#[derive(Debug)]
pub struct ServeConfig {
    /// Address of the gRPC port.
    pub listen: SocketAddr,
    /// Address of the ops port.
    pub ops_listen: SocketAddr,
    /// The database of the store.
    pub database: Database,
    /// The Redis that instances share for the counters of rate limits and the replay cache. `None`: each instance keeps its own in memory.
    pub redis: Option<RedisUrl>,
    /// Issuer, audiences, lifetimes and requirements of tokens and logins.
    pub policy: Policy,
    /// The relying party of passkeys. `None`: they are not used.
    pub passkeys: Option<RelyingParty>,
    /// Algorithm that signs new access tokens, one that is for them.
    pub signing_algorithm: Algorithm,
    /// Algorithms that ID tokens can be signed with: at least one, each once.
    pub id_token_algorithms: Vec<Algorithm>,
    /// Time for which a signing key signs before its successor replaces it.
    pub key_max_age: Duration,
    /// Time for which audit events are kept.
    pub audit_retention: Duration,
    /// Key that seals the keys in the database.
    pub key_encryption_key: SecretKey,
    /// Secret by which web-service authenticates. `None`: only by its client certificate.
    pub service_secret: Option<SecretString>,
    /// Initial access token by which OAuth clients register themselves. `None`: they cannot.
    pub client_registration_token: Option<SecretString>,
    /// Whether OAuth clients whose `client_id` is the URL of their metadata are accepted.
    pub client_documents: bool,
    /// TLS on the gRPC port. `None`: it is not encrypted.
    pub tls: Option<TlsConfig>,
    /// Requests to relying parties.
    pub outbound: OutboundConfig,
    /// Cost and concurrency of password hashing.
    pub hashing: HashingConfig,
    /// Maximum number of connections to the gRPC port.
    pub max_connections: usize,
    /// Whether gRPC reflection is served.
    pub reflection: bool,
}

/// The configuration of commands that create or revoke signing keys.
#[derive(Debug)]
pub struct KeyConfig {
    /// The database of the store.
    pub database: Database,
    /// Key that seals the keys in the database.
    pub key_encryption_key: SecretKey,
    /// Algorithms of which keys are kept.
    pub algorithms: KeyAlgorithms,
    /// Time for which a signing key signs before its successor replaces it.
    pub max_age: Duration,
    /// Lifetime of an access token.
    pub access_ttl: Duration,
}

/// TLS on the gRPC port.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Certificate and key. Where certificate authorities are named, every client must present a certificate of one of them (mutual TLS).
    pub files: TlsFiles,
    /// DNS name in the client certificate that identifies web-service.
    pub web_service_name: String,
}

/// Requests to relying parties, and for the metadata that OAuth clients publish.
#[derive(Clone, Debug)]
pub struct OutboundConfig {
    /// Certificate authorities of their servers, besides those of the operating system.
    pub authorities: Option<PemFile>,
    /// Whether requests are sent to private and loopback addresses, too.
    pub private_addresses: bool,
}

/// Cost and concurrency of password hashing.
#[derive(Clone, Copy, Debug)]
pub struct HashingConfig {
    /// Cost of one hash.
    pub cost: Cost,
    /// Passwords that are hashed at once.
    pub threads: NonZero<u32>,
}
