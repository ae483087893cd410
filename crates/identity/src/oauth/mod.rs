//! OAuth clients and their authentication, and DPoP.

mod client_authentication;
mod client_credentials;
mod client_id;
mod dpop_policy;
mod dpop_proof;
mod dpop_verifier;
mod key_thumbprint;
mod oauth_client;
mod oauth_clients;

pub(crate) use self::dpop_verifier::{ProofRequirements, VerifiedProof};
pub use self::{
    client_authentication::{ClientAuthenticationService, InvalidClient},
    client_credentials::{
        Assertion, ClientAuthentication, ClientCredentialVerifier, ClientCredentials,
    },
    client_id::{ClientId, InvalidClientId},
    dpop_policy::DpopPolicy,
    dpop_proof::{DpopCodec, DpopProof, PROOF_REPLAY_WINDOW, PresentedProof},
    dpop_verifier::{DpopError, DpopVerifier},
    key_thumbprint::{InvalidKeyThumbprint, KeyThumbprint},
    oauth_client::{ClientAuthMethod, GrantType, OauthClient, UnknownGrantType},
    oauth_clients::{NewClient, OauthClients, RegisterClientError, RequestedAuthMethod},
};
