//! Many access tokens of one login, each with its own `jti`.

use std::{fs, path::PathBuf, sync::Arc};

use clap::Args;
use holdfast_client::auth::{AuthService as _, Grant, Holder};
use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;
use web_service::session::sign_in::SESSION_SCOPE;

use crate::{
    closed_loop::{Turns, all},
    site::Site,
};

const AT_ONCE: usize = 64;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// How many
    #[arg(long)]
    count: u64,
    /// Where they are written, one on each line
    #[arg(long)]
    out: PathBuf,
}

/// `COUNT`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let login = Arc::new(options.site.sign_in(&auth).await?);
    let turns = Turns::count(options.count);
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (auth, login, turns) = (auth.clone(), login.clone(), turns.clone());
        tasks.spawn(async move {
            let mut tokens = String::new();
            while turns.next().is_some() {
                let grant = Grant::RefreshToken(&login.refresh_token);
                let issued = auth.issue_token(grant, SESSION_SCOPE, Holder::Browser, None);
                tokens += issued.await?.access_token.expose_secret();
                tokens.push('\n');
            }
            anyhow::Ok(tokens)
        });
    }
    fs::write(&options.out, all(tasks).await?.concat())?;
    Ok(options.count.to_string())
}
