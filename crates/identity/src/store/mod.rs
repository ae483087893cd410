//! The ports of the store, one file for each subject.
//!
//! Every method is atomic unless its documentation names the parts: it runs in one transaction, which is on the disk when the method
//! returns, or has changed nothing when it returns an error. The `events` of a method are the audit events of its change. They are stored in the same transaction if the
//! change was made, and not at all otherwise.

mod accounts;
mod audit;
mod clients;
mod clock;
mod consents;
mod credentials;
mod grants;
mod keys;
mod leases;
mod logins;
mod logout_deliveries;
mod maintenance;
mod passkeys;
mod revocations;
mod signals;
mod trusted_browsers;

pub use self::{
    accounts::AccountStore,
    audit::AuditLog,
    clients::ClientStore,
    clock::ClockStore,
    consents::ConsentStore,
    credentials::{CredentialStore, StoredTotp},
    grants::GrantStore,
    keys::KeyStore,
    leases::LeaseStore,
    logins::LoginStore,
    logout_deliveries::LogoutDeliveryStore,
    maintenance::Maintenance,
    passkeys::PasskeyStore,
    revocations::{RevocationLog, RevocationPage},
    signals::SignalStore,
    trusted_browsers::TrustedBrowserStore,
};
pub use crate::error::StoreError;

/// The result of a change that can be made only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The change was made.
    Applied,
    /// It had been made before; nothing was written.
    AlreadyApplied,
    /// The object to change does not exist.
    NotFound,
}

/// All ports of the store.
pub trait Store:
    AccountStore
    + AuditLog
    + ClientStore
    + ClockStore
    + ConsentStore
    + CredentialStore
    + GrantStore
    + KeyStore
    + LeaseStore
    + LoginStore
    + LogoutDeliveryStore
    + Maintenance
    + PasskeyStore
    + RevocationLog
    + SignalStore
    + TrustedBrowserStore
{
}

impl<T> Store for T where
    T: AccountStore
        + AuditLog
        + ClientStore
        + ClockStore
        + ConsentStore
        + CredentialStore
        + GrantStore
        + KeyStore
        + LeaseStore
        + LoginStore
        + LogoutDeliveryStore
        + Maintenance
        + PasskeyStore
        + RevocationLog
        + SignalStore
        + TrustedBrowserStore
{
}
