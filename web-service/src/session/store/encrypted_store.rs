//! Session records in any store of the `tower-sessions` family, under a hashed key and sealed.

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
    session_id::SessionId,
    sessions::{RecordsUnavailable, SessionRecords, Successor},
    store::{
        record,
        seal::{self, Kind, RecordKey},
    },
};

static DISCARDED: LogRateLimiter = LogRateLimiter::new();

/// The one entry of a stored record.
const SEALED: &str = "sealed";

/// The clock by which a store removes records.
#[async_trait]
pub trait ExpiryClock: Send + Sync {
    /// How far it is ahead of this service's clock; negative where it is behind.
    async fn ahead(&self) -> session_store::Result<Duration>;
}

/// For a store that goes by the clock of this service.
struct OwnClock;

#[async_trait]
impl ExpiryClock for OwnClock {
    async fn ahead(&self) -> session_store::Result<Duration> {
        Ok(Duration::ZERO)
    }
}

/// Wraps a store so that it sees neither ids nor sessions.
#[derive(Clone)]
pub struct EncryptedRecords {
    store: Arc<dyn SessionStore>,
    expiry_clock: Arc<dyn ExpiryClock>,
    random: Arc<dyn Random>,
}

impl EncryptedRecords {
    /// Takes the store that keeps the sealed records.
    pub fn new(store: Arc<dyn SessionStore>, random: Arc<dyn Random>) -> Self {
        Self {
            store,
            expiry_clock: Arc::new(OwnClock),
            random,
        }
    }

    /// The same for a store that goes by another clock.
    #[must_use]
    pub fn dated_by(self, expiry_clock: Arc<dyn ExpiryClock>) -> Self {
        Self {
            expiry_clock,
            ..self
        }
    }

    /// A time of this service as the store's clock shows it.
    async fn in_store(&self, until: OffsetDateTime) -> Result<OffsetDateTime, RecordsUnavailable> {
        Ok(until + self.expiry_clock.ahead().await?)
    }

    /// Under what key a store keeps the record of this session.
    #[must_use]
    pub fn key(id: &SessionId) -> Id {
        key(Kind::Session, id)
    }

    /// Creates the record unless there is one of this kind already; says whether there was none.
    async fn create_record(&self, mut record: Record) -> Result<bool, RecordsUnavailable> {
        let key = record.id;
        self.store.create(&mut record).await?;
        if record.id == key {
            return Ok(true);
        }
        // The key was taken and the store chose another, under which nothing can ever open this record.
        self.store.delete(&record.id).await?;
        Ok(false)
    }

    /// What is stored under an id. What cannot be read is removed and counts as nothing.
    async fn load_record<T>(
        &self,
        (kind, id): (Kind, &SessionId),
        decode: impl Fn(&[u8]) -> Option<T> + Send,
    ) -> Result<Option<T>, RecordsUnavailable> {
        let key = key(kind, id);
        let found = match self.store.load(&key).await {
            Err(session_store::Error::Decode(_)) => {
                self.discard(&key, "it is no record").await?;
                return Ok(None);
            }
            found => found?,
        };
        let Some(found) = found else { return Ok(None) };
        let opened = open_record((kind, id), &found).and_then(|plain| decode(&plain));
        if opened.is_none() {
            self.discard(&key, "it does not open").await?;
        }
        Ok(opened)
    }

    async fn discard(&self, key: &Id, why: &str) -> Result<(), RecordsUnavailable> {
        DISCARDED.log(|records| {
            tracing::warn!(
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

    async fn leave_successor(
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
        // Replaces a record that is not there, which writes nothing: a store that is full or read-only refuses it nevertheless.
        let nobodys = Record {
            id: Id(0),
            data: HashMap::new(),
            expiry_date: OffsetDateTime::UNIX_EPOCH + Duration::DAY,
        };
        Ok(self.store.save(&nobodys).await?)
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
    // Stores keep whole seconds: a record may outlive its session, whose own times decide, but never the reverse.
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
    // Nothing of it may have changed, not even what says nothing of the session.
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
