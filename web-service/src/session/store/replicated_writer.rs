//! Writes of records that replicas must have before they are used (`WAIT`).

use std::time::Duration;

use fred::{
    clients::Client,
    error::Error as RedisError,
    interfaces::{ClientLike as _, KeysInterface as _},
    types::{CustomCommand, Expiration, SetOptions},
};
use holdfast_server_kit::config::RedisUrl;
use tokio::time::timeout;
use tower_sessions::{
    session::{Id, Record},
    session_store::{self, Error},
};

use crate::session::store::{redis_client, redis_records::encode};

/// Time for which Redis waits for its replicas.
const REPLICATION_TIMEOUT_MS: i64 = 300;
/// Deadline of a write, those before it on the connection included.
const DEADLINE: Duration = Duration::from_secs(1);

/// A connection of its own: Redis executes nothing else on a connection that waits for replicas.
#[derive(Clone)]
pub(super) struct ReplicatedWriter {
    client: Client,
    replicas: usize,
}

impl ReplicatedWriter {
    /// A writer that connects in the background, and waits for this number of replicas.
    ///
    /// # Errors
    /// When the driver cannot use the URL.
    pub(super) fn connect(url: &RedisUrl, replicas: usize) -> anyhow::Result<Self> {
        let client = redis_client::client(url)?;
        let _task = client.connect();
        Ok(Self { client, replicas })
    }

    /// Its client, which has to reconnect when the server is not the master any more.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Creates a record. Where its key exists, the record gets another one, and nothing is written.
    pub(super) async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let written = timeout(DEADLINE, self.write(record)).await;
        let late = || Error::Backend("the session store gave no answer in time".to_owned());
        if !written.map_err(|_elapsed| late())?? {
            record.id = Id::default();
        }
        Ok(())
    }

    /// Both commands are sent together: on another connection the second one would wait for nothing. Returns whether the key was new.
    async fn write(&self, record: &Record) -> session_store::Result<bool> {
        let bytes = encode(record)?;
        let (written, replicas) = self
            .set_and_wait(record, &bytes)
            .await
            .map_err(|error| Error::Backend(error.to_string()))?;
        if usize::try_from(replicas).unwrap_or_default() < self.replicas {
            return Err(Error::Backend(format!(
                "{replicas} replicas have the session, and WEB_SESSION_REPLICAS requires {}",
                self.replicas
            )));
        }
        Ok(written.is_some())
    }

    async fn set_and_wait(
        &self,
        record: &Record,
        bytes: &[u8],
    ) -> Result<(Option<String>, i64), RedisError> {
        let expiration = Expiration::EXAT(record.expiry_date.unix_timestamp());
        let pipeline = self.client.pipeline();
        let (key, if_new) = (record.id.to_string(), Some(SetOptions::NX));
        pipeline
            .set::<(), _, _>(key, bytes, Some(expiration), if_new, false)
            .await?;
        let wait = CustomCommand::new_static("WAIT", None::<u16>, false);
        let replicas = i64::try_from(self.replicas).unwrap_or(i64::MAX);
        pipeline
            .custom::<(), _>(wait, vec![replicas, REPLICATION_TIMEOUT_MS])
            .await?;
        pipeline.all().await
    }
}
