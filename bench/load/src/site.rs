//! Connections to auth-service, with the identity of web-service.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use holdfast_client::{
    AuthClient, AuthConfig, AuthenticationStep, ClientInfo, ClientKind, Login, Person,
    SignInOptions,
};
use holdfast_tls::TlsFiles;
use secrecy::SecretString;
use tonic::transport::{Channel, Endpoint};
use url::Url;
use web_service::session::sign_in::{SignedIn, complete};

/// The account of the tokens and sessions.
pub(crate) const USERNAME: &str = "ada";

/// A running auth-service, or several on one database.
#[derive(Args)]
pub(crate) struct Site {
    /// URLs of the instances of auth-service
    #[arg(long, value_delimiter = ',')]
    auth: Vec<Url>,
    /// The service secret
    #[arg(long, env = "LOAD_SERVICE_SECRET", hide_env_values = true)]
    secret: SecretString,
    /// The password of every account
    #[arg(long, env = "LOAD_PASSWORD", hide_env_values = true)]
    password: SecretString,
}

impl Site {
    /// The client that web-service uses.
    pub(crate) fn client(&self) -> anyhow::Result<AuthClient> {
        Ok(AuthClient::new(&AuthConfig {
            urls: self.auth.clone(),
            tls: TlsFiles::default(),
            service_secret: Some(self.secret.clone()),
        })?)
    }

    /// Opens new connections, to the instances in turn.
    pub(crate) async fn connect(&self, connections: usize) -> anyhow::Result<Vec<Channel>> {
        let mut channels = Vec::new();
        for url in self.auth.iter().cycle().take(connections) {
            let endpoint = Endpoint::from_shared(url.to_string())?.tcp_nodelay(true);
            channels.push(endpoint.connect().await?);
        }
        Ok(channels)
    }

    /// Opens a new connection to each instance.
    pub(crate) async fn connect_to_all(&self) -> anyhow::Result<Vec<Channel>> {
        self.connect(self.auth.len()).await
    }

    pub(crate) const fn secret(&self) -> &SecretString {
        &self.secret
    }

    pub(crate) const fn password(&self) -> &SecretString {
        &self.password
    }

    /// Signs in as [`USERNAME`], as a browser does.
    pub(crate) async fn sign_in(&self, auth: &AuthClient) -> anyhow::Result<SignedIn> {
        let client = client_at(Ipv4Addr::LOCALHOST.into());
        let (person, login) = self.authenticate(auth, USERNAME, &client).await?;
        Ok(complete(auth, person, login).await?)
    }

    /// Starts a login, whose ticket is to be exchanged.
    pub(crate) async fn authenticate(
        &self,
        auth: &AuthClient,
        username: &str,
        client: &ClientInfo,
    ) -> anyhow::Result<(Person, Login)> {
        let step = Some(AuthenticationStep::Password(&self.password));
        let options = SignInOptions::default();
        let started = auth.start_authentication(username, step, options, client);
        Ok(started.await?.completed()?)
    }
}

/// The client info of a browser with this address.
pub(crate) fn client_at(ip_address: IpAddr) -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Browser,
        ip_address: Some(ip_address),
        user_agent: Some("load".to_owned()),
        device: None,
    }
}
