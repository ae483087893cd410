//! [`SignalStore`](holdfast_identity::store::SignalStore).

use std::time::Duration;

use holdfast_identity::{
    account::PasswordHash,
    audit::{AuditEvent, AuditKind},
    id::{Sid, StreamId, UserId},
    login::EndReason,
    signals::{
        ChangeType, CredentialChange, CredentialType, Initiator, Signal, SignalContent, SignalKind,
        SignalStream, StreamStatus,
    },
};

use crate::fixture::{Fixture, LOGIN_TTL, NOW, TestRandom, event, oauth_client};

const SECOND: Duration = Duration::from_secs(1);

impl Fixture {
    /// The stream of a new OAuth client, which has requested these events.
    async fn stream(&self, client: &str, requested: Option<&str>) -> SignalStream {
        let client = oauth_client(client);
        assert!(self.store.insert_client(&client, &[]).await.unwrap());
        let stream = SignalStream {
            id: StreamId::random(&TestRandom),
            client: client.id,
            status: StreamStatus::Enabled,
            reason: None,
            requested: requested.map(|uris| uris.parse().unwrap()),
            description: None,
            created_at: NOW,
        };
        assert!(self.store.insert_stream(&stream).await.unwrap());
        stream
    }

    async fn contents(&self, stream: &SignalStream) -> Vec<SignalContent> {
        let signals = self.store.signals(stream.id, 1000).await.unwrap();
        assert!(signals.iter().all(|signal| signal.at == NOW));
        signals.into_iter().map(|signal| signal.content).collect()
    }

    async fn change_credential(&self, user: UserId, kind: AuditKind) {
        let event = AuditEvent {
            user: Some(user),
            ..event(kind)
        };
        self.store.append_events(&[event]).await.unwrap();
    }
}

const fn revoked(user: UserId, sid: Sid, initiator: Initiator) -> SignalContent {
    SignalContent::SessionRevoked {
        user,
        sid,
        initiator,
    }
}

pub(super) async fn stream_is_created_once_changed_and_deleted(fixture: Fixture) {
    let store = &fixture.store;
    let mut stream = fixture.stream("desk", Some("urn:a urn:b")).await;
    let other = fixture.stream("shop", None).await;
    let second = SignalStream {
        id: StreamId::random(&TestRandom),
        ..stream.clone()
    };
    assert!(!store.insert_stream(&second).await.unwrap());
    assert!(!store.update_stream(&second).await.unwrap());
    let found = store.stream(&stream.client).await.unwrap();
    assert_eq!(found.as_ref(), Some(&stream));

    stream.status = StreamStatus::Paused;
    stream.reason = "maintenance".parse().ok();
    stream.description = "Order desk".parse().ok();
    stream.requested = None;
    assert!(store.update_stream(&stream).await.unwrap());
    let found = store.stream(&stream.client).await.unwrap();
    assert_eq!(found.as_ref(), Some(&stream));

    let (client, id) = (&stream.client, stream.id);
    assert!(!store.delete_stream(client, other.id).await.unwrap());
    assert!(store.delete_stream(client, id).await.unwrap());
    assert!(!store.delete_stream(client, id).await.unwrap());
    assert!(!store.update_stream(&stream).await.unwrap());
    assert_eq!(store.stream(client).await.unwrap(), None);
    assert!(store.stream(&other.client).await.unwrap().is_some());
}

pub(super) async fn every_way_to_end_logins_is_an_event_of_each_stream(fixture: Fixture) {
    let store = &fixture.store;
    let streams = [
        fixture.stream("desk", None).await,
        fixture.stream("shop", None).await,
    ];
    let mut expected = Vec::new();
    for way in 0..6 {
        let account = fixture.account(&format!("user{way}")).await;
        let user = account.user.id;
        let sid = fixture.login(&account).await;
        let initiator = match way {
            0 => {
                store.disable_user(user, NOW, &[]).await.unwrap();
                Initiator::Admin
            }
            1 => {
                assert!(store.delete_user(user, NOW, &[]).await.unwrap());
                Initiator::Admin
            }
            2 => {
                let hash = PasswordHash::from_phc("second".to_owned());
                let version = account.authentication_version;
                let replaced = store.replace_password(user, version, &hash, None, NOW, &[]);
                assert!(replaced.await.unwrap().is_some());
                Initiator::User
            }
            3 => {
                let reason = EndReason::Administrator;
                let ended = store.end_logins_of(user, None, reason, NOW, &[]).await;
                assert_eq!(ended.unwrap(), 1);
                Initiator::Admin
            }
            4 => {
                let reason = EndReason::EndedElsewhere;
                let ended = store.end_login_of(user, sid, reason, NOW, &[]).await;
                assert!(ended.unwrap());
                Initiator::User
            }
            _ => {
                let ended = store.end_every_login(EndReason::Restored, NOW, &[]).await;
                assert_eq!(ended.unwrap(), 1);
                Initiator::System
            }
        };
        expected.push(revoked(user, sid, initiator));
        for stream in &streams {
            assert_eq!(fixture.contents(stream).await, expected, "{way}");
        }
    }
    fixture.store.purge(NOW + LOGIN_TTL * 100).await.unwrap();
    assert_eq!(fixture.contents(&streams[0]).await, expected);
}

