//! Live sessions in Redis, as web-service keeps them.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use holdfast_core::clock::{Clock as _, SystemClock};
use holdfast_crypto::random::SystemRandom;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use web_service::session::{
    browser_session::{Lifetimes, Session},
    sessions::SessionRecords as _,
    sign_in::SignedIn,
    store::{encrypted_store::EncryptedRecords, redis},
};

use crate::{
    closed_loop::{Turns, all},
    site::Site,
};

const AT_ONCE: usize = 256;

/// As web-service has them by default.
const LIFETIMES: Lifetimes = Lifetimes {
    idle: Duration::from_mins(30),
    absolute: Duration::from_hours(12),
};

/// A session that just began may still be bound to a device; these are past that.
const BEGAN_BEFORE: Duration = Duration::from_mins(5);

/// That a browser was seen is written once a minute; these were, for as long as they are looked at.
const SEEN_FOR: Duration = Duration::from_mins(20);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// The Redis
    #[arg(long)]
    redis: String,
    /// How many; all of one login
    #[arg(long)]
    count: u64,
    /// The ids of how many of them are written down
    #[arg(long)]
    sample: u64,
    /// Where, one on each line
    #[arg(long)]
    out: PathBuf,
}

/// `COUNT`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let login = options.site.sign_in(&options.site.client()?).await?;
    let session = Arc::new(session(login, SystemClock.now()));
    let config = redis::parse(&options.redis).map_err(anyhow::Error::msg)?;
    let records = EncryptedRecords::new(
        redis::connect(config, Arc::new(SystemClock)).await?,
        Arc::new(SystemRandom),
    );
    let until = LIFETIMES.idle_end(&session);
    let turns = Turns::count(options.count);
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (records, session, turns) = (records.clone(), session.clone(), turns.clone());
        tasks.spawn(async move {
            let mut ids = String::new();
            while let Some(turn) = turns.next() {
                let id = records.create(&session, until).await?;
                if turn < options.sample {
                    ids += &id.expose();
                    ids.push('\n');
                }
            }
            anyhow::Ok(ids)
        });
    }
    fs::write(&options.out, all(tasks).await?.concat())?;
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
        login_expires_at: login.expires_at,
        created_at: now - BEGAN_BEFORE,
        last_seen_at: now + SEEN_FOR,
        device: None,
    }
}
