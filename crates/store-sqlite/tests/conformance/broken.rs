//! A driver that breaks one promise.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::steady_clock::Checkpoint;
use holdfast_identity::{
    account::{
        Account, AuthenticationVersion, CredentialChange, CredentialRecord, PasswordHash, User,
        Username,
    },
    audit::{AuditEvent, AuditQuery, AuditRecord},
    authentication::{
        KeyedHash, KnownLocations, LocationTrust, NewTrustedBrowser, Passkey, TrustedBrowser,
        VerifiedPasskey,
    },
    id::{CredentialId, GrantId, Jti, Sid, StreamId, TrustedBrowserId, UserId},
    key::StoredSigningKey,
    login::{
        AuthenticationUpdate, EndReason, Generation, Grant, Login, LoginRecord, NewGrant, NewLogin,
        Rotation,
    },
    oauth::{ClientId, Consent, KeyThumbprint, LogoutDelivery, LogoutReceiver, OauthClient},
    revocation::{Epoch, Revocation, Revoked},
    signals::{Signal, SignalStream},
    store::{
        AccountStore, AuditLog, Change, ClientStore, ClockStore, ConsentStore, CredentialStore,
        GrantStore, KeyStore, LeaseStore, LoginStore, LogoutDeliveryStore, Maintenance,
        PasskeyStore, RevocationLog, RevocationPage, SignalStore, Store, StoreError, StoredTotp,
        TrustedBrowserStore,
    },
};
use time::OffsetDateTime;

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Of two insertions with one identifier both succeed.
    CheckWithoutLock,
    /// A compare-and-set does not compare.
    LostUpdate,
    /// The events of a change are stored after it, whether it was made or not.
    AuditOutside,
    /// A sequence number is taken before the commit, so that a smaller one becomes visible later.
    NumbersInOrderOfInsertion,
    /// The end of a login is not appended to the revocation log.
    EndWithoutEntry,
    /// The code of a time step is accepted again.
    CodeTwice,
}

/// A store with a mutation.
pub(crate) struct BrokenStore {
    inner: Arc<dyn Store>,
    mutation: Option<Mutation>,
    ended: Mutex<Vec<Sid>>,
    seen: Mutex<Vec<i64>>,
}

