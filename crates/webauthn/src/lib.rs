//! The relying party of Web Authentication (WebAuthn Level 3): options for the browser, and the verification of what it returns.
//!
//! Pure: no I/O, no clock. The caller keeps the challenge between the two halves of a ceremony, limits its lifetime, completes it once, and
//! stores credentials.
//!
//! ```text
//! RelyingParty::creation_options  → browser → RegistrationResponse   → RelyingParty::verify_registration   → Registration
//! RelyingParty::request_options   → browser → AuthenticationResponse → RelyingParty::verify_authentication → Authentication
//! ```
//!
//! Attestation is not evaluated (conveyance `none`): nothing proves the model of an authenticator, and its AAGUID is a claim.

mod attestation_object;
mod authentication;
mod authenticator_data;
mod bytes;
mod cbor;
mod client_data;
mod cose;
mod credential;
mod options;
mod origin;
mod registration;
mod relying_party;
mod response;
mod transports;

pub use self::{
    attestation_object::{AttestationObject, InvalidAttestationObject},
    authentication::{
        Account, Authentication, AuthenticationCeremony, AuthenticationError, CounterState,
    },
    authenticator_data::{
        Aaguid, AttestedCredential, AuthenticatorData, AuthenticatorDataError, Flags,
        InvalidAuthenticatorData,
    },
    bytes::{Challenge, CredentialId, InvalidLength, UserHandle},
    cbor::InvalidCbor,
    client_data::{ClientDataError, CollectedClientData, InvalidClientData},
    cose::{Algorithm, InvalidPublicKey, PublicKey},
    credential::{Credential, StoredCredential},
    options::{
        CreationOptions, CredentialDescriptor, Hint, RegistrationPolicy, RequestOptions,
        ResidentKey, User, UserVerification,
    },
    origin::{InvalidOrigin, Origin},
    registration::{Registration, RegistrationError},
    relying_party::{InvalidRelyingParty, RelatedOrigins, RelyingParty},
    response::{AuthenticationResponse, InvalidResponse, RegistrationResponse},
    transports::Transports,
};
