//! What was ended before its time.

mod entry;
mod set;

pub use self::{
    entry::{Epoch, REMEMBERED_BEYOND, Revocation, RevocationStatus, Revoked},
    set::RevocationSet,
};
