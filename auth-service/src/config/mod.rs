//! What the service is told from outside, once it is known to be usable.

mod settings;

use std::{net::SocketAddr, num::NonZero, path::PathBuf, time::Duration};

use argon2::Params;
use holdfast_core::secret_key::SecretKey;
use holdfast_identity::{key::Algorithm, policy::Policy};
use holdfast_tls::TlsFiles;
use secrecy::SecretString;

pub use self::settings::Settings;
use crate::storage::redis::RedisUrl;

/// What `serve` needs.
#[derive(Debug)]
pub struct ServeConfig {
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Where probes are answered.
    pub ops_listen: SocketAddr,
    /// The database file.
    pub database: PathBuf,
    /// Where instances count attempts together, and remember what is good once; `None`: each for itself.
    pub redis: Option<RedisUrl>,
    /// Names and times.
    pub policy: Policy,
    /// What signs new tokens.
    pub signing_algorithm: Algorithm,
    /// How long a signing key signs before another one takes its place.
    pub key_max_age: Duration,
    /// How long audit events are kept.
    pub audit_retention: Duration,
    /// What seals the keys at rest.
    pub key_encryption_key: SecretKey,
    /// What web-service proves itself with.
    pub service_secret: Option<SecretString>,
    /// TLS on the gRPC port.
    pub tls: Option<TlsConfig>,
    /// How passwords are hashed.
    pub hashing: HashingConfig,
    /// How many connections the gRPC port takes at once.
    pub max_connections: usize,
    /// Whether gRPC reflection is on.
    pub reflection: bool,
}

/// What the commands need that make or revoke signing keys.
#[derive(Debug)]
pub struct KeyConfig {
    /// The database file.
    pub database: PathBuf,
    /// What seals the keys at rest.
    pub key_encryption_key: SecretKey,
    /// What signs new tokens.
    pub algorithm: Algorithm,
    /// How long a key signs.
    pub max_age: Duration,
    /// How long an access token is valid.
    pub access_ttl: Duration,
}

/// TLS on the gRPC port.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Certificate and key; where authorities are named, every client needs a certificate of one of them (mutual TLS).
    pub files: TlsFiles,
    /// The DNS name in the client certificate that is web-service's.
    pub web_service_name: String,
}

/// How passwords are hashed.
#[derive(Clone, Debug)]
pub struct HashingConfig {
    /// What a hash costs.
    pub params: Params,
    /// How many at once.
    pub threads: NonZero<u32>,
}
