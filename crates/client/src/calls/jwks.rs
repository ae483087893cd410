//! The public keys that verify access tokens and ID tokens.

use auth_proto::v1::{GetJwksRequest, JsonWebKey, auth_service_client::AuthServiceClient};

use crate::{
    auth_client::AuthClient, error::AuthError, transport::response::non_empty,
    transport::retry_policy::READ,
};

/// The published keys and their issuer.
#[derive(Debug)]
pub struct Jwks {
    /// Keys of the set, each with another `kid`.
    pub keys: Vec<Jwk>,
    /// `iss` of every access token that these keys verify.
    pub issuer: String,
    /// Whether OAuth clients can register themselves.
    pub client_registration: bool,
    /// Whether the `client_id` of an OAuth client can be the URL of its metadata.
    pub client_metadata_documents: bool,
}

/// A public key (RFC 7517 §4, RFC 7518 §6).
#[derive(Debug)]
pub struct Jwk {
    /// `kid`: identifier of the key.
    pub kid: String,
    /// `kty`: `OKP`, `EC` or `RSA`.
    pub kty: String,
    /// `alg`: `EdDSA`, `ES256` or `RS256`.
    pub alg: String,
    /// `use`: `sig`.
    pub usage: String,
    /// `crv`: `Ed25519` or `P-256`; `None` for `RSA` keys.
    pub crv: Option<String>,
    /// `x`: coordinate in base64url; `None` for `RSA` keys.
    pub x: Option<String>,
    /// `y`: coordinate in base64url; only of `EC` keys (RFC 8037 §2).
    pub y: Option<String>,
    /// `n`: modulus in base64url; only of `RSA` keys.
    pub n: Option<String>,
    /// `e`: exponent in base64url; only of `RSA` keys.
    pub e: Option<String>,
}

impl AuthClient {
    /// Fetches the published keys.
    pub async fn jwks(&self) -> Result<Jwks, AuthError> {
        let call = async |channel| {
            let request = self.request(GetJwksRequest {});
            AuthServiceClient::new(channel).get_jwks(request).await
        };
        let response = self.call(READ, call).await?;
        Ok(Jwks {
            keys: response.keys.into_iter().map(decode).collect(),
            issuer: response.issuer,
            client_registration: response.client_registration,
            client_metadata_documents: response.client_metadata_documents,
        })
    }
}

fn decode(key: JsonWebKey) -> Jwk {
    Jwk {
        kid: key.kid,
        kty: key.kty,
        alg: key.alg,
        usage: key.r#use,
        crv: non_empty(key.crv),
        x: non_empty(key.x),
        y: non_empty(key.y),
        n: non_empty(key.n),
        e: non_empty(key.e),
    }
}
