//! Sealed session records in a store of `tower-sessions`, under hashed keys.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use holdfast_core::{random::Random, rate_limited_log::LogRateLimiter};
use time::{Duration, OffsetDateTime};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};
use zeroize::Zeroizing;

use crate::session::{
    browser_session::Session,
    records::{SessionRecords, Successor},
    session_id::SessionId,
    store::{
        record,
        seal::{self, Kind, RecordKey},
    },
    unavailable::RecordsUnavailable,
};

static DISCARDED: LogRateLimiter = LogRateLimiter::new("session_record.discarded");

/// The only entry of a stored record.
const SEALED: &str = "sealed";

/// The clock by which a store removes records.
#[async_trait]
pub trait ExpiryClock: Send + Sync {
    /// Its difference from the clock of this instance; negative where it is behind.
    async fn ahead(&self) -> session_store::Result<Duration>;
}

/// The clock of this instance.
struct OwnClock;

#[async_trait]
impl ExpiryClock for OwnClock {
    async fn ahead(&self) -> session_store::Result<Duration> {
        Ok(Duration::ZERO)
    }
}

/// Records of which the store contains neither session ids nor content.
#[derive(Clone)]
pub struct EncryptedRecords {
    store: Arc<dyn SessionStore>,
    expiry_clock: Arc<dyn ExpiryClock>,
    random: Arc<dyn Random>,
}

impl EncryptedRecords {
    /// Records in `store`, which removes them by the clock of this instance.
    pub fn new(store: Arc<dyn SessionStore>, random: Arc<dyn Random>) -> Self {
        Self {
            store,
            expiry_clock: Arc::new(OwnClock),
            random,
        }
    }

    /// The same records, which the store removes by `expiry_clock`.
    #[must_use]
    pub fn dated_by(self, expiry_clock: Arc<dyn ExpiryClock>) -> Self {
        Self {
            expiry_clock,
            ..self
        }
    }

    /// A time of this instance's clock, converted to that of the store.
    async fn in_store(&self, until: OffsetDateTime) -> Result<OffsetDateTime, RecordsUnavailable> {
        Ok(until + self.expiry_clock.ahead().await?)
    }

    /// The key of this session in the store.
    #[must_use]
    pub fn key(id: &SessionId) -> Id {
        key(Kind::Session, id)
    }

    /// Creates a record unless its key exists; returns whether it did not.
    async fn create_record(&self, mut record: Record) -> Result<bool, RecordsUnavailable> {
        let key = record.id;
        self.store.create(&mut record).await?;
        if record.id == key {
            return Ok(true);
        }
        // The key exists, and the store chose another one, under which the record can never be opened.
        self.store.delete(&record.id).await?;
        Ok(false)
    }

    /// Loads and opens a record. One that cannot be opened is removed and counts as missing.
    async fn load_record<T>(
        &self,
        (kind, id): (Kind, &SessionId),
        decode: impl Fn(&[u8]) -> Option<T> + Send,
    ) -> Result<Option<T>, RecordsUnavailable> {
        let key = key(kind, id);
        let found = match self.store.load(&key).await {
            Err(session_store::Error::Decode(_)) => {
                self.discard(&key, "its encoding is invalid").await?;
                return Ok(None);
            }
            found => found?,
        };
        let Some(found) = found else { return Ok(None) };
        let Some(plain) = open_record((kind, id), &found) else {
            self.discard(&key, "its seal is invalid").await?;
            return Ok(None);
        };
        let decoded = decode(&plain);
        if decoded.is_none() {
            self.discard(&key, "its content is invalid").await?;
        }
        Ok(decoded)
    }

    async fn discard(&self, key: &Id, why: &str) -> Result<(), RecordsUnavailable> {
        DISCARDED.log(|records| {
            tracing::warn!(
                event = "session_record.discarded",
                why,
                records,
                "a session record cannot be read; it was removed"
            );
        });
        Ok(self.store.delete(key).await?)
    }
}

#[async_trait]
impl SessionRecords for EncryptedRecords {
    async fn create(
        &self,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<SessionId, RecordsUnavailable> {
        loop {
            let id = SessionId::random(&*self.random);
            let record = session_record(&id, session, self.in_store(until).await?)?;
            if self.create_record(record).await? {
                return Ok(id);
            }
        }
    }

    async fn load(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        let session = self
            .load_record((Kind::Session, id), record::decode)
            .await?;
        Ok(session.map(Arc::new))
    }

    async fn update(
        &self,
        id: &SessionId,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<(), RecordsUnavailable> {
        let record = session_record(id, session, self.in_store(until).await?)?;
        Ok(self.store.save(&record).await?)
    }

    async fn remove(&self, id: &SessionId) -> Result<(), RecordsUnavailable> {
        Ok(self.store.delete(&Self::key(id)).await?)
    }

    async fn insert_successor(
        &self,
        old: &SessionId,
        successor: &Successor,
        until: OffsetDateTime,
    ) -> Result<bool, RecordsUnavailable> {
        let plain = record::encode_successor(successor);
        let until = self.in_store(until).await?;
        let record = sealed_record((Kind::Successor, old), plain, until)?;
        self.create_record(record).await
    }

    async fn successor(&self, old: &SessionId) -> Result<Option<Successor>, RecordsUnavailable> {
        let place = (Kind::Successor, old);
        self.load_record(place, record::decode_successor).await
    }

    async fn ping(&self) -> Result<(), RecordsUnavailable> {
        // Replacing a record that does not exist writes nothing, but fails where the store is full or read-only.
        let missing = Record {
            id: Id(0),
            data: HashMap::new(),
            expiry_date: OffsetDateTime::UNIX_EPOCH + Duration::DAY,
        };
        Ok(self.store.save(&missing).await?)
    }
}

fn key(kind: Kind, id: &SessionId) -> Id {
    Id(i128::from_le_bytes(*RecordKey::of(kind, id).as_bytes()))
}

fn session_record(
    id: &SessionId,
    session: &Session,
    until: OffsetDateTime,
) -> Result<Record, RecordsUnavailable> {
    sealed_record((Kind::Session, id), record::encode(session), until)
}

fn sealed_record(
    (kind, id): (Kind, &SessionId),
    plain: Result<Vec<u8>, serde_json::Error>,
    until: OffsetDateTime,
) -> Result<Record, RecordsUnavailable> {
    let plain = plain.map_err(|why| RecordsUnavailable(why.to_string()))?;
    // Stores have a resolution of one second. A record may outlive its session, whose own times decide, but never the reverse.
    let expiry_date = until.truncate_to_second() + Duration::SECOND;
    let sealed = seal::seal((kind, id), expiry_date.unix_timestamp(), &plain);
    let sealed = sealed.map_err(|why| RecordsUnavailable(why.to_string()))?;
    Ok(Record {
        id: key(kind, id),
        data: HashMap::from([(SEALED.to_owned(), STANDARD_NO_PAD.encode(sealed).into())]),
        expiry_date,
    })
}

fn open_record((kind, id): (Kind, &SessionId), record: &Record) -> Option<Zeroizing<Vec<u8>>> {
    // Any change makes a record invalid, also one outside of the sealed value.
    if record.id != key(kind, id) || record.data.len() != 1 || record.expiry_date.nanosecond() != 0
    {
        return None;
    }
    let sealed = record.data.get(SEALED)?.as_str()?;
    let sealed = STANDARD_NO_PAD.decode(sealed).ok()?;
    let expiry = record.expiry_date.unix_timestamp();
    seal::open((kind, id), expiry, &sealed).ok()
}

impl From<session_store::Error> for RecordsUnavailable {
    fn from(error: session_store::Error) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests;
