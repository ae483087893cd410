//! `auth-service client`

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Subcommand;
use holdfast_core::{
    clock::SystemClock,
    text::{self, Text},
};
use holdfast_crypto::{client_authentication::ClientAuthenticator, random::SystemRandom};
use holdfast_identity::{
    audit::AuditKind,
    oauth::{
        ClientAuthMethod, ClientCredentialVerifier, NewClient, OauthClients, RequestedAuthMethod,
    },
};
use secrecy::ExposeSecret as _;

use crate::{
    app,
    cli::audit::{Subject, record},
    config::Settings,
};

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Register a client and print its secret, which is told this once
    Add {
        /// Its name
        id: String,
        /// What it may ask for, such as `orders:read`; as often as needed
        #[arg(long)]
        scope: Vec<String>,
        /// Whom its tokens may be for; as often as needed
        #[arg(long, required = true)]
        audience: Vec<Text>,
        /// It proves itself with this public key, a JWK in a file, instead of a secret
        #[arg(long, value_name = "FILE", conflicts_with = "public")]
        jwk: Option<PathBuf>,
        /// It cannot prove itself, and gets no tokens in its own name
        #[arg(long)]
        public: bool,
        /// It gets no tokens, and only asks what those of others are worth
        #[arg(long)]
        introspection_only: bool,
        /// Its tokens have to be bound to a key (`DPoP`)
        #[arg(long)]
        dpop_required: bool,
    },
    /// List the clients
    List,
    /// End a client for good: its tokens die at once
    Disable {
        /// Which
        id: String,
    },
    /// Give a client another secret and print it
    RotateSecret {
        /// Which
        id: String,
    },
}

pub(super) async fn run(command: ClientCommand, settings: &Settings) -> anyhow::Result<()> {
    let (database, _) = settings.accounts()?;
    let store = app::open_store(&database).await?;
    let clients = OauthClients {
        store: Arc::new(store.clone()),
        revocations: Arc::new(app::open_feed(&store, Arc::new(SystemClock)).await?),
        credentials: Arc::new(ClientAuthenticator::new(Arc::new(SystemRandom))),
        clock: Arc::new(SystemClock),
        audiences: Vec::new(),
    };
    let (kind, id) = match command {
        ClientCommand::Add {
            id,
            scope,
            audience,
            jwk,
            public,
            introspection_only,
            dpop_required,
        } => {
            let auth_method = match jwk {
                Some(file) => {
                    let jwk = fs::read_to_string(&file)
                        .with_context(|| format!("cannot read {}", file.display()))?;
                    RequestedAuthMethod::Key(text::line(&jwk).to_owned())
                }
                None if public => RequestedAuthMethod::None,
                None => RequestedAuthMethod::Secret,
            };
            let new = NewClient {
                id: id.parse()?,
                auth_method,
                scopes: scope.join(" ").parse()?,
                audiences: audience
                    .iter()
                    .map(|audience| audience.to_string())
                    .collect(),
                introspection_only,
                dpop_required,
            };
            let (client, secret) = clients.register(new).await?;
            match secret {
                Some(secret) => println!("{} {}", client.id, secret.expose_secret()),
                None => println!("{}", client.id),
            }
            (AuditKind::ClientCreated, client.id)
        }
        ClientCommand::List => return list_clients(&clients).await,
        ClientCommand::Disable { id } => {
            let id = id.parse()?;
            if !clients.disable(&id).await? {
                return Ok(());
            }
            (AuditKind::ClientDisabled, id)
        }
        ClientCommand::RotateSecret { id } => {
            let id = id.parse()?;
            let secret = clients.rotate_secret(&id).await?;
            println!("{id} {}", secret.expose_secret());
            (AuditKind::ClientSecretRotated, id)
        }
    };
    record(store, kind, Subject::Client(id)).await;
    Ok(())
}

async fn list_clients(clients: &OauthClients) -> anyhow::Result<()> {
    for client in clients.list().await? {
        let proof = authentication(&client.auth_method, &*clients.credentials);
        let disabled = if client.disabled { " disabled" } else { "" };
        let dpop = if client.dpop_required { " dpop" } else { "" };
        let grants = client.grant_types.iter().map(|one| one.as_str());
        let grants = grants.collect::<Vec<_>>().join(" ");
        println!(
            "{} {proof}{dpop}{disabled} ({grants}) {}",
            client.id, client.scopes
        );
    }
    Ok(())
}

/// How a client authenticates, in a word. A key that an earlier version took may be one that verifies nothing today.
fn authentication(
    registered: &ClientAuthMethod,
    proofs: &dyn ClientCredentialVerifier,
) -> &'static str {
    match registered {
        ClientAuthMethod::Public => "public",
        ClientAuthMethod::Secret(_) => "secret",
        ClientAuthMethod::Key(jwk) if proofs.parse_key(jwk).is_err() => "key-refused",
        ClientAuthMethod::Key(_) => "key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_verifies_nothing_is_shown_as_refused() {
        let proofs = ClientAuthenticator::new(Arc::new(SystemRandom));
        let shown = |x: &str| {
            let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
            authentication(&ClientAuthMethod::Key(jwk), &proofs)
        };
        let sound = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(shown(sound), "key");
        assert_eq!(shown(&"A".repeat(43)), "key-refused");
    }
}
