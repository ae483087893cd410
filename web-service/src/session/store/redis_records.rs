//! Records in Redis by `tower-sessions-redis-store`, with strict decoding.

use async_trait::async_trait;
use fred::{
    clients::Client,
    error::Error as RedisError,
    interfaces::{ClientLike as _, KeysInterface as _},
    types::CustomCommand,
};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{self, Error},
};
use tower_sessions_redis_store::RedisStore;

/// The session records of a Redis.
#[derive(Clone, Debug)]
pub(super) struct RedisRecords {
    store: RedisStore<Client>,
    client: Client,
}

impl RedisRecords {
    pub(super) fn new(client: Client) -> Self {
        Self {
            store: RedisStore::new(client.clone()),
            client,
        }
    }

    /// The time of Redis (`TIME`), by which it removes records; `None` where its user lacks the permission.
    pub(super) async fn time(&self) -> session_store::Result<Option<OffsetDateTime>> {
        let command = CustomCommand::new_static("TIME", None::<u16>, false);
        let answer: Result<(i64, i64), _> = self.client.custom(command, Vec::<String>::new()).await;
        match answer {
            Ok((seconds, _)) => {
                let time = OffsetDateTime::from_unix_timestamp(seconds);
                time.map(Some)
                    .map_err(|why| Error::Backend(why.to_string()))
            }
            Err(error) if error.details().starts_with("NOPERM") => Ok(None),
            Err(error) => Err(backend(&error)),
        }
    }
}

#[async_trait]
impl SessionStore for RedisRecords {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.store.create(record).await
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.store.save(record).await
    }

    /// Not by the library, which accepts additional bytes after a record.
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found: Result<Option<Vec<u8>>, _> = self.client.get(id.to_string()).await;
        match found {
            Ok(found) => found.as_deref().map(decode).transpose(),
            Err(error) if is_wrong_type(&error) => Err(Error::Decode(error.to_string())),
            Err(error) => Err(backend(&error)),
        }
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.store.delete(id).await
    }
}

pub(super) fn encode(record: &Record) -> session_store::Result<Vec<u8>> {
    rmp_serde::to_vec(record).map_err(|why| Error::Encode(why.to_string()))
}

/// Decodes a record whose encoding is exactly that of the library.
fn decode(bytes: &[u8]) -> session_store::Result<Record> {
    let record: Record =
        rmp_serde::from_slice(bytes).map_err(|why| Error::Decode(why.to_string()))?;
    if encode(&record)? == bytes {
        Ok(record)
    } else {
        Err(Error::Decode(
            "it is not the encoding of a record".to_owned(),
        ))
    }
}

/// Whether the key has a value of another type than string (`WRONGTYPE`).
fn is_wrong_type(error: &RedisError) -> bool {
    error.details().starts_with("WRONGTYPE")
}

fn backend(error: &RedisError) -> Error {
    Error::Backend(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn record_decodes_from_its_exact_encoding_only() {
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
