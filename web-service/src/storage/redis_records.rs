//! Records in Redis, in the format of `tower-sessions-redis-store` but with expiry times that do not depend on anybody's clock, and
//! read strictly.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use fred::{
    clients::Client,
    error::Error as RedisError,
    interfaces::KeysInterface as _,
    types::{Expiration, SetOptions},
};
use service_kit::system::Clock;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{self, Error},
};

/// The records of one Redis.
#[derive(Clone)]
pub(super) struct RedisRecords {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl RedisRecords {
    /// `clock` is what the expiry dates of records are by.
    pub(super) fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }

    /// Whether it was written. Redis is told how long the record is good, and not until when: its clock may be another.
    async fn set(&self, record: &Record, condition: SetOptions) -> session_store::Result<bool> {
        let value = encode(record)?;
        let left = (record.expiry_date - self.clock.now()).whole_milliseconds();
        let left = i64::try_from(left.max(1)).unwrap_or(i64::MAX);
        let (left, condition) = (Some(Expiration::PX(left)), Some(condition));
        let key = record.id.to_string();
        let set = self
            .client
            .set(key, value.as_slice(), left, condition, false);
        // Nothing, where the condition did not hold.
        let set: Option<String> = set.await.map_err(|error| backend(&error))?;
        Ok(set.is_some())
    }
}

impl fmt::Debug for RedisRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRecords").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for RedisRecords {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        while !self.set(record, SetOptions::NX).await? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.set(record, SetOptions::XX).await.map(drop)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found: Result<Option<Vec<u8>>, _> = self.client.get(id.to_string()).await;
        match found {
            Ok(found) => found.as_deref().map(decode).transpose(),
            Err(error) if is_no_record(&error) => Err(Error::Decode(error.to_string())),
            Err(error) => Err(backend(&error)),
        }
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.client
            .del(id.to_string())
            .await
            .map_err(|error| backend(&error))
    }
}

fn encode(record: &Record) -> session_store::Result<Vec<u8>> {
    rmp_serde::to_vec(record).map_err(|why| Error::Encode(why.to_string()))
}

/// Reads what [`encode`] wrote, and nothing else: not a byte may be added, nor anything written in another way.
fn decode(bytes: &[u8]) -> session_store::Result<Record> {
    let record: Record =
        rmp_serde::from_slice(bytes).map_err(|why| Error::Decode(why.to_string()))?;
    if encode(&record)? == bytes {
        Ok(record)
    } else {
        Err(Error::Decode("it has more in it than a record".to_owned()))
    }
}

/// Whether there is something else under the key than a string (`WRONGTYPE`).
fn is_no_record(error: &RedisError) -> bool {
    error.details().starts_with("WRONGTYPE")
}

fn backend(error: &RedisError) -> Error {
    Error::Backend(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_in_no_other_way() {
        let record = Record {
            id: Id(7),
            data: HashMap::from([("sealed".to_owned(), "AAAA".into())]),
            expiry_date: OffsetDateTime::UNIX_EPOCH,
        };
        let bytes = encode(&record).unwrap();
        assert_eq!(decode(&bytes).unwrap(), record);
        for added in 0..=u8::MAX {
            assert!(decode(&[bytes.as_slice(), &[added]].concat()).is_err());
        }
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length}");
        }
    }
}
