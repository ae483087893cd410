//! The time from the answer to an end until each instance refuses the access token.

use std::net::Ipv4Addr;

use auth_proto::v1::{ValidateTokenRequest, auth_service_client::AuthServiceClient};
use clap::Args;
use holdfast_client::{AuthorizationGrant, Holder};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use web_service::session::sign_in::SESSION_SCOPE;

use crate::{
    latencies::Latencies,
    site::{Site, client_at},
};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// Number of logins that end
    #[arg(long)]
    ends: usize,
}

/// `COUNT P50 P99 MAX`, over all logins: when the last instance refuses it
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    // Its connections go to the instances in turn.
    let auth = options.site.client()?;
    let mut instances = Vec::new();
    for channel in options.site.connect_to_all().await? {
        instances.push(AuthServiceClient::new(channel));
    }
    let client = client_at(Ipv4Addr::LOCALHOST.into());
    let mut latencies = Latencies::default();
    for _ in 0..options.ends {
        let login = options.site.sign_in(&auth).await?;
        let grant = AuthorizationGrant::RefreshToken(&login.refresh_token);
        let tokens = auth
            .issue_token(grant, SESSION_SCOPE, Holder::Browser, None)
            .await?;
        let request = ValidateTokenRequest {
            access_token: tokens.access_token.expose_secret().to_owned(),
            ..Default::default()
        };
        for instance in &mut instances {
            instance.validate_token(request.clone()).await?;
        }
        let token = login.refresh_token.expose_secret();
        auth.end_login(token, None, &client).await?;
        let ended = Instant::now();
        for instance in &mut instances {
            while instance.validate_token(request.clone()).await.is_ok() {}
        }
        latencies.record(ended.elapsed());
    }
    Ok(latencies.sorted().to_string())
}
