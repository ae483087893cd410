//! `CLIENT TRACKING` on the connection to one server, or on those to all nodes of a Cluster.

use std::{collections::HashMap, sync::Arc};

use fred::{
    clients::{Client, WithOptions},
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, ClusterInterface as _, KeysInterface as _},
    prelude::TrackingInterface as _,
    types::{CustomCommand, Expiration, FromValue, Value, config::Server},
    util::redis_keyslot,
};
use futures_util::future::try_join_all;
use holdfast_core::rate_limited_log::LogRateLimiter;
use tokio::time::timeout;
use tower_sessions::session::Id;

use crate::session::store::{redis_connection::COMMAND_TIMEOUT, sentinels::Sentinels};

/// Prefix of the presence keys, and their expiry in seconds.
const PRESENCE_PREFIX: &str = "there:";
const PRESENCE_TTL: i64 = 60;

/// Attempts to find a presence key in a slot of a node. Without one, the node counts as emptied at each check.
const MAX_TRIES: usize = 100_000;

static REFUSALS: LogRateLimiter = LogRateLimiter::new("session_cache.tracking_refused");

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Every connection answered, and no invalidation since the last check can be missing.
    Complete,
    /// Invalidations may be missing.
    Incomplete,
    /// A connection did not answer in time, or leads to a server that is not the master any more.
    WrongServer,
}

impl From<bool> for Status {
    fn from(is_complete: bool) -> Self {
        if is_complete {
            Self::Complete
        } else {
            Self::Incomplete
        }
    }
}

/// Tracking on the connections of a client.
pub(super) enum Tracking {
    /// One server.
    Server(OneServer),
    /// The nodes of a Cluster.
    Cluster(Cluster),
}

/// One server, or the one that Sentinels name.
pub(super) struct OneServer {
    client: Client,
    sentinels: Option<Arc<Sentinels>>,
    /// A key whose presence shows that the server was not emptied.
    presence: PresenceKey,
}

/// The nodes of a Cluster.
pub(super) struct Cluster {
    client: Client,
    /// A key on each node.
    presence: HashMap<Server, PresenceKey>,
    /// The epoch at the last check. It grows with each failover and with each slot that moves, also where no node pushes that.
    epoch: Option<u64>,
}

impl Tracking {
    /// Tracking that has not started.
    pub(super) fn new(client: Client, sentinels: Option<Arc<Sentinels>>) -> Self {
        if client.is_clustered() {
            Self::Cluster(Cluster {
                client,
                presence: HashMap::new(),
                epoch: None,
            })
        } else {
            Self::Server(OneServer {
                client,
                sentinels,
                presence: PresenceKey::new(),
            })
        }
    }

    /// Starts tracking on every connection; returns whether that succeeded.
    pub(super) async fn start(&mut self) -> bool {
        let started = timeout(COMMAND_TIMEOUT, async {
            match self {
                Self::Server(server) => {
                    let prefixes = Vec::<String>::new();
                    server
                        .client
                        .start_tracking(prefixes, false, false, false, false)
                        .await
                }
                Self::Cluster(cluster) => cluster.start().await,
            }
        });
        match started.await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                REFUSALS.log(|_| {
                    tracing::warn!(event = "session_cache.tracking_refused", %error, "Redis refuses CLIENT TRACKING; every session is read from Redis");
                });
                false
            }
            Err(_elapsed) => false,
        }
    }

    /// Checks every connection.
    pub(super) async fn check(&mut self) -> Status {
        let check = timeout(COMMAND_TIMEOUT, async {
            match self {
                Self::Server(server) => server.check().await,
                Self::Cluster(cluster) => cluster.is_complete().await.map(Status::from),
            }
        });
        match check.await {
            Ok(Ok(status)) => status,
            Ok(Err(_)) => Status::Incomplete,
            Err(_elapsed) => Status::WrongServer,
        }
    }

    /// Connects again, or to the nodes that serve the slots now. The client itself waits for a server that holds its connections and does
    /// not answer.
    pub(super) fn reconnect(&self) -> impl Future<Output = ()> + Send + 'static {
        let (Self::Server(OneServer { client, .. }) | Self::Cluster(Cluster { client, .. })) = self;
        let client = client.clone();
        async move {
            // A failure is retried by the client, and logged as its error.
            let _ = if client.is_clustered() {
                client.sync_cluster().await
            } else {
                client.force_reconnection().await
            };
        }
    }
}

impl OneServer {
    async fn check(&self) -> Result<Status, Error> {
        let is_present = self.presence.exists(&self.client).await;
        let connected = self.client.active_connections().into_iter().next();
        // Also where the server refuses the write, as with a full disk: the Sentinels replace such a master, which keeps its connections.
        if let (Some(sentinels), Some(connected)) = (&self.sentinels, connected)
            && sentinels.name_another(&connected).await
        {
            return Ok(Status::WrongServer);
        }
        is_present.map(Status::from)
    }
}

