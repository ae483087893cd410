//! Revocations: entries of the revocation log, the set that is kept in memory, and the port of that memory.

mod cache;
mod entry;
mod restore;
mod set;

pub use self::{
    cache::{RevocationCache, RevocationStatus, StoreOutage},
    entry::{Epoch, REVOCATION_MARGIN, Revocation, Revoked},
    restore::{append_lost, end_again},
    set::RevocationSet,
};
