//! `auth-service key`

use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use holdfast_core::clock::SystemClock;
use holdfast_crypto::seal::Sealer;
use holdfast_identity::audit::AuditKind;
use holdfast_store_sqlite::SqliteStore;

use crate::{
    app::{
        self,
        key_rotation::{KeyPolicy, SigningKeys},
    },
    cli::audit::{Subject, record},
    config::{KeyConfig, Settings},
};

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// List the signing keys, in the order in which they sign
    List,
    /// Publish a new key, which signs ten minutes later; the old one is removed when its last token has expired
    Rotate,
    /// Revoke a key and every token that it signed, at once
    Revoke {
        /// The `kid`
        kid: String,
    },
}

pub(super) async fn run(command: KeyCommand, settings: Settings) -> anyhow::Result<()> {
    if matches!(command, KeyCommand::List) {
        return list_keys(&settings).await;
    }
    let config = settings.keys()?;
    app::install_crypto_providers();
    let store = app::open_store(&config.database).await?;
    let keys = keys(store.clone(), config).await?;
    let kind = match command {
        KeyCommand::List => return Ok(()),
        KeyCommand::Rotate => {
            let kid = keys.rotate().await?;
            let kid = kid.context("a new key is already published and does not sign yet")?;
            println!("{kid}");
            AuditKind::KeyRotated
        }
        KeyCommand::Revoke { kid } => {
            if !keys.revoke(&kid).await? {
                bail!("there is no such key");
            }
            AuditKind::KeyRevoked
        }
    };
    record(store, kind, Subject::Service).await;
    Ok(())
}

async fn keys(store: SqliteStore, config: KeyConfig) -> anyhow::Result<SigningKeys> {
    let policy = KeyPolicy {
        algorithm: config.algorithm,
        max_age: config.max_age,
        access_ttl: config.access_ttl,
    };
    let keys = SigningKeys::new(
        store,
        Sealer::new(&config.key_encryption_key),
        Arc::new(SystemClock),
        policy,
    );
    // Fails with a wrong key-encryption key, before anything is sealed with it.
    keys.open().await?;
    Ok(keys)
}

async fn list_keys(settings: &Settings) -> anyhow::Result<()> {
    let (database, _) = settings.accounts()?;
    for key in app::open_store(&database).await?.signing_keys().await? {
        let algorithm = key.public_key.algorithm();
        println!("{} {algorithm} signs from {}", key.kid, key.signs_from);
    }
    Ok(())
}
