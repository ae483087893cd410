//! Credential records: what is stored of a credential (WebAuthn §4).

use crate::{
    authenticator_data::Aaguid, bytes::CredentialId, cose::PublicKey, transports::Transports,
};

/// A registered credential, with everything that another implementation would need to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The credential ID, unique among all accounts.
    pub id: CredentialId,
    /// The public key.
    pub public_key: PublicKey,
    /// The signature counter of the latest ceremony.
    pub sign_count: u32,
    /// Whether the authenticator verified its user in some ceremony of this credential (`uvInitialized`).
    pub user_verified: bool,
    /// Whether it may be copied to other devices. It never changes.
    pub backup_eligible: bool,
    /// Whether it was backed up at the latest ceremony.
    pub backed_up: bool,
    /// How a browser can reach its authenticator.
    pub transports: Transports,
    /// The model of the authenticator, as it claims.
    pub aaguid: Aaguid,
    /// The attestation object of the registration, as it was received.
    pub attestation_object: Vec<u8>,
}

/// What the verification of an authentication reads of a credential.
#[derive(Clone, Copy, Debug)]
pub struct StoredCredential<'a> {
    /// The credential ID.
    pub id: &'a CredentialId,
    /// The public key.
    pub public_key: &'a PublicKey,
    /// The signature counter of the latest ceremony.
    pub sign_count: u32,
    /// Whether it may be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it was backed up at the latest ceremony.
    pub backed_up: bool,
}

impl<'a> From<&'a Credential> for StoredCredential<'a> {
    fn from(credential: &'a Credential) -> Self {
        Self {
            id: &credential.id,
            public_key: &credential.public_key,
            sign_count: credential.sign_count,
            backup_eligible: credential.backup_eligible,
            backed_up: credential.backed_up,
        }
    }
}
