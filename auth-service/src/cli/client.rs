//! `auth-service client`

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use holdfast_core::{
    clock::SystemClock,
    text::{self, Text},
};
use holdfast_crypto::{client_authentication::ClientAuthenticator, random::SystemRandom};
use holdfast_identity::{
    call_context::CallContext,
    key::Algorithm,
    oauth::{
        BackchannelLogoutUri, ClientAuthMethod, ClientCredentialVerifier, NewClient, OauthClients,
        RedirectUri, RelyingParty, RequestedAuthMethod, Sector,
    },
};
use secrecy::ExposeSecret as _;

use crate::{app, config::Settings};

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Register an OAuth client and print its secret, which is not shown again
    Add(AddClient),
    /// List the OAuth clients
    List,
    /// Disable an OAuth client for good and revoke its tokens at once
    Disable {
        /// The `client_id`
        id: String,
    },
    /// Replace the secret of an OAuth client and print the new one
    RotateSecret {
        /// The `client_id`
        id: String,
    },
}

#[derive(Args)]
pub(super) struct AddClient {
    /// The `client_id`
    id: String,
    /// A scope that it may request, such as `orders:read`; can be repeated
    #[arg(long)]
    scope: Vec<String>,
    /// An audience that its tokens may have; can be repeated
    #[arg(long, required_unless_present = "redirect_uri")]
    audience: Vec<Text>,
    /// File with the public key (JWK) by which it authenticates instead of a secret
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    jwk: Option<PathBuf>,
    /// It cannot authenticate itself, and obtains no tokens of its own
    #[arg(long)]
    public: bool,
    /// It obtains no tokens, and only introspects those of others
    #[arg(long)]
    introspection_only: bool,
    /// Its tokens must be bound to a key (`DPoP`)
    #[arg(long)]
    dpop_required: bool,
    #[command(flatten)]
    party: Box<PartyArgs>,
}

/// What people sign in to the client with.
#[derive(Args)]
#[command(next_help_heading = "Sign-in with OpenID Connect")]
struct PartyArgs {
    /// People sign in to it, and are sent back to this address; can be repeated
    #[arg(long, value_name = "URI", conflicts_with = "introspection_only")]
    redirect_uri: Vec<Text>,
    /// The name that people are shown [default: the `client_id`]
    #[arg(long, value_name = "NAME", requires = "redirect_uri")]
    client_name: Option<Text>,
    /// An address to which people may be sent after they sign out; can be repeated
    #[arg(long, value_name = "URI", requires = "redirect_uri")]
    post_logout_redirect_uri: Vec<Text>,
    /// The address at which it receives the ends of its sessions (back-channel logout)
    #[arg(long, value_name = "URI", requires = "redirect_uri")]
    backchannel_logout_uri: Option<Text>,
    /// Algorithm of its ID tokens, one of `AUTH_ID_TOKEN_ALGORITHMS` [default: the first of them]
    #[arg(long, value_name = "ALGORITHM", requires = "redirect_uri")]
    id_token_algorithm: Option<Text>,
    /// It belongs to this installation: people are not asked for consent
    #[arg(long, requires = "redirect_uri")]
    first_party: bool,
    /// Its tokens identify accounts differently from those of applications at other hosts; all its redirect URIs have one host
    #[arg(long, requires = "redirect_uri", conflicts_with_all = ["scope", "audience"])]
    pairwise_subjects: bool,
    /// It must push its authorization requests (RFC 9126)
    #[arg(long, requires = "redirect_uri")]
    push_required: bool,
}

impl PartyArgs {
    /// `default`: the algorithm of ID tokens where none is named.
    fn parse(self, id: &str, default: Algorithm) -> anyhow::Result<Option<RelyingParty>> {
        if self.redirect_uri.is_empty() {
            return Ok(None);
        }
        let uris = |option: &'static str, texts: Vec<Text>| {
            let parse = |text: Text| {
                let parsed = text.parse::<RedirectUri>();
                parsed.with_context(|| format!("{option} {}", &*text))
            };
            texts.into_iter().map(parse).collect::<Result<Vec<_>, _>>()
        };
        let name = self.client_name.as_ref();
        let algorithm = self.id_token_algorithm.as_ref();
        let algorithm = algorithm.map(|text| text.parse::<Algorithm>().map_err(anyhow::Error::msg));
        let logout = self.backchannel_logout_uri.as_ref();
        let logout = logout.map(|text| {
            let parsed = text.parse::<BackchannelLogoutUri>();
            parsed.with_context(|| format!("--backchannel-logout-uri {}", &**text))
        });
        let redirect_uris = uris("--redirect-uri", self.redirect_uri)?;
        let sector = self.pairwise_subjects.then(|| Sector::of(&redirect_uris));
        Ok(Some(RelyingParty {
            name: name.map_or(id, |name| &**name).parse()?,
            sector: sector.transpose()?,
            redirect_uris,
            post_logout_redirect_uris: uris(
                "--post-logout-redirect-uri",
                self.post_logout_redirect_uri,
            )?,
            id_token_algorithm: algorithm.transpose()?.unwrap_or(default),
            is_first_party: self.first_party,
            must_push: self.push_required,
            backchannel_logout_uri: logout.transpose()?,
        }))
    }
}

