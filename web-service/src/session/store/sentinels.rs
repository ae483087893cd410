//! The Sentinels, which are asked whether the connected server is still the master.
//!
//! A master that was suspended and continues takes itself for the master until the Sentinels have demoted it, some ten seconds later. Who is
//! connected to it meanwhile finds no new sessions, and writes sessions that will be lost.

use std::time::Duration;

use fred::{
    clients::Client,
    interfaces::ClientLike as _,
    types::{CustomCommand, config::Server},
};
use futures_util::future::join_all;
use holdfast_server_kit::config::{RedisTopology, RedisUrl};
use tokio::time::timeout;

use crate::session::store::redis_client;

/// Deadline of an answer. One that is late counts for nothing.
const DEADLINE: Duration = Duration::from_millis(200);

/// Connections to all Sentinels.
pub(super) struct Sentinels {
    clients: Vec<Client>,
    master: String,
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
        }))
    }

    /// Whether most of them name another server as the master.
    pub(super) async fn name_another(&self, connected: &Server) -> bool {
        let answers = self.clients.iter().map(|client| self.ask(client));
        let answers = join_all(answers).await;
        let others = answers.into_iter().flatten();
        let others =
            others.filter(|(host, port)| *host != *connected.host || *port != connected.port);
        others.count() > self.clients.len() / 2
    }

    /// The master that a Sentinel names.
    async fn ask(&self, client: &Client) -> Option<(String, u16)> {
        let command = CustomCommand::new_static("SENTINEL", None::<u16>, false);
        let arguments = vec!["GET-MASTER-ADDR-BY-NAME", &self.master];
        let answer = timeout(DEADLINE, client.custom(command, arguments)).await;
        answer.ok()?.ok()
    }
}
