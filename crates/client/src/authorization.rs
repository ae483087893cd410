//! The access token that a call acts with, and the proof of the key that it is bound to.

use auth_proto::{DPOP, DPOP_METHOD, DPOP_URI, v1};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue, errors::InvalidMetadataValue},
};

use crate::error::AuthError;

/// What authorizes a call on behalf of an account's owner.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// Access token of the account's owner, with the scope `account`.
    pub access_token: SecretString,
    /// Proof that came with a token of the scheme `DPoP`; `None` for a bearer token.
    pub proof: Option<DpopProof>,
}

/// A `DPoP` proof and the request that it came with (RFC 9449 §4).
#[derive(Clone, Debug)]
pub struct DpopProof {
    /// The JWT in the header field `DPoP`.
    pub jwt: String,
    /// Method of the request, compared with `htm`.
    pub method: String,
    /// URL of the request, without query and fragment, compared with `htu`.
    pub uri: String,
}

/// The gRPC metadata that carries an [`Authorization`].
pub(crate) struct AuthorizationMetadata(Vec<(&'static str, MetadataValue<Ascii>)>);

impl AuthorizationMetadata {
    /// # Errors
    /// [`AuthError::Broken`] when the token or the proof has characters that metadata cannot carry.
    pub(crate) fn new(authorization: &Authorization) -> Result<Self, AuthError> {
        let token = authorization.access_token.expose_secret();
        let scheme = if authorization.proof.is_some() {
            "DPoP"
        } else {
            "Bearer"
        };
        let mut entries = vec![("authorization", format!("{scheme} {token}"))];
        if let Some(proof) = authorization.proof.clone() {
            entries.push((DPOP, proof.jwt));
            entries.push((DPOP_METHOD, proof.method));
            entries.push((DPOP_URI, proof.uri));
        }
        let values = entries.into_iter().map(|(name, text)| {
            let value = sensitive(&text.into());
            Ok((
                name,
                value.map_err(|error| AuthError::Broken(error.to_string()))?,
            ))
        });
        values.collect::<Result<_, _>>().map(Self)
    }

    /// `request` with this metadata.
    pub(crate) fn add<T>(&self, mut request: Request<T>) -> Request<T> {
        for (name, value) in &self.0 {
            request.metadata_mut().insert(*name, value.clone());
        }
        request
    }
}

pub(crate) fn encode_proof(proof: &DpopProof) -> v1::DpopProof {
    v1::DpopProof {
        jwt: proof.jwt.clone(),
        http_method: proof.method.clone(),
        http_uri: proof.uri.clone(),
    }
}

/// A metadata value that is neither logged nor indexed by HPACK.
pub(crate) fn sensitive(
    secret: &SecretString,
) -> Result<MetadataValue<Ascii>, InvalidMetadataValue> {
    let mut value: MetadataValue<Ascii> = secret.expose_secret().parse()?;
    value.set_sensitive(true);
    Ok(value)
}