impl BrokenStore {
    pub(crate) fn new(inner: Arc<dyn Store>, mutation: Option<Mutation>) -> Self {
        Self {
            inner,
            mutation,
            ended: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}

/// Implements a port: by the inner store, except for the methods in the second block.
macro_rules! delegate {
    ($port:ident {
        $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*
    } $({ $($broken:item)* })?) => {
        #[async_trait]
        impl $port for BrokenStore {
            $(async fn $name(&self, $($argument: $type),*) -> $result {
                self.inner.$name($($argument),*).await
            })*
            $($($broken)*)?
        }
    };
}

type Stored<T> = Result<T, StoreError>;

delegate! {
    AccountStore {
        insert_user(account: &Account, events: &[AuditEvent]) -> Stored<bool>;
        account(id: UserId) -> Stored<Option<Account>>;
        account_by_name(username: &Username) -> Stored<Option<Account>>;
        users_after(after: Option<&Username>, limit: u32) -> Stored<Vec<User>>;
        disable_user(id: UserId, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<Change>;
        enable_user(id: UserId, events: &[AuditEvent]) -> Stored<Change>;
        delete_user(id: UserId, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
        replace_password(id: UserId, from: AuthenticationVersion, to: &PasswordHash, by: Option<Sid>, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<Option<AuthenticationVersion>>;
        replace_password_hash(id: UserId, version: AuthenticationVersion, hash: &PasswordHash) -> Stored<()>;
    }
}

delegate! {
    AuditLog {
        append_events(events: &[AuditEvent]) -> Stored<()>;
        events(query: &AuditQuery) -> Stored<Vec<AuditRecord>>;
        security_events(user: UserId, since: OffsetDateTime, per_kind: u32) -> Stored<Vec<AuditRecord>>;
        purge_events(before: OffsetDateTime) -> Stored<()>;
    }
}

delegate! {
    ClientStore {
        insert_client(client: &OauthClient, events: &[AuditEvent]) -> Stored<bool>;
        replace_client(client: &OauthClient) -> Stored<()>;
        client(id: &ClientId) -> Stored<Option<OauthClient>>;
        clients() -> Stored<Vec<OauthClient>>;
        disable_client(id: &ClientId, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<Change>;
        set_client_secret(id: &ClientId, hash: &[u8; 32], events: &[AuditEvent]) -> Stored<bool>;
    }
}

delegate! {
    ClockStore {
        checkpoint() -> Stored<Option<Checkpoint>>;
        keep_checkpoint(checkpoint: Checkpoint) -> Stored<OffsetDateTime>;
    }
}

delegate! {
    ConsentStore {
        consent(user: UserId, client: &ClientId) -> Stored<Option<Consent>>;
        consents_of(user: UserId) -> Stored<Vec<Consent>>;
        end_consent(user: UserId, client: &ClientId, reason: EndReason, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
    }
}

delegate! {
    CredentialStore {
        credentials(user: UserId) -> Stored<Vec<CredentialRecord>>;
        change_credentials(change: &CredentialChange<'_>, events: &[AuditEvent]) -> Stored<Option<AuthenticationVersion>>;
        totp(user: UserId) -> Stored<Option<StoredTotp>>;
        use_recovery_code(user: UserId, hash: KeyedHash, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<Change>;
        set_second_factor_required(user: UserId, required: bool, ends: Option<EndReason>, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<Change>;
    } {
        async fn use_totp_step(&self, id: CredentialId, step: i64, now: OffsetDateTime) -> Stored<bool> {
            let is_first = self.inner.use_totp_step(id, step, now).await?;
            Ok(is_first || self.is(Mutation::CodeTwice))
        }
    }
}

delegate! {
    KeyStore {
        signing_keys() -> Stored<Vec<StoredSigningKey>>;
        insert_signing_key(key: &StoredSigningKey, latest: Option<OffsetDateTime>, events: &[AuditEvent]) -> Stored<bool>;
        revoke_signing_key(kid: &str, now: OffsetDateTime, tokens_expire_at: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
        remove_signing_key(kid: &str) -> Stored<()>;
        any_secret_key() -> Stored<Option<(String, Vec<u8>)>>;
        secret_key_or(name: &str, sealed: &[u8], now: OffsetDateTime) -> Stored<Vec<u8>>;
    }
}

delegate! {
    GrantStore {
        grant(id: GrantId) -> Stored<Option<(Grant, Login, User)>>;
        grants_of_client(sid: Sid, client: &ClientId) -> Stored<Vec<GrantId>>;
        end_grant(id: GrantId, reason: EndReason, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
    } {
        async fn insert_grant(&self, grant: &NewGrant) -> Stored<bool> {
            let is_inserted = self.inner.insert_grant(grant).await?;
            let is_there = self.inner.grant(grant.id).await?.is_some();
            Ok(is_inserted || (self.is(Mutation::CheckWithoutLock) && is_there))
        }

        async fn advance(
            &self,
            (id, presented): (GrantId, Generation),
            rotation: &Rotation<'_>,
            now: OffsetDateTime,
            events: &[AuditEvent],
        ) -> Stored<bool> {
            let from = match self.inner.grant(id).await? {
                Some((grant, ..)) if self.is(Mutation::LostUpdate) => grant.generation,
                _ => presented,
            };
            self.inner.advance((id, from), rotation, now, events).await
        }
    }
}

delegate! {
    LeaseStore {
        acquire_lease(name: &str, holder: &str, duration: Duration) -> Stored<bool>;
        release_leases(holder: &str) -> Stored<()>;
    }
}

delegate! {
    LoginStore {
        insert_login(login: &NewLogin) -> Stored<Option<Vec<Sid>>>;
        location_trust(user: UserId, locations: KnownLocations, since: OffsetDateTime) -> Stored<LocationTrust>;
        login(sid: Sid) -> Stored<Option<(Login, User)>>;
        logins_of(user: UserId, now: OffsetDateTime) -> Stored<Vec<LoginRecord>>;
        update_last_seen(sid: Sid, now: OffsetDateTime) -> Stored<()>;
        set_bound_at(sid: Sid, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
        update_authenticated_at(sid: Sid, update: &AuthenticationUpdate, events: &[AuditEvent]) -> Stored<bool>;
        end_login_of(user: UserId, sid: Sid, reason: EndReason, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
        end_logins_of(user: UserId, except: Option<Sid>, reason: EndReason, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<u64>;
        end_every_login(reason: EndReason, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<u64>;
        purge(before: OffsetDateTime) -> Stored<()>;
    } {
        async fn end_login(
            &self,
            sid: Sid,
            reason: EndReason,
            now: OffsetDateTime,
            events: &[AuditEvent],
        ) -> Stored<bool> {
            if self.is(Mutation::AuditOutside) {
                let ended = self.inner.end_login(sid, reason, now, &[]).await?;
                self.inner.append_events(events).await?;
                return Ok(ended);
            }
            let ended = self.inner.end_login(sid, reason, now, events).await?;
            self.ended.lock().unwrap().push(sid);
            Ok(ended)
        }
    }
}

delegate! {
    LogoutDeliveryStore {
        logout_receivers() -> Stored<Vec<LogoutReceiver>>;
        logout_deliveries(client: &ClientId, limit: u32) -> Stored<Vec<LogoutDelivery>>;
        oldest_logout() -> Stored<Option<OffsetDateTime>>;
        defer_logout(client: &ClientId, delivery: &LogoutDelivery, due_at: OffsetDateTime) -> Stored<()>;
        remove_logouts_until(client: &ClientId, until: OffsetDateTime) -> Stored<u64>;
        remove_logout(client: &ClientId, delivery: &LogoutDelivery) -> Stored<()>;
    }
}

delegate! {
    PasskeyStore {
        passkey(credential_id: &[u8]) -> Stored<Option<Passkey>>;
        passkeys(user: UserId) -> Stored<Vec<Passkey>>;
        use_passkey(passkey: &Passkey, verified: VerifiedPasskey, now: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
        rename_credential(user: UserId, id: CredentialId, label: &str, events: &[AuditEvent]) -> Stored<bool>;
    }
}

delegate! {
    RevocationLog {
        epoch(fresh: Epoch) -> Stored<Epoch>;
        end_epoch() -> Stored<()>;
        revoke_token(jti: Jti, expires_at: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
        is_revoked(jti: Jti) -> Stored<bool>;
        missing_revocations(entries: &[Revocation]) -> Stored<Vec<Revocation>>;
        append_again(entries: &[Revocation]) -> Stored<u64>;
    } {
        async fn revocations_after(&self, sequence: i64, limit: u32) -> Stored<RevocationPage> {
            let mut page = self.inner.revocations_after(sequence, limit).await?;
            let entries = &mut page.entries;
            if self.is(Mutation::EndWithoutEntry) {
                let ended = self.ended.lock().unwrap();
                entries.retain(|entry| !matches!(&entry.revoked, Revoked::Login(sid) if ended.contains(sid)));
            }
            if self.is(Mutation::NumbersInOrderOfInsertion) && entries.len() > 1 {
                let mut seen = self.seen.lock().unwrap();
                let late = entries.len() - 2;
                if !seen.contains(&entries[late].sequence) {
                    seen.push(entries.remove(late).sequence);
                }
            }
            Ok(page)
        }
    }
}

delegate! {
    SignalStore {
        insert_stream(stream: &SignalStream) -> Stored<bool>;
        stream(client: &ClientId) -> Stored<Option<SignalStream>>;
        update_stream(stream: &SignalStream) -> Stored<bool>;
        delete_stream(client: &ClientId, id: StreamId) -> Stored<bool>;
        replace_verification(stream: StreamId, state: Option<&str>, now: OffsetDateTime) -> Stored<()>;
        signals(stream: StreamId, limit: u32) -> Stored<Vec<Signal>>;
        remove_signals(stream: StreamId, numbers: &[i64]) -> Stored<()>;
        purge_signals(before: OffsetDateTime) -> Stored<()>;
    }
}

delegate! {
    TrustedBrowserStore {
        insert_trusted_browser(new: &NewTrustedBrowser, events: &[AuditEvent]) -> Stored<bool>;
        use_trusted_browser(account: (UserId, AuthenticationVersion), presented: (KeyedHash, Option<&KeyThumbprint>), now: OffsetDateTime) -> Stored<bool>;
        bind_trusted_browser(user: UserId, binding: (KeyedHash, &KeyThumbprint), now: OffsetDateTime, events: &[AuditEvent]) -> Stored<bool>;
        trusted_browsers(user: UserId, now: OffsetDateTime) -> Stored<Vec<TrustedBrowser>>;
        remove_trusted_browser(user: UserId, id: TrustedBrowserId, events: &[AuditEvent]) -> Stored<bool>;
    }
}

delegate! {
    Maintenance {
        ping() -> Stored<()>;
        failover_loses_commits() -> Stored<bool>;
        schema_version() -> Stored<i64>;
        back_up(file: &Path) -> Stored<()>;
        close() -> ();
    }
}
