//! Session records in any store of the `tower-sessions` family, under a hashed key and sealed.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use service_kit::system::Random;
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

use super::{
    record,
    seal::{self, RecordKey},
};
use crate::domain::{
    session::Session,
    session_id::SessionId,
    sessions::{RecordsUnavailable, SessionRecords},
};

/// The one entry of a stored record.
const SEALED: &str = "sealed";

/// Wraps a store so that it sees neither ids nor sessions.
#[derive(Clone)]
pub struct SealedRecords {
    store: Arc<dyn SessionStore>,
    random: Arc<dyn Random>,
}

impl SealedRecords {
    /// Takes the store that keeps the sealed records.
    pub fn new(store: Arc<dyn SessionStore>, random: Arc<dyn Random>) -> Self {
        Self { store, random }
    }

    /// Under what key a store keeps the record of this session.
    #[must_use]
    pub fn key(id: &SessionId) -> Id {
        Id(i128::from_le_bytes(*RecordKey::of(id).as_bytes()))
    }

    async fn discard(&self, id: &SessionId, why: &str) -> Result<(), RecordsUnavailable> {
        tracing::warn!(why, "a session record cannot be read; it was removed");
        self.remove(id).await
    }
}

#[async_trait]
impl SessionRecords for SealedRecords {
    async fn create(
        &self,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<SessionId, RecordsUnavailable> {
        loop {
            let id = SessionId::random(&*self.random);
            let mut record = sealed_record(&id, session, until)?;
            self.store.create(&mut record).await?;
            if record.id == Self::key(&id) {
                return Ok(id);
            }
            // The key was taken and the store chose another, under which nothing can ever open this record.
            self.store.delete(&record.id).await?;
        }
    }

    async fn load(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        let found = match self.store.load(&Self::key(id)).await {
            Err(session_store::Error::Decode(_)) => {
                self.discard(id, "it is no record").await?;
                return Ok(None);
            }
            found => found?,
        };
        let Some(found) = found else { return Ok(None) };
        let session = open_record(id, &found);
        if session.is_none() {
            self.discard(id, "it does not open").await?;
        }
        Ok(session.map(Arc::new))
    }

    async fn update(
        &self,
        id: &SessionId,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<(), RecordsUnavailable> {
        let record = sealed_record(id, session, until)?;
        Ok(self.store.save(&record).await?)
    }

    async fn remove(&self, id: &SessionId) -> Result<(), RecordsUnavailable> {
        Ok(self.store.delete(&Self::key(id)).await?)
    }

    async fn ping(&self) -> Result<(), RecordsUnavailable> {
        let nobody = Id(0);
        self.store.load(&nobody).await?;
        Ok(())
    }
}

fn sealed_record(
    id: &SessionId,
    session: &Session,
    until: OffsetDateTime,
) -> Result<Record, RecordsUnavailable> {
    let plain = record::encode(session).map_err(|why| RecordsUnavailable(why.to_string()))?;
    // Stores keep whole seconds: a record may outlive its session, whose own times decide, but never the reverse.
    let expiry_date = until.truncate_to_second() + time::Duration::SECOND;
    let sealed = seal::seal(id, expiry_date.unix_timestamp(), &plain);
    let sealed = sealed.map_err(|why| RecordsUnavailable(why.to_string()))?;
    Ok(Record {
        id: SealedRecords::key(id),
        data: HashMap::from([(SEALED.to_owned(), STANDARD_NO_PAD.encode(sealed).into())]),
        expiry_date,
    })
}

fn open_record(id: &SessionId, record: &Record) -> Option<Session> {
    // Nothing of it may have changed, not even what says nothing of the session.
    if record.id != SealedRecords::key(id)
        || record.data.len() != 1
        || record.expiry_date.nanosecond() != 0
    {
        return None;
    }
    let sealed = record.data.get(SEALED)?.as_str()?;
    let sealed = STANDARD_NO_PAD.decode(sealed).ok()?;
    let expiry = record.expiry_date.unix_timestamp();
    record::decode(&seal::open(id, expiry, &sealed).ok()?)
}

impl From<session_store::Error> for RecordsUnavailable {
    fn from(error: session_store::Error) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
