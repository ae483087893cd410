//! The configuration of a test, which `TestService::start_with` adjusts.

use std::{num::NonZero, path::Path};

use auth_service::config::{HashingConfig, OutboundConfig, ServeConfig};
use holdfast_crypto::argon2id::Cost;
use holdfast_identity::{
    authentication::SecondFactorPolicy, key::Algorithm, oauth::DpopPolicy, policy::Policy,
};
use secrecy::SecretBox;

use super::{ISSUER, SERVICE_SECRET, database, minutes};

pub(crate) fn config(directory: &Path) -> ServeConfig {
    let cost = Cost {
        memory: 64,
        iterations: 1,
        parallelism: 1,
    };
    ServeConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ops_listen: "127.0.0.1:0".parse().unwrap(),
        database: database(directory),
        redis: None,
        policy: Policy {
            issuer: ISSUER.to_owned(),
            audiences: vec![
                "https://api.example".to_owned(),
                "https://other.example".to_owned(),
            ],
            access_ttl: minutes(15),
            refresh_ttl: minutes(60 * 24 * 30),
            login_ttl: minutes(60 * 24 * 90),
            step_up_max_age: minutes(5),
            revocation_max_staleness: minutes(1),
            trusted_browser_ttl: minutes(60 * 24 * 30),
            second_factor: SecondFactorPolicy::Optional,
            dpop: DpopPolicy::Allow,
        },
        passkeys: None,
        signing_algorithm: Algorithm::EdDsa,
        id_token_algorithms: vec![Algorithm::EdDsa, Algorithm::Es256],
        key_max_age: std::time::Duration::from_hours(90 * 24),
        audit_retention: std::time::Duration::from_hours(365 * 24),
        key_encryption_key: SecretBox::new(Box::new([1; 32])),
        service_secret: Some(SERVICE_SECRET.to_owned().into()),
        client_registration_token: None,
        client_documents: false,
        tls: None,
        outbound: OutboundConfig {
            authorities: None,
            private_addresses: false,
        },
        hashing: HashingConfig {
            cost,
            threads: NonZero::new(2).unwrap(),
        },
        max_connections: 64,
        reflection: true,
    }
}
