//! Connections to the Redis of a URL.

use futures_util::future::{BoxFuture, select_ok};
use holdfast_server_kit::config::{RedisNode, RedisTopology, RedisUrl};
use holdfast_tls::TlsMaterial;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult,
    TlsCertificates, TlsMode, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::storage::redis::DEADLINE;

/// A connection to one server, or to the nodes of a Cluster. Clones share it.
#[derive(Clone)]
pub enum RedisConnection {
    /// One server.
    Server(MultiplexedConnection),
    /// The nodes of a Cluster.
    Cluster(ClusterConnection),
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Establishes connections.
pub(super) struct Connector {
    servers: Servers,
    /// The certificates of encrypted connections.
    certificates: Option<TlsCertificates>,
}

enum Servers {
    One(ConnectionInfo),
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        master: String,
        /// User, password and database of the master.
        settings: RedisConnectionInfo,
    },
    Cluster(Box<ClusterClient>),
}

impl Connector {
    /// Reads the certificates, and connects to nothing yet.
    pub(super) fn new(url: &RedisUrl) -> anyhow::Result<Self> {
        let certificates = url.tls.as_ref().map(TlsMaterial::load).transpose();
        let certificates = certificates.map_err(|problems| anyhow::anyhow!(problems.join("; ")))?;
        let certificates = certificates.map(client_certificates);
        let credentials = &url.credentials;
        let settings = settings(credentials.user.as_deref(), credentials.password.as_ref())
            .set_db(url.database.into());
        let is_encrypted = certificates.is_some();
        let info = |node: &RedisNode| address(node, is_encrypted).into_connection_info();
        let servers = match &url.topology {
            RedisTopology::Server(node) => Servers::One(info(node)?.set_redis_settings(settings)),
            RedisTopology::Socket(path) => {
                let info = ConnectionAddr::Unix(path.clone()).into_connection_info()?;
                Servers::One(info.set_redis_settings(settings))
            }
            RedisTopology::Sentinel { sentinels, master } => {
                let own = self::settings(
                    credentials.sentinel_user.as_deref(),
                    credentials.sentinel_password.as_ref(),
                );
                let info = |node| Ok(info(node)?.set_redis_settings(own.clone()));
                Servers::Sentinel {
                    sentinels: sentinels.iter().map(info).collect::<RedisResult<_>>()?,
                    master: master.clone(),
                    settings,
                }
            }
            RedisTopology::Cluster(nodes) => {
                let info = |node| Ok(info(node)?.set_redis_settings(settings.clone()));
                let nodes = nodes.iter().map(info).collect::<RedisResult<Vec<_>>>()?;
                Servers::Cluster(Box::new(cluster(nodes, &settings, certificates.as_ref())?))
            }
        };
        Ok(Self {
            servers,
            certificates,
        })
    }

    /// Whether keys are distributed over several servers.
    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }

    /// Connects. With Sentinel, to the server that is the master now.
    pub(super) async fn connect(&self) -> RedisResult<RedisConnection> {
        match &self.servers {
            Servers::One(server) => self.open(server.clone()).await.map(RedisConnection::Server),
            Servers::Cluster(client) => {
                let connection = client.get_async_connection().await;
                connection.map(RedisConnection::Cluster)
            }
            Servers::Sentinel {
                sentinels,
                master,
                settings,
            } => {
                // All at once, as the first ones may be those that do not respond.
                let asked = sentinels.iter().map(|sentinel| -> BoxFuture<'_, _> {
                    Box::pin(self.find_master(sentinel, master))
                });
                let (node, _others) = select_ok(asked).await?;
                let address = address(&node, self.certificates.is_some());
                let server = address.into_connection_info()?;
                let mut connection = self
                    .open(server.set_redis_settings(settings.clone()))
                    .await?;
                require_master(&mut connection).await?;
                Ok(RedisConnection::Server(connection))
            }
        }
    }

    /// The address of the master that a Sentinel names.
    async fn find_master(&self, sentinel: &ConnectionInfo, master: &str) -> RedisResult<RedisNode> {
        let mut sentinel = self.open(sentinel.clone()).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        let found: Option<(String, u16)> = command.query_async(&mut sentinel).await?;
        let (host, port) =
            found.ok_or_else(|| unavailable("Sentinel does not know this master"))?;
        Ok(RedisNode { host, port })
    }

    async fn open(&self, server: ConnectionInfo) -> RedisResult<MultiplexedConnection> {
        let client = match &self.certificates {
            Some(certificates) => Client::build_with_tls(server, certificates.clone())?,
            None => Client::open(server)?,
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE));
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }
}

fn cluster(
    nodes: Vec<ConnectionInfo>,
    settings: &RedisConnectionInfo,
    certificates: Option<&TlsCertificates>,
) -> RedisResult<ClusterClient> {
    let mut client = ClusterClient::builder(nodes)
        .retries(1)
        .connection_timeout(DEADLINE)
        .response_timeout(DEADLINE);
    if let Some(user) = settings.username() {
        client = client.username(user);
    }
    if let Some(password) = settings.password() {
        client = client.password(password);
    }
    if let Some(certificates) = certificates {
        client = client.tls(TlsMode::Secure).certs(certificates.clone());
    }
    client.build()
}

/// Fails where the server is not the master: Sentinel may name one that it has just demoted.
async fn require_master(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let role: Vec<Value> = redis::cmd("ROLE").query_async(connection).await?;
    let role = role.first().cloned().map(redis::from_redis_value::<String>);
    match role.transpose()?.as_deref() {
        Some("master") => Ok(()),
        _ => Err(unavailable("the server that Sentinel names is no master")),
    }
}

fn unavailable(why: &'static str) -> RedisError {
    RedisError::from((redis::ErrorKind::Io, why))
}

fn address(node: &RedisNode, is_encrypted: bool) -> ConnectionAddr {
    let (host, port) = (node.host.clone(), node.port);
    if is_encrypted {
        ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(host, port)
    }
}

fn settings(user: Option<&str>, password: Option<&SecretString>) -> RedisConnectionInfo {
    // A user with few permissions may not do that.
    let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(user) = user {
        settings = settings.set_username(user);
    }
    if let Some(password) = password {
        settings = settings.set_password(password.expose_secret());
    }
    settings
}

fn client_certificates(material: TlsMaterial) -> TlsCertificates {
    let client_tls = material.identity.map(|identity| ClientTlsConfig {
        client_cert: identity.certificate_pem,
        client_key: identity.key_pem.expose_secret().as_bytes().to_vec(),
    });
    TlsCertificates {
        client_tls,
        root_cert: material.authorities.map(|authorities| authorities.pem),
    }
}