pub(super) async fn end_that_is_refused_or_of_no_tokens_is_no_event(fixture: Fixture) {
    let stream = fixture.stream("desk", None).await;
    let account = fixture.account("ada").await;
    let unused = fixture.ticket(&account).await;
    assert!(fixture.end(unused).await);
    assert_eq!(fixture.contents(&stream).await, []);

    let sid = fixture.login(&account).await;
    assert!(fixture.end(sid).await);
    assert!(!fixture.end(sid).await);
    assert_eq!(fixture.contents(&stream).await.len(), 1);
}

pub(super) async fn change_of_a_credential_is_an_event(fixture: Fixture) {
    let stream = fixture.stream("desk", None).await;
    let user = fixture.account("ada").await.user.id;
    for kind in [
        AuditKind::PasswordChanged,
        AuditKind::SignedIn,
        AuditKind::FactorsReset,
    ] {
        fixture.change_credential(user, kind).await;
    }
    fixture
        .store
        .append_events(&[event(AuditKind::PasswordSet)])
        .await
        .unwrap();
    let change = |credential, change, initiator| SignalContent::CredentialChange {
        user,
        change: CredentialChange {
            credential,
            change,
            initiator,
        },
    };
    let (user, admin) = (Initiator::User, Initiator::Admin);
    assert_eq!(
        fixture.contents(&stream).await,
        [
            change(CredentialType::Password, ChangeType::Update, user),
            change(CredentialType::App, ChangeType::Revoke, admin),
            change(CredentialType::Passkey, ChangeType::Revoke, admin),
        ]
    );
}

pub(super) async fn event_is_stored_where_it_is_requested_and_not_disabled(fixture: Fixture) {
    let session = SignalKind::SessionRevoked.as_str();
    let credential = SignalKind::CredentialChange.as_str();
    let sessions = fixture.stream("sessions", Some(session)).await;
    let credentials = fixture.stream("credentials", Some(credential)).await;
    let longer = format!("{session}d urn:{session}");
    let nothing = fixture.stream("nothing", Some(&longer)).await;
    let mut paused = fixture.stream("paused", None).await;
    paused.status = StreamStatus::Paused;
    let mut disabled = fixture.stream("disabled", None).await;
    let cause = async || {
        let account = fixture
            .account(&Sid::random(&TestRandom).to_string()[..8])
            .await;
        let sid = fixture.login(&account).await;
        assert!(fixture.end(sid).await);
        fixture
            .change_credential(account.user.id, AuditKind::TotpAdded)
            .await;
    };
    cause().await;
    assert_eq!(fixture.contents(&disabled).await.len(), 2);
    disabled.status = StreamStatus::Disabled;
    for stream in [&paused, &disabled] {
        assert!(fixture.store.update_stream(stream).await.unwrap());
    }
    cause().await;

    for (stream, number) in [
        (&sessions, 2),
        (&credentials, 2),
        (&nothing, 0),
        (&paused, 4),
        (&disabled, 0),
    ] {
        let found = fixture.contents(stream).await;
        assert_eq!(found.len(), number, "{stream:?}: {found:?}");
    }
    let of = &fixture.contents(&sessions).await[0];
    assert!(matches!(of, SignalContent::SessionRevoked { .. }));
}

pub(super) async fn events_are_removed_by_number_stream_or_age(fixture: Fixture) {
    let store = &fixture.store;
    let stream = fixture.stream("desk", None).await;
    let other = fixture.stream("shop", None).await;
    let user = fixture.account("ada").await.user.id;
    for _ in 0..3 {
        fixture
            .change_credential(user, AuditKind::PasskeyAdded)
            .await;
    }
    let numbers = async |stream: &SignalStream, limit| {
        let signals = store.signals(stream.id, limit).await.unwrap();
        let numbers = signals.iter().map(|signal: &Signal| signal.number);
        numbers.collect::<Vec<_>>()
    };
    let all = numbers(&stream, 1000).await;
    assert!(all.len() == 3 && all.is_sorted());
    assert_eq!(numbers(&stream, 2).await, all[..2]);
    let of_other = numbers(&other, 1000).await;

    let removed = [all[0], all[2], of_other[0]];
    store.remove_signals(stream.id, &removed).await.unwrap();
    assert_eq!(numbers(&stream, 1000).await, [all[1]]);
    assert_eq!(numbers(&other, 1000).await, of_other);

    for state in [None, Some("one"), Some("two")] {
        let replaced = store.replace_verification(stream.id, state, NOW);
        replaced.await.unwrap();
    }
    let state = Some("two".to_owned());
    let last = fixture.contents(&stream).await.pop();
    assert_eq!(last, Some(SignalContent::Verification { state }));
    assert_eq!(numbers(&stream, 1000).await.len(), 2);

    store.purge_signals(NOW).await.unwrap();
    assert_eq!(numbers(&stream, 1000).await.len(), 2);
    let deleted = store.delete_stream(&other.client, other.id).await;
    assert!(deleted.unwrap());
    assert_eq!(numbers(&other, 1000).await, []);
    store.purge_signals(NOW + SECOND).await.unwrap();
    assert_eq!(numbers(&stream, 1000).await, []);
}
