//! The port for credentials other than passwords.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    account::{AuthenticationVersion, CredentialChange, CredentialRecord},
    audit::AuditEvent,
    authentication::KeyedHash,
    id::{CredentialId, UserId},
    login::EndReason,
    store::{Change, StoreError},
};

/// The secret of TOTP as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTotp {
    /// Its identifier.
    pub id: CredentialId,
    /// The sealed secret.
    pub sealed_secret: Vec<u8>,
    /// The latest time step whose code was accepted.
    pub used_step: Option<i64>,
}

/// Credentials of accounts. A change of them increments the authentication version of the account; their use does not.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// Returns the credentials of an account, the password included, the oldest first.
    async fn credentials(&self, user: UserId) -> Result<Vec<CredentialRecord>, StoreError>;

    /// Changes credentials, and ends logins of the account where the change says so. Returns the new authentication version. `None`, and
    /// nothing is written, if there is no such account, its authentication version is another one, the login of the change is not live, or a
    /// passkey has the credential ID of an added one.
    async fn change_credentials(
        &self,
        change: &CredentialChange<'_>,
        events: &[AuditEvent],
    ) -> Result<Option<AuthenticationVersion>, StoreError>;

    /// Returns the secret of TOTP of an account.
    async fn totp(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError>;

    /// Notes that the code of a time step was accepted; false if one of this or a later step was accepted before, or there is no such
    /// credential. Of concurrent calls for one step, only the first succeeds.
    async fn use_totp_step(
        &self,
        id: CredentialId,
        step: i64,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Uses up the recovery code with this hash. Of concurrent calls, only the first succeeds.
    async fn use_recovery_code(
        &self,
        user: UserId,
        hash: KeyedHash,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError>;

    /// Sets whether an account must have a second factor, and ends its logins for the reason `ends`, if given.
    async fn set_second_factor_required(
        &self,
        user: UserId,
        required: bool,
        ends: Option<EndReason>,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError>;
}
