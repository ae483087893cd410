//! `auth-service key`

use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use holdfast_core::clock::SystemClock;
use holdfast_crypto::seal::Sealer;
use holdfast_identity::{call_context::CallContext, store::Store};

use crate::{
    app::{
        self,
        key_rotation::{KeyPolicy, SigningKeys},
    },
    config::{KeyConfig, Settings},
};

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// List the signing keys, in the order in which they sign
    List,
    /// Publish a new key of each algorithm, which signs ten minutes later, and print that of access tokens; the old ones are removed when
    /// their last token has expired
    Rotate,
    /// Revoke a key and every token that it signed, at once
    Revoke {
        /// The `kid`
        #[arg(allow_hyphen_values = true)]
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
    let keys = keys(store, config).await?;
    let context = CallContext::operator();
    match command {
        KeyCommand::List => {}
        KeyCommand::Rotate => {
            let kid = keys.rotate(&context).await?;
            let kid = kid
                .context("a new key of access tokens is already published and does not sign yet")?;
            println!("{kid}");
        }
        KeyCommand::Revoke { kid } => {
            if !keys.revoke(&kid, &context).await? {
                bail!("there is no such key");
            }
        }
    }
    Ok(())
}

async fn keys(store: Arc<dyn Store>, config: KeyConfig) -> anyhow::Result<SigningKeys> {
    let policy = KeyPolicy {
        algorithms: config.algorithms,
        max_age: config.max_age,
        access_ttl: config.access_ttl,
    };
    let clock = Arc::new(SystemClock);
    let keys = SigningKeys::new(
        (store.clone(), "command line"),
        Sealer::new(&config.key_encryption_key),
        app::command_audit(clock.clone()),
        clock,
        policy,
    );
    // Fails with a wrong key-encryption key, before anything is sealed with it.
    keys.open().await?;
    Ok(keys)
}

async fn list_keys(settings: &Settings) -> anyhow::Result<()> {
    let (database, ..) = settings.accounts()?;
    for key in app::open_store(&database).await?.signing_keys().await? {
        let algorithm = key.public_key.algorithm();
        println!("{} {algorithm} signs from {}", key.kid, key.signs_from);
    }
    Ok(())
}
