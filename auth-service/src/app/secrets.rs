//! The secret keys of an installation, which are sealed in its database.

use holdfast_core::{clock::Clock, random::Random as _};
use holdfast_crypto::{random::SystemRandom, seal::Sealer};
use holdfast_identity::store::Store;
use zeroize::Zeroizing;

/// The stored names of the keys. They are part of the sealed data and must not change.
const REFRESH_TOKEN_KEY: &str = "credentials";
const KEYED_HASH_KEY: &str = "blinding";
const NONCE_KEY: &str = "nonces";
const ATTEMPT_KEY: &str = "attempts";
const AUTHORIZATION_KEY: &str = "authorizations";
const SUBJECT_ID_KEY: &str = "subjects";

/// In bytes.
const KEY_LENGTH: usize = 32;

/// Keys of 32 bytes.
pub(super) struct Secrets {
    /// Authenticates login tickets and refresh tokens.
    pub(super) refresh_tokens: Zeroizing<Vec<u8>>,
    /// Hashes the names of attempt counters and known locations.
    pub(super) keyed_hashes: Zeroizing<Vec<u8>>,
    /// Seals authentication attempts.
    pub(super) attempts: Zeroizing<Vec<u8>>,
    /// Seals authorization codes, and the state of authorization requests.
    pub(super) authorizations: Zeroizing<Vec<u8>>,
    /// Encrypts subject identifiers. Another key would make every account unknown to the relying parties whose identifiers are pairwise.
    pub(super) subject_ids: Zeroizing<Vec<u8>>,
    /// Authenticates DPoP nonces.
    pub(super) nonces: Zeroizing<Vec<u8>>,
}

impl Secrets {
    /// Opens the keys; the first instance of an installation creates them. `is_replay_cache_shared`: whether instances share a replay
    /// cache, and therefore accept each other's nonces. An instance with a replay cache of its own accepts no nonce from before its start,
    /// so that no proof can be used again after a restart.
    ///
    /// # Errors
    /// The store is unavailable, or the key-encryption key is wrong. In the latter case nothing was sealed with it.
    pub(super) async fn open(
        store: &dyn Store,
        sealer: &Sealer,
        clock: &dyn Clock,
        is_replay_cache_shared: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            refresh_tokens: secret_key(store, sealer, clock, REFRESH_TOKEN_KEY).await?,
            keyed_hashes: secret_key(store, sealer, clock, KEYED_HASH_KEY).await?,
            attempts: secret_key(store, sealer, clock, ATTEMPT_KEY).await?,
            authorizations: secret_key(store, sealer, clock, AUTHORIZATION_KEY).await?,
            subject_ids: secret_key(store, sealer, clock, SUBJECT_ID_KEY).await?,
            nonces: if is_replay_cache_shared {
                secret_key(store, sealer, clock, NONCE_KEY).await?
            } else {
                random_key()
            },
        })
    }
}

/// The key of this name, created by the first instance that needs it.
async fn secret_key(
    store: &dyn Store,
    sealer: &Sealer,
    clock: &dyn Clock,
    name: &str,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let candidate = sealer.seal(name, &random_key());
    let stored = store.secret_key_or(name, &candidate, clock.now()).await?;
    Ok(sealer.open(name, &stored)?)
}

fn random_key() -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(vec![0; KEY_LENGTH]);
    SystemRandom.fill(&mut key);
    key
}
