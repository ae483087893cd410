//! OAuth clients that register themselves (RFC 7591).

use auth_proto::v1::{
    ClientProofKind, RegisterClientRequest, RelyingParty,
    authorization_service_client::AuthorizationServiceClient,
};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    client_info,
    error::AuthError,
    transport::response::{non_empty, time},
    transport::retry_policy::CHANGE,
};

/// What an OAuth client registers itself with.
#[derive(Clone, Debug)]
pub struct ClientRegistration {
    /// How it is to authenticate itself.
    pub auth_method: RegisteredAuthMethod,
    /// The name that people are shown.
    pub name: String,
    /// Where responses of the authorization endpoint may be sent.
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after a sign-out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Algorithm of its ID tokens; `None` for the default.
    pub id_token_algorithm: Option<String>,
    /// Whether it must push its authorization requests (RFC 9126).
    pub push_required: bool,
    /// Where it receives the ends of its sessions; `None` where it does not.
    pub backchannel_logout_uri: Option<String>,
    /// Whether its subject identifiers are pairwise (OpenID Connect Core 1.0 §8.1).
    pub pairwise_subjects: bool,
    /// Whether its tokens must be bound to a key (RFC 9449 §5.2).
    pub dpop_required: bool,
}

/// How an OAuth client is to authenticate itself.
#[derive(Clone, Debug)]
pub enum RegisteredAuthMethod {
    /// Not at all: a public client.
    None,
    /// By a secret, which is generated.
    Secret,
    /// By assertions of this public key, a JWK in JSON.
    Key(String),
}

/// An OAuth client that has registered itself.
#[derive(Debug)]
pub struct RegisteredClient {
    /// The generated `client_id`.
    pub client_id: String,
    /// The generated secret; `None` if it has none.
    pub client_secret: Option<SecretString>,
    /// Time of registration, UTC.
    pub created_at: OffsetDateTime,
    /// Algorithm of its ID tokens.
    pub id_token_algorithm: String,
}

impl AuthClient {
    /// Registers an OAuth client, with the initial access token (RFC 7591 §1.2). `TOKEN_MALFORMED` for a wrong one.
    pub async fn register_client(
        &self,
        initial_access_token: &SecretString,
        registration: &ClientRegistration,
        source: &ClientInfo,
    ) -> Result<RegisteredClient, AuthError> {
        let call = async |channel| {
            let request = self.request(encode(initial_access_token, registration, source));
            AuthorizationServiceClient::new(channel)
                .register_client(request)
                .await
        };
        let response = self.call(CHANGE, call).await?;
        let client = response.client.ok_or_else(AuthError::incomplete)?;
        let party = client.relying_party.ok_or_else(AuthError::incomplete)?;
        Ok(RegisteredClient {
            client_id: client.client_id,
            client_secret: non_empty(response.client_secret).map(SecretString::from),
            created_at: time(client.created_at)?,
            id_token_algorithm: party.id_token_algorithm,
        })
    }
}

fn encode(
    initial_access_token: &SecretString,
    registration: &ClientRegistration,
    source: &ClientInfo,
) -> RegisterClientRequest {
    let (kind, jwk) = match &registration.auth_method {
        RegisteredAuthMethod::None => (ClientProofKind::None, String::new()),
        RegisteredAuthMethod::Secret => (ClientProofKind::Secret, String::new()),
        RegisteredAuthMethod::Key(jwk) => (ClientProofKind::Key, jwk.clone()),
    };
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    RegisterClientRequest {
        initial_access_token: initial_access_token.expose_secret().to_owned(),
        proof_kind: kind.into(),
        jwk,
        relying_party: Some(RelyingParty {
            name: registration.name.clone(),
            redirect_uris: registration.redirect_uris.clone(),
            post_logout_redirect_uris: registration.post_logout_redirect_uris.clone(),
            id_token_algorithm: optional(&registration.id_token_algorithm),
            first_party: false,
            push_required: registration.push_required,
            backchannel_logout_uri: optional(&registration.backchannel_logout_uri),
            pairwise_subjects: registration.pairwise_subjects,
        }),
        dpop_required: registration.dpop_required,
        client: Some(client_info::encode(source)),
    }
}
