//! OAuth clients and their authentication, the authorization endpoint, and DPoP.

mod authorization;
mod authorization_code;
mod authorization_flow;
mod authorization_request;
mod authorization_state;
mod backchannel_logout_uri;
mod browser_origins;
mod client_authentication;
mod client_credentials;
mod client_document;
mod client_id;
mod client_registration;
mod code_challenge;
mod consent;
mod dpop_policy;
mod dpop_proof;
mod dpop_verifier;
mod enabled_party;
mod key_thumbprint;
mod logout_delivery;
mod oauth_client;
mod oauth_clients;
mod pushed_authorization;
mod relying_party;
mod relying_party_logout;
mod subject_ids;

pub(crate) use self::dpop_verifier::{ProofRequirements, VerifiedProof};
pub use self::{
    authorization::AuthorizationService,
    authorization_code::{AuthorizationCode, AuthorizationCodec, CODE_TTL},
    authorization_flow::{
        Authentication, AuthorizationFlow, ConsentDecision, FLOW_TTL, FlowProgress,
    },
    authorization_request::{
        AuthorizationRequest, Interactions, Parameters, Prompt, RepeatedParameter, ResponseMode,
    },
    authorization_state::{
        AuthorizationResponse, AuthorizationState, AuthorizeError, ConsentQuestion, PushError,
    },
    backchannel_logout_uri::{BackchannelLogoutUri, InvalidBackchannelLogoutUri},
    client_authentication::{ClientAuthenticationService, InvalidClient},
    client_credentials::{
        Assertion, ClientAuthentication, ClientCredentialVerifier, ClientCredentials,
    },
    client_document::{ClientDocument, ClientDocuments, DocumentClients, DocumentError},
    client_id::{ClientId, InvalidClientId},
    client_registration::ClientRegistration,
    code_challenge::{CodeChallenge, CodeVerifier, InvalidCodeChallenge, InvalidCodeVerifier},
    consent::Consent,
    dpop_policy::DpopPolicy,
    dpop_proof::{DpopCodec, DpopProof, PROOF_REPLAY_WINDOW, PresentedProof},
    dpop_verifier::{DpopError, DpopVerifier},
    key_thumbprint::{InvalidKeyThumbprint, KeyThumbprint},
    logout_delivery::{LOGOUT_DELIVERY_TTL, LogoutDelivery, LogoutReceiver},
    oauth_client::{ClientAuthMethod, GrantType, OauthClient, UnknownGrantType},
    oauth_clients::{NewClient, OauthClients, RegisterClientError, RequestedAuthMethod},
    relying_party::{ClientName, InvalidClientName, InvalidRedirectUri, RedirectUri, RelyingParty},
    relying_party_logout::{ExaminedLogout, LogoutRequest},
    subject_ids::{NoSector, Sector, SubjectIdCodec, SubjectIds},
};
