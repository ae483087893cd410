//! URLs of Redis: one server, a server that Sentinel names, or a Cluster.

use std::{fmt, path::PathBuf};

use holdfast_tls::{IdentityFiles, PemFile, TlsFiles};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Host, Url};

const FORM: &str = "must be a URL such as redis://redis:6379, \
     redis+sentinel://sentinel-1,sentinel-2,sentinel-3/MASTER or redis+cluster://redis-1,redis-2";

/// The first part of a scheme, without and with TLS.
const PLAIN: [&str; 2] = ["redis", "valkey"];
const ENCRYPTED: [&str; 2] = ["rediss", "valkeys"];
/// Schemes that name a Unix socket by its path.
const SOCKET: [&str; 3] = ["redis+unix", "valkey+unix", "unix"];

const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// Names of the parameters. The first three are those of PostgreSQL.
const CA: &str = "sslrootcert";
const CERTIFICATE: &str = "sslcert";
const KEY: &str = "sslkey";
const SENTINEL_USER: &str = "sentinel_user";
const SENTINEL_PASSWORD: &str = "sentinel_password";
const PARAMETERS: [&str; 5] = [CA, CERTIFICATE, KEY, SENTINEL_USER, SENTINEL_PASSWORD];

/// Where a Redis is, and how to authenticate to it.
#[derive(Clone)]
pub struct RedisUrl {
    /// Its servers.
    pub topology: RedisTopology,
    /// The ACL user and its password.
    pub credentials: RedisCredentials,
    /// The number of the database; always 0 in a Cluster.
    pub database: u8,
    /// The files of TLS; `None`: connections are not encrypted. Without authorities, those of the operating system are trusted.
    pub tls: Option<TlsFiles>,
}

impl RedisUrl {
    /// Whether the keys are distributed over several servers.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        matches!(self.topology, RedisTopology::Cluster(_))
    }
}

/// The servers of a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisTopology {
    /// One server.
    Server(RedisNode),
    /// One server on this machine, by its Unix socket.
    Socket(PathBuf),
    /// The server that Sentinel names as the master.
    Sentinel {
        /// The Sentinels that are asked, at least one.
        sentinels: Vec<RedisNode>,
        /// The name of the master.
        master: String,
    },
    /// The nodes of a Cluster, of which one that responds is enough to find the others.
    Cluster(Vec<RedisNode>),
}

/// The address of a Redis server or Sentinel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisNode {
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Users and passwords of a Redis. Where there is a password and no user, it is that of the user `default`.
#[derive(Clone, Default)]
pub struct RedisCredentials {
    /// The ACL user of the servers.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// The ACL user of the Sentinels.
    pub sentinel_user: Option<String>,
    /// Its password.
    pub sentinel_password: Option<SecretString>,
}

impl RedisUrl {
    /// Parses one of these URLs, in which `valkey` can replace `redis`, and `rediss` selects TLS:
    ///
    /// - `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`
    /// - `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/MASTER[/DATABASE]`
    /// - `redis+cluster://[USER:PASSWORD@]HOST[:PORT],…`
    /// - `redis+unix://[USER:PASSWORD@]/PATH`
    ///
    /// `setting` names the URL in messages about its TLS files, which are not read here.
    ///
    /// # Errors
    /// In words, with an example and without the URL.
    pub fn parse(setting: &'static str, text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, path),
            None => (rest, ""),
        };
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        let (topology, database, is_encrypted) = if SOCKET.contains(&scheme) {
            (socket(hosts, path)?, "", false)
        } else {
            servers(scheme, hosts, path)?
        };
        let parameters = Parameters::parse(query)?;
        Ok(Self {
            credentials: credentials(user, &parameters, &topology)?,
            database: parse_database(database)?,
            tls: parameters.tls_files(setting, is_encrypted)?,
            topology,
        })
    }
}

/// Without passwords.
impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisUrl")
            .field("topology", &self.topology)
            .finish_non_exhaustive()
    }
}

fn socket(hosts: &str, path: &str) -> Result<RedisTopology, String> {
    let is_usable = hosts.is_empty() && !path.is_empty();
    let path = is_usable.then(|| decode(&format!("/{path}"))).ok_or(FORM)?;
    Ok(RedisTopology::Socket(path?.into()))
}

