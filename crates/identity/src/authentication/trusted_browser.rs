//! Trusted browsers: where the account's owner asked not to be asked for the second factor for some time.

use std::{fmt, fmt::Write as _, str::FromStr};

use holdfast_core::random::Random;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    account::{Account, AuthenticationVersion},
    audit::{AuditKind, AuditSubject},
    authentication::{
        AuthenticationService, ChangeFactorError, KeyedHash, KeyedHasher, SignedIn,
        sign_in::Authenticated,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::{TrustedBrowserId, UserId},
    login::ClientKind,
    oauth::KeyThumbprint,
    token::{Person, RefreshHandle},
};

/// Maximum number of trusted browsers of an account. When another one is added, the oldest is removed.
pub const MAX_TRUSTED_BROWSERS: u32 = 20;

/// Identifies a token to people and secret scanners.
const PREFIX: &str = "hfb_";
/// Length of a token, in bytes.
const LENGTH: usize = 32;

/// What a trusted browser shows in place of the second factor: 256 random bits (`hfb_…`). Only its keyed hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserToken(Zeroizing<[u8; LENGTH]>);

/// The text has not the form of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no token of a trusted browser")]
pub struct InvalidBrowserToken;

impl BrowserToken {
    /// Creates a token.
    pub fn random(random: &dyn Random) -> Self {
        let mut token = Zeroizing::new([0; LENGTH]);
        random.fill(&mut *token);
        Self(token)
    }

    /// Returns the text form.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.iter().fold(PREFIX.to_owned(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Returns the hash by which the store finds the token of this account.
    #[must_use]
    pub fn hash(&self, keyed_hasher: &dyn KeyedHasher, user: UserId) -> KeyedHash {
        keyed_hasher.hash(&[b"trusted browser", user.as_bytes(), &*self.0])
    }
}

impl FromStr for BrowserToken {
    type Err = InvalidBrowserToken;

    fn from_str(text: &str) -> Result<Self, InvalidBrowserToken> {
        let hex = text.strip_prefix(PREFIX).ok_or(InvalidBrowserToken)?;
        let mut token = Zeroizing::new([0; LENGTH]);
        if hex.len() != 2 * LENGTH || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidBrowserToken);
        }
        for (byte, digits) in token.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|_| InvalidBrowserToken)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidBrowserToken)?;
        }
        Ok(Self(token))
    }
}

impl fmt::Debug for BrowserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserToken(..)")
    }
}

/// What a browser presents in place of the second factor.
#[derive(Clone, Debug)]
pub struct PresentedTrust {
    /// Its token.
    pub token: BrowserToken,
    /// The thumbprint of the device key that it has just proved, as web-service verified; `None` if it proved none.
    pub device_key: Option<KeyThumbprint>,
}

/// A trusted browser as the account's owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedBrowser {
    /// Its identifier.
    pub id: TrustedBrowserId,
    /// Its user agent when it was trusted, if known.
    pub user_agent: Option<String>,
    /// Whether it is trusted with a proof of its device's key only.
    pub is_bound: bool,
    /// Time since which it is trusted, UTC.
    pub created_at: OffsetDateTime,
    /// Time of the latest sign-in without the second factor, UTC; `None` if there was none.
    pub last_used_at: Option<OffsetDateTime>,
    /// Time until which it is trusted, UTC.
    pub expires_at: OffsetDateTime,
}

/// A browser that is to be trusted.
#[derive(Clone, Debug)]
pub struct NewTrustedBrowser {
    /// Its identifier.
    pub id: TrustedBrowserId,
    /// The account.
    pub user: UserId,
    /// The hash of its token.
    pub token_hash: KeyedHash,
    /// The version of the account's credentials. It is trusted only while that is the same.
    pub version: AuthenticationVersion,
    /// Its user agent, if known.
    pub user_agent: Option<String>,
    /// Time of the sign-in, UTC.
    pub created_at: OffsetDateTime,
    /// Time until which it is trusted, UTC.
    pub expires_at: OffsetDateTime,
}

/// A token for a browser that is trusted from now on.
#[derive(Clone, Debug)]
pub struct IssuedTrust {
    /// The token.
    pub token: BrowserToken,
    /// Time until which it is accepted, UTC.
    pub expires_at: OffsetDateTime,
}

/// Why the trust of a browser was not bound to a key.
#[derive(Debug, thiserror::Error)]
pub enum BindTrustError {
    /// The text is no refresh token of this issuer.
    #[error("the ticket or refresh token is malformed")]
    Malformed,
    /// The login has ended or expired.
    #[error("the login has ended")]
    LoginEnded,
    /// The account trusts no browser with this token, or it is bound to another key.
    #[error("the account trusts no such browser, or it is bound to another key")]
    NotFound,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(BindTrustError: StoreError);

impl AuthenticationService {
    /// Whether a browser shows the token of one that is trusted with the current credentials of the account and, if the trust is bound to a
    /// device key, has proved that key.
    pub(super) async fn is_trusted(
        &self,
        account: &Account,
        trust: Option<&PresentedTrust>,
        context: &CallContext,
    ) -> Result<bool, StoreError> {
        let is_allowed = context.client.kind == ClientKind::Browser
            && !self.policy.trusted_browser_ttl.is_zero();
        let Some(PresentedTrust { token, device_key }) = trust.filter(|_| is_allowed) else {
            return Ok(false);
        };
        let (user, version) = (account.user.id, account.authentication_version);
        let hash = token.hash(&*self.deps.keyed_hasher, user);
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let presented = (hash, device_key.as_ref());
        store
            .use_trusted_browser((user, version), presented, now)
            .await
    }

