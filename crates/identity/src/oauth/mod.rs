//! OAuth clients, their authentication, and `DPoP`.

mod client_authentication;
mod dpop;
mod oauth_client;
mod oauth_clients;
mod verify_dpop_proof;

pub(crate) use self::verify_dpop_proof::{ProofRequirements, VerifiedProof};
pub use self::{
    client_authentication::{ClientToken, ClientTokenRequest, InvalidClient},
    dpop::{
        DpopProofs, InvalidThumbprint, PresentedProof, Proof, REMEMBERED_FOR, ReplayCache,
        Thumbprint,
    },
    oauth_client::{
        Assertion, ClientAuthMethod, ClientAuthentication, ClientId, ClientProof, ClientProofs,
        GrantType, InvalidClientId, OauthClient, UnknownGrantType,
    },
    oauth_clients::{Clients, NewClient, ProvesBy, RegisterClientError},
    verify_dpop_proof::{Dpop, DpopError},
};
