//! Requests that this service sends to addresses which clients register. They cannot be turned against the installation: a name is resolved
//! first, the connection is made to an address that was checked, redirects are not followed, and time and size are limited.

mod address;
mod client;
mod client_documents;

pub use self::{
    address::AddressPolicy,
    client::{OutboundClient, OutboundError, REQUEST_TIMEOUT},
    client_documents::FetchedDocuments,
};
