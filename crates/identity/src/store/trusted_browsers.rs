//! The port for trusted browsers.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    account::AuthenticationVersion,
    audit::AuditEvent,
    authentication::{KeyedHash, NewTrustedBrowser, TrustedBrowser},
    id::{TrustedBrowserId, UserId},
    oauth::KeyThumbprint,
    store::StoreError,
};

/// Trusted browsers. They are trusted only while the account has the authentication version with which they were stored.
#[async_trait]
pub trait TrustedBrowserStore: Send + Sync {
    /// Stores a browser, and removes the oldest of the account beyond
    /// [`MAX_TRUSTED_BROWSERS`](crate::authentication::MAX_TRUSTED_BROWSERS); false if the account has another authentication version.
    async fn insert_trusted_browser(
        &self,
        new: &NewTrustedBrowser,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Notes the use of the browser with this token, and the device key that it proved; false if the account trusts none with it at `now`, has
    /// another authentication version, or the browser is bound to another key.
    async fn use_trusted_browser(
        &self,
        account: (UserId, AuthenticationVersion),
        presented: (KeyedHash, Option<&KeyThumbprint>),
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Binds the browser with this token to a device key; false if the account trusts none with it at `now`, or it is bound to another key.
    async fn bind_trusted_browser(
        &self,
        user: UserId,
        binding: (KeyedHash, &KeyThumbprint),
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;

    /// Returns the browsers that an account trusts at `now`, the latest first.
    async fn trusted_browsers(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<TrustedBrowser>, StoreError>;

    /// Removes a browser of an account; false if there is none.
    async fn remove_trusted_browser(
        &self,
        user: UserId,
        id: TrustedBrowserId,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;
}