    /// Trusts the browser of a login that has just started with a second factor; `None` where that is not allowed, or failed: the next sign-in
    /// asks again.
    pub(super) async fn trust_browser(
        &self,
        account: &Authenticated,
        signed_in: &SignedIn,
        context: &CallContext,
    ) -> Option<IssuedTrust> {
        let ttl = self.policy.trusted_browser_ttl;
        if context.client.kind != ClientKind::Browser || ttl.is_zero() {
            return None;
        }
        let (user, now) = (account.user.id, self.deps.clock.now());
        let token = BrowserToken::random(&*self.deps.random);
        let new = NewTrustedBrowser {
            id: TrustedBrowserId::random(&*self.deps.random),
            user,
            token_hash: token.hash(&*self.deps.keyed_hasher, user),
            version: account.version,
            user_agent: context.client.user_agent.clone(),
            created_at: now,
            expires_at: now + ttl,
        };
        let (audit, subject) = (&self.deps.audit, AuditSubject::login(user, signed_in.sid));
        let events = [audit.event(context, AuditKind::BrowserTrusted, subject)];
        let is_inserted = self.deps.store.insert_trusted_browser(&new, &events).await;
        let is_inserted = is_inserted.unwrap_or_default();
        audit.committed(is_inserted, &events);
        is_inserted.then_some(IssuedTrust {
            token,
            expires_at: new.expires_at,
        })
    }

    /// Returns the trusted browsers of the caller's account, the latest first.
    pub async fn trusted_browsers(&self, caller: &Person) -> Result<Vec<TrustedBrowser>, Fault> {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        Ok(store.trusted_browsers(caller.subject, now).await?)
    }

    /// Ends the trust of a browser of the caller's account, which needs no recent authentication: it only adds a factor.
    pub async fn end_trusted_browser(
        &self,
        caller: &Person,
        id: TrustedBrowserId,
        context: &CallContext,
    ) -> Result<(), ChangeFactorError> {
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let subject = AuditSubject::caller(caller);
        let events = [audit.event(context, AuditKind::BrowserTrustEnded, subject)];
        let removed = store
            .remove_trusted_browser(caller.subject, id, &events)
            .await?;
        audit.committed(removed, &events);
        if removed {
            Ok(())
        } else {
            Err(ChangeFactorError::NotFound)
        }
    }

    /// Binds the trust of a browser to the key of its device, which web-service verified, for the login that a refresh token belongs to. It is
    /// bound once: from then on the token is accepted with a proof of this key only.
    pub async fn bind_trusted_browser(
        &self,
        refresh_token: &str,
        token: &BrowserToken,
        key: &KeyThumbprint,
        context: &CallContext,
    ) -> Result<(), BindTrustError> {
        let handle = self.deps.refresh_tokens.decode(refresh_token);
        let Some(RefreshHandle::RefreshToken(grant, _)) = handle else {
            return Err(BindTrustError::Malformed);
        };
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let found = store.grant(grant).await?;
        let found = found.filter(|(_, login, _)| login.is_live(now));
        let (_, login, user) = found.ok_or(BindTrustError::LoginEnded)?;
        let subject = AuditSubject::login(user.id, login.sid);
        let events = [audit.event(context, AuditKind::BrowserTrustBound, subject)];
        let hash = token.hash(&*self.deps.keyed_hasher, user.id);
        let is_bound = store
            .bind_trusted_browser(user.id, (hash, key), now, &events)
            .await?;
        audit.committed(is_bound, &events);
        if is_bound {
            Ok(())
        } else {
            Err(BindTrustError::NotFound)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::keyed_hash::tests::UnkeyedHasher;

    #[test]
    fn token_is_read_from_its_text_only() {
        let token = BrowserToken(Zeroizing::new([0xa7; LENGTH]));
        let text = token.expose();
        assert_eq!(text.len(), 4 + 64);
        assert_eq!(text.parse(), Ok(token));
        for malformed in [
            "",
            "hfb_",
            &text[4..],
            &text[..text.len() - 1],
            &text.replace('7', "ü"),
        ] {
            assert_eq!(
                malformed.parse::<BrowserToken>(),
                Err(InvalidBrowserToken),
                "{malformed}"
            );
        }
    }

    #[test]
    fn hash_depends_on_the_account() {
        let token = BrowserToken(Zeroizing::new([1; LENGTH]));
        let hash = |user| token.hash(&UnkeyedHasher, UserId::from_bytes([user; 16]));
        assert_ne!(hash(1), hash(2));
        assert_eq!(format!("{token:?}"), "BrowserToken(..)");
    }
}