impl AddClient {
    /// `default`: the algorithm of ID tokens where none is named.
    fn parse(self, default: Algorithm) -> anyhow::Result<NewClient> {
        let relying_party = self.party.parse(&self.id, default)?;
        let auth_method = match self.jwk {
            Some(file) => {
                let jwk = fs::read_to_string(&file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                RequestedAuthMethod::Key(text::line(&jwk).to_owned())
            }
            None if self.public => RequestedAuthMethod::None,
            None => RequestedAuthMethod::Secret,
        };
        let audiences = self.audience.iter().map(|audience| audience.to_string());
        Ok(NewClient {
            id: self.id.parse()?,
            auth_method,
            scopes: self.scope.join(" ").parse()?,
            audiences: audiences.collect(),
            introspection_only: self.introspection_only,
            dpop_required: self.dpop_required,
            relying_party,
        })
    }
}

pub(super) async fn run(command: ClientCommand, settings: &Settings) -> anyhow::Result<()> {
    let (database, id_token_algorithms) = settings.clients()?;
    let store = app::open_store(&database).await?;
    let clock = Arc::new(SystemClock);
    let clients = OauthClients {
        revocations: Arc::new(app::open_feed(&store, clock.clone()).await?),
        audit: app::command_audit(clock.clone()),
        store,
        credentials: Arc::new(ClientAuthenticator::new(Arc::new(SystemRandom))),
        clock,
        audiences: Vec::new(),
        id_token_algorithms,
    };
    let context = CallContext::operator();
    match command {
        ClientCommand::Add(new) => {
            let default = clients.default_id_token_algorithm();
            let (client, secret) = clients.register(new.parse(default)?, &context).await?;
            match secret {
                Some(secret) => println!("{} {}", client.id, secret.expose_secret()),
                None => println!("{}", client.id),
            }
        }
        ClientCommand::List => list_clients(&clients).await?,
        ClientCommand::Disable { id } => {
            clients.disable(&id.parse()?, &context).await?;
        }
        ClientCommand::RotateSecret { id } => {
            let id = id.parse()?;
            let secret = clients.rotate_secret(&id, &context).await?;
            println!("{id} {}", secret.expose_secret());
        }
    }
    Ok(())
}

async fn list_clients(clients: &OauthClients) -> anyhow::Result<()> {
    for client in clients.list().await? {
        let method = authentication(&client.auth_method, &*clients.credentials);
        let disabled = if client.disabled { " disabled" } else { "" };
        let dpop = if client.dpop_required { " dpop" } else { "" };
        let grants = client.grant_types.iter().map(|grant| grant.as_str());
        let grants = grants.collect::<Vec<_>>().join(" ");
        println!(
            "{} {method}{dpop}{disabled} ({grants}) {}",
            client.id, client.scopes
        );
        if let Some(party) = &client.relying_party {
            list_relying_party(party);
        }
    }
    Ok(())
}

fn list_relying_party(party: &RelyingParty) {
    let own = if party.is_first_party {
        " first-party"
    } else {
        ""
    };
    let pushed = if party.must_push {
        " push-required"
    } else {
        ""
    };
    let pairwise = if party.sector.is_some() {
        " pairwise-subjects"
    } else {
        ""
    };
    println!(
        "  {:?} {}{own}{pushed}{pairwise}",
        party.name.as_str(),
        party.id_token_algorithm
    );
    for uri in &party.redirect_uris {
        println!("  redirect {uri}");
    }
    for uri in &party.post_logout_redirect_uris {
        println!("  post-logout {uri}");
    }
    if let Some(uri) = &party.backchannel_logout_uri {
        println!("  backchannel-logout {uri}");
    }
}

/// How a client authenticates, as a keyword. `key-refused` is a key that an earlier version accepted and this one does not.
fn authentication(
    method: &ClientAuthMethod,
    verifier: &dyn ClientCredentialVerifier,
) -> &'static str {
    match method {
        ClientAuthMethod::Public => "public",
        ClientAuthMethod::Secret(_) => "secret",
        ClientAuthMethod::Key(jwk) if verifier.parse_key(jwk).is_err() => "key-refused",
        ClientAuthMethod::Key(_) => "key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_key_is_listed_as_refused() {
        let verifier = ClientAuthenticator::new(Arc::new(SystemRandom));
        let listed = |x: &str| {
            let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
            authentication(&ClientAuthMethod::Key(jwk), &verifier)
        };
        let valid = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(listed(valid), "key");
        assert_eq!(listed(&"A".repeat(43)), "key-refused");
    }
}
