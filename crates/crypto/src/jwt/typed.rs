//! JWTs of other types than access tokens, such as ID tokens (`OpenID` Connect Core §2).

use holdfast_identity::{key::Algorithm, token::SigningError};
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::{
    jws::Unverified,
    jwt::{Jwts, MAX_LENGTH, StrictHeader, is_access_token_type, sign_by},
    strict_json::StrictObject,
};

impl Jwts {
    /// Signs a JWT with the header parameters `typ`, `alg` and `kid`, by the key of `algorithm` that signs at `at`. `typ` is not that of
    /// access tokens, which [`AccessTokens::sign`](holdfast_identity::token::AccessTokens::sign) signs.
    ///
    /// # Errors
    /// There is no key of this algorithm, `typ` is that of access tokens, the claims cannot be serialized, or the cryptographic library
    /// fails.
    pub fn sign_with(
        &self,
        algorithm: Algorithm,
        at: OffsetDateTime,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, SigningError> {
        if is_access_token_type(typ) {
            return Err(SigningError("an access token is signed apart".to_owned()));
        }
        let keys = self.keys();
        let key = keys
            .signer_of(algorithm, at)
            .ok_or_else(|| SigningError(format!("there is no signing key for {algorithm}")))?;
        sign_by(key, typ, claims)
    }

    /// Verifies form and signature of a JWT of exactly this type, and returns its claims. Issuer, audience and times are not checked. As
    /// strict as for access tokens: three segments in canonical base64url, 8 KiB at most, the header parameters `typ`, `alg` and `kid` and
    /// no others, no duplicate name at any depth. `None`: it is none that a key of this instance has signed, or an access token.
    #[must_use]
    pub fn verify_signature(&self, token: &str, typ: &str) -> Option<Map<String, Value>> {
        let token = Unverified::split(token, MAX_LENGTH)?;
        let header: StrictHeader = token.header()?;
        if header.typ != typ || is_access_token_type(typ) {
            return None;
        }
        let StrictObject(claims) = token.payload()?;
        let keys = self.keys();
        let key = keys.verifier(&header.kid)?;
        let is_signed = header.alg == key.algorithm.as_str()
            && key.has_signed(token.signature, token.message.as_bytes());
        is_signed.then_some(claims)
    }
}

#[cfg(test)]
mod tests;
