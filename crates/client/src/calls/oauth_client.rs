//! Client authentication of OAuth clients, and tokens that they get in their own name.

use auth_proto::v1::{self, IssueTokenRequest, client_credentials, issue_token_request};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    auth_client::AuthClient,
    authorization::{DpopProof, encode_proof},
    calls::token::Tokens,
    error::AuthError,
};

/// The credentials that an OAuth client presents.
#[derive(Debug)]
pub struct ClientCredentials {
    /// `client_id`; `None` where only the assertion names the client (RFC 7521 §4.2).
    pub id: Option<String>,
    /// How the client authenticates.
    pub proof: ClientAuthentication,
}

/// Client authentication of an OAuth client (RFC 6749 §2.3, RFC 7523).
#[derive(Debug)]
pub enum ClientAuthentication {
    /// `none`: a public client.
    None,
    /// `client_secret_basic` or `client_secret_post`: the client secret.
    Secret(SecretString),
    /// `private_key_jwt`: a JWT that the client signed.
    Assertion(SecretString),
}

impl AuthClient {
    /// Issues an access token to an OAuth client in its own name (RFC 6749 §4.4). An empty `audience` stands for the issuer's first
    /// one, an empty `scope` for all that the client is registered for.
    pub async fn issue_to_client(
        &self,
        client: &ClientCredentials,
        audience: &str,
        scope: &str,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError> {
        let credentials = encode(client);
        let request = IssueTokenRequest {
            grant: Some(issue_token_request::Grant::ClientCredentials(credentials)),
            audience: audience.to_owned(),
            scope: scope.to_owned(),
            dpop: proof.map(encode_proof),
            ..Default::default()
        };
        self.issue(request).await
    }
}

pub(super) fn encode(credentials: &ClientCredentials) -> v1::ClientCredentials {
    v1::ClientCredentials {
        client_id: credentials.id.clone().unwrap_or_default(),
        proof: match &credentials.proof {
            ClientAuthentication::None => None,
            ClientAuthentication::Secret(secret) => Some(client_credentials::Proof::ClientSecret(
                secret.expose_secret().to_owned(),
            )),
            ClientAuthentication::Assertion(jwt) => Some(
                client_credentials::Proof::ClientAssertion(jwt.expose_secret().to_owned()),
            ),
        },
    }
}
