//! A session record that another program wrote into the store: it is rejected and removed.
#![no_main]

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use holdfast_core::clock::{Clock as _, ManualClock};
use holdfast_crypto::random::SystemRandom;
use libfuzzer_sys::fuzz_target;
use time::Duration;
use tokio::runtime::{Builder, Runtime};
use tower_sessions::{SessionStore as _, session::Record};
use web_service::session::{
    browser_session::{Session, level},
    records::SessionRecords as _,
    store::{encrypted_store::EncryptedRecords, memory::MemoryStore},
};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().unwrap());

fn session() -> Session {
    let now = ManualClock::default().now();
    Session {
        user_id: "u".into(),
        username: "ada".into(),
        sid: "s".into(),
        epoch: "e".into(),
        refresh_token: "r".to_owned().into(),
        authenticated_at: now,
        amr: vec!["pwd".into()],
        acr: level(None),
        login_expires_at: now + Duration::HOUR,
        created_at: now,
        last_seen_at: now,
        device: None,
    }
}

fuzz_target!(|data: &[u8]| {
    RUNTIME.block_on(async {
        let clock = ManualClock::default();
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let records = EncryptedRecords::new(store.clone(), Arc::new(SystemRandom));
        let until = clock.now() + Duration::HOUR;
        let id = records.create(&session(), until).await.unwrap();
        let key = EncryptedRecords::key(&id);
        let kept: Record = store.load(&key).await.unwrap().unwrap();
        let text = match data.split_first() {
            // The input as the record, or as bytes after a record, or as changes to a record.
            Some((0, rest)) => String::from_utf8_lossy(rest).into_owned(),
            Some((1, rest)) => {
                let mut sealed = STANDARD_NO_PAD
                    .decode(kept.data["sealed"].as_str().unwrap())
                    .unwrap();
                let is_same = rest.iter().all(|byte| *byte == 0);
                for (to, from) in sealed.iter_mut().zip(rest) {
                    *to ^= *from;
                }
                if is_same {
                    return;
                }
                STANDARD_NO_PAD.encode(sealed)
            }
            _ => STANDARD_NO_PAD.encode(data),
        };
        let changed = Record {
            data: HashMap::from([("sealed".to_owned(), text.into())]),
            ..kept
        };
        store.save(&changed).await.unwrap();
        assert!(records.load(&id).await.unwrap().is_none());
        assert!(store.load(&key).await.unwrap().is_none());
    });
});