impl Cluster {
    async fn start(&self) -> Result<(), Error> {
        let nodes = self.nodes()?;
        let tracked = nodes.iter().map(async |node| {
            let node = self.client.with_cluster_node(node);
            ask::<()>(&node, "CLIENT", ["TRACKING", "ON"]).await
        });
        try_join_all(tracked).await.map(|_| ())
    }

    /// Whether all nodes track and were not emptied, and the epoch is that of the last check.
    async fn is_complete(&mut self) -> Result<bool, Error> {
        let before = self.epoch.take();
        let nodes = self.nodes()?;
        self.place_presence_keys(&nodes);
        let checks = nodes.iter().map(|node| self.check(node));
        let checked = try_join_all(checks).await?;
        let epochs = checked.into_iter().collect::<Option<Vec<_>>>();
        self.epoch = epochs.and_then(|epochs| epochs.into_iter().max());
        Ok(self.epoch.is_some() && self.epoch == before)
    }

    /// The epoch that a node knows; `None` where it does not track this connection or was emptied.
    async fn check(&self, node: &Server) -> Result<Option<u64>, Error> {
        let target = self.client.with_cluster_node(node);
        let info: String = ask(&target, "CLUSTER", ["INFO"]).await?;
        let tracking: HashMap<String, Value> = ask(&target, "CLIENT", ["TRACKINGINFO"]).await?;
        // The last command to the node: its reply shows that all invalidations before it were received.
        let is_present = match self.presence.get(node) {
            Some(presence) => presence.exists(&self.client).await?,
            None => false,
        };
        Ok((is_on(&tracking) && is_present)
            .then(|| epoch(&info))
            .flatten())
    }

    /// Keeps one presence key for each node, in one of its slots.
    fn place_presence_keys(&mut self, nodes: &[Server]) {
        let Some(slots) = self.client.cached_cluster_state() else {
            return;
        };
        let is_at = |key: &PresenceKey, node: &Server| {
            slots.get_server(redis_keyslot(key.0.as_bytes())) == Some(node)
        };
        self.presence
            .retain(|node, key| nodes.contains(node) && is_at(key, node));
        for node in nodes {
            self.presence.entry(node.clone()).or_insert_with(|| {
                let mut keys = std::iter::repeat_with(PresenceKey::new);
                let placed = keys.by_ref().take(MAX_TRIES).find(|key| is_at(key, node));
                placed.unwrap_or_else(PresenceKey::new)
            });
        }
    }

    /// The master nodes.
    fn nodes(&self) -> Result<Vec<Server>, Error> {
        let state = self.client.cached_cluster_state();
        let nodes = state.map(|state| state.unique_primary_nodes());
        let unknown = || {
            let why = "the nodes of the Cluster are not known";
            Error::new(ErrorKind::Cluster, why)
        };
        nodes.filter(|nodes| !nodes.is_empty()).ok_or_else(unknown)
    }
}

async fn ask<T: FromValue>(
    node: &WithOptions<Client>,
    command: &'static str,
    arguments: impl IntoIterator<Item = &'static str>,
) -> Result<T, Error> {
    let command = CustomCommand::new_static(command, None::<u16>, false);
    let arguments: Vec<Value> = arguments.into_iter().map(Value::from_static_str).collect();
    node.custom(command, arguments).await
}

/// Whether the reply to `CLIENT TRACKINGINFO` has the flag `on`.
fn is_on(tracking: &HashMap<String, Value>) -> bool {
    let flags = tracking.get("flags");
    let flags = flags.and_then(|flags| flags.clone().convert::<Vec<String>>().ok());
    flags.is_some_and(|flags| flags.iter().any(|flag| flag == "on"))
}

/// The epoch in the reply to `CLUSTER INFO`.
fn epoch(info: &str) -> Option<u64> {
    let mut fields = info
        .lines()
        .filter_map(|line| line.trim_end().split_once(':'));
    let (_, epoch) = fields.find(|(name, _)| *name == "cluster_current_epoch")?;
    epoch.parse().ok()
}

/// A key of this instance, whose presence shows that Redis was not emptied: `FLUSHALL` is not pushed key by key.
pub(super) struct PresenceKey(String);

impl PresenceKey {
    fn new() -> Self {
        Self(format!("{PRESENCE_PREFIX}{}", Id::default()))
    }

    /// Whether Redis still has the key, which is set again where it has not.
    async fn exists(&self, client: &Client) -> Result<bool, Error> {
        if client.expire(&self.0, PRESENCE_TTL, None).await? {
            return Ok(true);
        }
        let expiration = Some(Expiration::EX(PRESENCE_TTL));
        client
            .set::<(), _, _>(&self.0, "", expiration, None, false)
            .await?;
        Ok(false)
    }
}
