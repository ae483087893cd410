//! auth-service behind web-service.

use std::{num::NonZero, sync::Arc, time::Duration};

use auth_service::config::{Database, HashingConfig, OutboundConfig};
use holdfast_core::clock::ManualClock;
use holdfast_crypto::argon2id::Cost;
use holdfast_identity::{
    account::Accounts, authentication::SecondFactorPolicy, key::Algorithm, oauth::DpopPolicy,
    policy::Policy,
};
use holdfast_webauthn::RelyingParty;
use secrecy::SecretBox;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::SECRET;

/// What a test sets of auth-service.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting")]
pub(crate) struct AuthOptions {
    /// Which accounts must have a second factor.
    pub(crate) second_factor: SecondFactorPolicy,
    /// Whether passkeys are used, those of [`ORIGIN`].
    pub(crate) passkeys: bool,
    /// Whether relying parties may receive logout tokens at loopback addresses.
    pub(crate) private_addresses: bool,
    /// Whether OAuth clients register themselves, with [`REGISTRATION_TOKEN`].
    pub(crate) client_registration: bool,
    /// Whether the metadata that OAuth clients publish is used.
    pub(crate) client_documents: bool,
}

impl AuthOptions {
    /// None of them.
    pub(crate) const NONE: Self = Self {
        second_factor: SecondFactorPolicy::Optional,
        passkeys: false,
        private_addresses: false,
        client_registration: false,
        client_documents: false,
    };
}

/// The initial access token of OAuth clients.
pub(crate) const REGISTRATION_TOKEN: &str = "pX7vB2nQ9sLt4Wz8Rk1Yc6Hd3Gf5Jm0A";

/// The origin that passkeys answer to. web-service does not depend on it.
pub(super) const ORIGIN: &str = "https://id.example";
/// The domain that passkeys are bound to.
pub(super) const RP_ID: &str = "id.example";

fn relying_party() -> RelyingParty {
    RelyingParty::new(RP_ID, RP_ID, ORIGIN.parse().unwrap(), Vec::new()).unwrap()
}

/// Starts auth-service on a port and a database of its own; returns its URL and a handle for its accounts.
pub(super) async fn start_auth(
    directory: &TempDir,
    clock: &ManualClock,
    options: AuthOptions,
) -> (String, Accounts) {
    let cost = Cost {
        memory: 64,
        iterations: 1,
        parallelism: 1,
    };
    let hashing = HashingConfig {
        cost,
        threads: NonZero::new(2).unwrap(),
    };
    let database = Database::Sqlite(directory.path().join("auth.db"));
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
            revocation_max_staleness: Duration::from_mins(1),
            trusted_browser_ttl: Duration::from_hours(30 * 24),
            second_factor: options.second_factor,
            dpop: DpopPolicy::Allow,
        },
        passkeys: options.passkeys.then(relying_party),
        signing_algorithm: Algorithm::EdDsa,
        id_token_algorithms: vec![Algorithm::EdDsa, Algorithm::Es256],
        key_max_age: Duration::from_hours(90 * 24),
        audit_retention: Duration::from_hours(365 * 24),
        key_encryption_key: SecretBox::new(Box::new([1; 32])),
        service_secret: Some(SECRET.to_owned().into()),
        client_registration_token: options
            .client_registration
            .then(|| REGISTRATION_TOKEN.to_owned().into()),
        client_documents: options.client_documents,
        tls: None,
        outbound: OutboundConfig {
            authorities: None,
            private_addresses: options.private_addresses,
        },
        hashing,
        max_connections: 64,
        reflection: false,
    };
    let app = auth_service::app::App::build(config, Arc::new(clock.clone()))
        .await
        .unwrap();
    let url = format!("http://{}", app.address().unwrap());
    tokio::spawn(app.run(CancellationToken::new()));
    let store = auth_service::app::open_store(&database).await.unwrap();
    let clock = Arc::new(clock.clone());
    let accounts = auth_service::app::open_accounts(store, hashing, options.second_factor, clock);
    let accounts = accounts.await.unwrap();
    (url, accounts)
}
