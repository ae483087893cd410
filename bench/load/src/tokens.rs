//! Access tokens of one login, each with its own `jti`.

use std::{fs, path::PathBuf, sync::Arc};

use clap::Args;
use holdfast_client::{AuthorizationGrant, Holder};
use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;
use web_service::session::sign_in::SESSION_SCOPE;

use crate::{
    closed_loop::{ClosedLoop, join_all},
    site::Site,
};

const CONCURRENCY: usize = 64;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// Number of tokens
    #[arg(long)]
    count: u64,
    /// File for the tokens, one on each line
    #[arg(long)]
    out: PathBuf,
}

/// `COUNT`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let login = Arc::new(options.site.sign_in(&auth).await?);
    let requests = ClosedLoop::count(options.count);
    let mut tasks = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (auth, login, requests) = (auth.clone(), login.clone(), requests.clone());
        tasks.spawn(async move {
            let mut tokens = String::new();
            while requests.next().is_some() {
                let grant = AuthorizationGrant::RefreshToken(&login.refresh_token);
                let issued = auth.issue_token(grant, SESSION_SCOPE, Holder::Browser, None);
                tokens += issued.await?.access_token.expose_secret();
                tokens.push('\n');
            }
            anyhow::Ok(tokens)
        });
    }
    fs::write(&options.out, join_all(tasks).await?.concat())?;
    Ok(options.count.to_string())
}