/// The servers, the number of the database as text, and whether connections are encrypted.
fn servers<'a>(
    scheme: &str,
    hosts: &str,
    path: &'a str,
) -> Result<(RedisTopology, &'a str, bool), String> {
    let (protocol, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
    let is_encrypted = ENCRYPTED.contains(&protocol);
    if !is_encrypted && !PLAIN.contains(&protocol) {
        return Err(FORM.to_owned());
    }
    let (topology, database) = match kind {
        "" => (RedisTopology::Server(node(hosts, SERVER_PORT)?), path),
        "sentinel" => {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            if master.is_empty() {
                return Err(format!("names no master; {FORM}"));
            }
            let (sentinels, master) = (nodes(hosts, SENTINEL_PORT)?, decode(master)?);
            (RedisTopology::Sentinel { sentinels, master }, database)
        }
        "cluster" if !path.is_empty() => {
            return Err("a Cluster has no databases".to_owned());
        }
        "cluster" => (RedisTopology::Cluster(nodes(hosts, SERVER_PORT)?), ""),
        _ => return Err(FORM.to_owned()),
    };
    Ok((topology, database, is_encrypted))
}

fn nodes(hosts: &str, default_port: u16) -> Result<Vec<RedisNode>, String> {
    let hosts = hosts.split(',');
    hosts.map(|host| node(host, default_port)).collect()
}

fn node(host: &str, default_port: u16) -> Result<RedisNode, String> {
    let url = Url::parse(&format!("redis://{host}")).map_err(|why| format!("{FORM}: {why}"))?;
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => host.to_string(),
        None => String::new(),
    };
    if host.is_empty() || host.contains(',') {
        return Err(FORM.to_owned());
    }
    Ok(RedisNode {
        host,
        port: url.port().unwrap_or(default_port),
    })
}

fn parse_database(text: &str) -> Result<u8, String> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| "the database must be a number from 0 to 255".to_owned())
}

fn credentials(
    user: Option<&str>,
    parameters: &Parameters,
    topology: &RedisTopology,
) -> Result<RedisCredentials, String> {
    let (user, password) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
        Some((user, password)) => (non_empty(user)?, non_empty(password)?),
        None => (None, None),
    };
    let (sentinel_user, sentinel_password) = (
        parameters.get(SENTINEL_USER),
        parameters.get(SENTINEL_PASSWORD),
    );
    let is_for_sentinel = sentinel_user.or(sentinel_password).is_some();
    if is_for_sentinel && !matches!(topology, RedisTopology::Sentinel { .. }) {
        return Err(format!(
            "{SENTINEL_USER} and {SENTINEL_PASSWORD} need redis+sentinel://"
        ));
    }
    for (user, password) in [
        (user.as_deref(), password.as_deref()),
        (sentinel_user, sentinel_password),
    ] {
        if user.is_some() && password.is_none() {
            return Err("has a user without a password".to_owned());
        }
    }
    Ok(RedisCredentials {
        user,
        password: password.map(SecretString::from),
        sentinel_user: sentinel_user.map(str::to_owned),
        sentinel_password: sentinel_password.map(SecretString::from),
    })
}

fn non_empty(text: &str) -> Result<Option<String>, String> {
    let text = decode(text)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| "has a percent-encoding that is not UTF-8")?;
    Ok(decoded.into_owned())
}

/// The parameters after `?`.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn parse(query: &str) -> Result<Self, String> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let mut parameters = Vec::new();
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !PARAMETERS.contains(&name) {
                let known = PARAMETERS.join(", ");
                return Err(format!("has a parameter that is not one of {known}"));
            }
            if value.is_empty() {
                return Err(format!("{name} is empty"));
            }
            parameters.push((name.to_owned(), decode(value)?));
        }
        Ok(Self(parameters))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    fn tls_files(
        &self,
        setting: &'static str,
        is_encrypted: bool,
    ) -> Result<Option<TlsFiles>, String> {
        let file = |name| self.get(name).map(|path| PemFile::new(setting, path));
        let (authorities, certificate, key) = (file(CA), file(CERTIFICATE), file(KEY));
        if !is_encrypted {
            let has_files = authorities.or(certificate).or(key).is_some();
            return if has_files {
                Err(format!("{CA}, {CERTIFICATE} and {KEY} need rediss://"))
            } else {
                Ok(None)
            };
        }
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(IdentityFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(format!("needs both {CERTIFICATE} and {KEY}, or neither")),
        };
        Ok(Some(TlsFiles {
            identity,
            authorities,
            announced: Vec::new(),
        }))
    }
}

#[cfg(test)]
mod tests;
