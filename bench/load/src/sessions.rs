//! Live sessions in Redis, as web-service stores them.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use holdfast_core::clock::{Clock as _, SystemClock};
use holdfast_crypto::random::SystemRandom;
use holdfast_server_kit::config::RedisUrl;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use web_service::session::{
    browser_session::{Lifetimes, Session, level},
    records::SessionRecords as _,
    sign_in::SignedIn,
    store::{encrypted_store::EncryptedRecords, redis},
};

use crate::{
    closed_loop::{ClosedLoop, join_all},
    site::Site,
};

const CONCURRENCY: usize = 256;

/// The default settings of web-service.
const LIFETIMES: Lifetimes = Lifetimes {
    idle: Duration::from_mins(30),
    absolute: Duration::from_hours(12),
};

/// A new session may still be bound to a device; these are older.
const BEGAN_BEFORE: Duration = Duration::from_mins(5);

/// The time of the last request is written once a minute. It is in the future, so that no check writes during the benchmark.
const LAST_SEEN_AHEAD: Duration = Duration::from_mins(20);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// URL of the Redis
    #[arg(long)]
    redis: String,
    /// Number of sessions; all belong to one login
    #[arg(long)]
    count: u64,
    /// Number of sessions whose ids are written to the file
    #[arg(long)]
    sample: u64,
    /// File for the session ids, one on each line
    #[arg(long)]
    out: PathBuf,
}

/// `COUNT`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let login = options.site.sign_in(&options.site.client()?).await?;
    let session = Arc::new(session(login, SystemClock.now()));
    let url = RedisUrl::parse("--redis", &options.redis).map_err(anyhow::Error::msg)?;
    let records = EncryptedRecords::new(
        redis::connect(&url, 0, Arc::new(SystemClock)).await?,
        Arc::new(SystemRandom),
    );
    let until = LIFETIMES.idle_end(&session);
    let requests = ClosedLoop::count(options.count);
    let mut tasks = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (records, session, requests) = (records.clone(), session.clone(), requests.clone());
        tasks.spawn(async move {
            let mut ids = String::new();
            while let Some(number) = requests.next() {
                let id = records.create(&session, until).await?;
                if number < options.sample {
                    ids += &id.expose();
                    ids.push('\n');
                }
            }
            anyhow::Ok(ids)
        });
    }
    fs::write(&options.out, join_all(tasks).await?.concat())?;
    Ok(options.count.to_string())
}

fn session(signed_in: SignedIn, now: OffsetDateTime) -> Session {
    let SignedIn {
        person,
        login,
        refresh_token,
    } = signed_in;
    Session {
        user_id: person.user_id,
        username: person.username,
        sid: login.sid,
        epoch: login.epoch,
        refresh_token,
        authenticated_at: login.authenticated_at,
        amr: login.amr,
        acr: level(login.acr.as_deref()),
        login_expires_at: login.expires_at,
        created_at: now - BEGAN_BEFORE,
        last_seen_at: now + LAST_SEEN_AHEAD,
        device: None,
    }
}
