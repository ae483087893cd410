//! Verification of a registration (WebAuthn §7.1).

use crate::{
    attestation_object::{AttestationObject, InvalidAttestationObject},
    authenticator_data::AuthenticatorDataError,
    bytes::Challenge,
    client_data::{ClientDataError, CollectedClientData},
    credential::Credential,
    options::RegistrationPolicy,
    relying_party::RelyingParty,
    response::RegistrationResponse,
};

/// A verified registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The credential to be stored for the account of the options, unless any account has one with this ID (WebAuthn §7.1 step 26).
    pub credential: Credential,
    /// Whether the credential can be found without its ID, as the browser claims; `None` if it does not say.
    pub discoverable: Option<bool>,
    /// The attestation statement format, whose statement was not evaluated.
    pub attestation_format: String,
}

/// Why a registration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The client data are invalid, or of another ceremony, challenge or origin.
    #[error(transparent)]
    ClientData(#[from] ClientDataError),
    /// The attestation object cannot be read.
    #[error(transparent)]
    AttestationObject(#[from] InvalidAttestationObject),
    /// The authenticator data do not meet the requirements.
    #[error(transparent)]
    AuthenticatorData(#[from] AuthenticatorDataError),
    /// The authenticator data contain no credential.
    #[error("the authenticator data contain no credential")]
    NoCredential,
    /// The algorithm of the key was not offered.
    #[error("the algorithm of the key was not offered")]
    AlgorithmNotOffered,
    /// The credential ID is not the one of the response.
    #[error("the response names another credential ID than the authenticator")]
    CredentialIdMismatch,
}

impl RelyingParty {
    /// Verifies the response to [`creation_options`](Self::creation_options). Steps are those of WebAuthn §7.1.
    ///
    /// # Errors
    /// Any [`RegistrationError`].
    pub fn verify_registration(
        &self,
        challenge: &Challenge,
        policy: &RegistrationPolicy,
        response: RegistrationResponse,
    ) -> Result<Registration, RegistrationError> {
        // Steps 5 to 11.
        CollectedClientData::parse(&response.client_data)
            .map_err(ClientDataError::from)?
            .verify("webauthn.create", challenge, self)?;
        // Steps 12, 21 to 24 do not apply, as attestation is not evaluated.
        let object = AttestationObject::parse(&response.attestation_object)?;
        let authenticator_data = object.authenticator_data;
        // Steps 14 to 17.
        authenticator_data.verify(self, policy.user_verification)?;
        let attested = authenticator_data
            .attested_credential
            .ok_or(RegistrationError::NoCredential)?;
        // Step 20.
        let algorithm = attested.public_key.algorithm();
        if !policy.algorithms.contains(&algorithm) {
            return Err(RegistrationError::AlgorithmNotOffered);
        }
        // Step 25 was applied when the credential ID was parsed. The caller applies step 26.
        if attested.id != response.id {
            return Err(RegistrationError::CredentialIdMismatch);
        }
        let flags = authenticator_data.flags;
        Ok(Registration {
            credential: Credential {
                id: attested.id,
                public_key: attested.public_key,
                sign_count: authenticator_data.sign_count,
                user_verified: flags.user_verified(),
                backup_eligible: flags.backup_eligible(),
                backed_up: flags.backed_up(),
                transports: response.transports,
                aaguid: attested.aaguid,
                attestation_object: response.attestation_object,
            },
            discoverable: response.discoverable,
            attestation_format: object.format,
        })
    }
}
