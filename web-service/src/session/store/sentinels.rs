//! The Sentinels, which are asked whether the connected server is still the master.
//!
//! A master that was suspended and continues, or is started again, takes itself for the master until the Sentinels have demoted it, some ten seconds
//! later. Who is connected to it meanwhile finds no new sessions, and writes sessions that will be lost.

use std::{collections::HashMap, time::Duration};

use fred::{
    clients::Client,
    interfaces::ClientLike as _,
    types::{CustomCommand, config::Server},
};
use futures_util::future::join_all;
use holdfast_server_kit::config::{RedisTopology, RedisUrl};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::session::store::redis_client;

/// Deadline of an answer. One that is late counts for nothing.
const DEADLINE: Duration = Duration::from_millis(200);

/// Connections to all Sentinels.
pub(super) struct Sentinels {
    clients: Vec<Client>,
    master: String,
    latest: Mutex<Option<Answer>>,
}

/// The latest result of [`Sentinels::name_another`].
struct Answer {
    begun_at: Instant,
    connected: Server,
    is_another: bool,
}

impl Sentinels {
    /// Connects in the background; `None` where the URL names no Sentinels.
    ///
    /// # Errors
    /// A certificate or key cannot be used.
    pub(super) fn connect(url: &RedisUrl) -> anyhow::Result<Option<Self>> {
        let RedisTopology::Sentinel { sentinels, master } = &url.topology else {
            return Ok(None);
        };
        let clients = sentinels.iter().map(|node| {
            let client = redis_client::sentinel(url, node)?;
            let _task = client.connect();
            Ok(client)
        });
        Ok(Some(Self {
            clients: clients.collect::<anyhow::Result<_>>()?,
            master: master.clone(),
            latest: Mutex::default(),
        }))
    }

    /// Whether the one that knows of the latest failover names another server as the master. Others may not know of it for two seconds.
    /// Concurrent calls share the questions that began after them.
    pub(super) async fn name_another(&self, connected: &Server) -> bool {
        let called_at = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some(answer) = &*latest
            && answer.begun_at >= called_at
            && answer.connected == *connected
        {
            return answer.is_another;
        }
        let begun_at = Instant::now();
        let answers = join_all(self.clients.iter().map(|client| self.ask(client))).await;
        let newest = answers
            .into_iter()
            .flatten()
            .max_by_key(|(epoch, ..)| *epoch);
        let is_another =
            newest.is_some_and(|(_, host, port)| host != *connected.host || port != connected.port);
        *latest = Some(Answer {
            begun_at,
            connected: connected.clone(),
            is_another,
        });
        is_another
    }

    /// The master that a Sentinel names, after the epoch of its configuration, which grows with each failover.
    async fn ask(&self, client: &Client) -> Option<(u64, String, u16)> {
        let command = CustomCommand::new_static("SENTINEL", None::<u16>, false);
        let arguments = vec!["MASTER", &self.master];
        let answer = timeout(DEADLINE, client.custom(command, arguments)).await;
        let mut fields: HashMap<String, String> = answer.ok()?.ok()?;
        let epoch = fields.get("config-epoch")?.parse().ok()?;
        let port = fields.get("port")?.parse().ok()?;
        Some((epoch, fields.remove("ip")?, port))
    }
}
