//! Access tokens as JWTs of type `at+jwt`, read strictly (RFC 9068, RFC 8725).

use std::sync::{Arc, PoisonError, RwLock};

use holdfast_core::bounded_cache::TwoGenerationCache;
use holdfast_identity::{
    key::{PublishedKeys, StoredSigningKey},
    token::{AccessTokens, Claims, Person, SigningError, TokenError},
};
use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{hash::sha256, jws::Unverified, key_ring::KeyRing};

/// No longer token is looked at.
const MAX_LENGTH: usize = 8 * 1024;

/// `typ` of an access token; the long form is allowed as well, in any case.
const TYPE: &str = "at+jwt";
const LONG_TYPE: &str = "application/at+jwt";

/// How many signatures are remembered that hold, at some 700 bytes each.
const MOST: usize = 65_536;

/// Signs and opens access tokens with the keys in use. A token whose signature held once is known again by its SHA-256, and costs
/// no curve operation, while the keys are the same.
pub struct Jwts {
    keys: RwLock<Arc<KeyRing>>,
    opened: TwoGenerationCache<[u8; 32], Arc<Claims>>,
}

impl Jwts {
    /// Takes the keys.
    #[must_use]
    pub fn new(keys: KeyRing) -> Self {
        Self {
            keys: RwLock::new(Arc::new(keys)),
            opened: TwoGenerationCache::new(MOST),
        }
    }

    /// Goes on with other keys.
    pub fn replace(&self, keys: KeyRing) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        // One that was opened with a key that is gone is not opened again.
        self.opened.clear();
    }

    /// Whether these are the keys in use.
    #[must_use]
    pub fn has(&self, stored: &[StoredSigningKey]) -> bool {
        self.keys().stored() == stored
    }

    fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PublishedKeys for Jwts {
    fn published(&self, at: OffsetDateTime) -> Vec<StoredSigningKey> {
        self.keys().published(at)
    }
}

/// The only header that we write, and so the only one that we read: `crit`, `b64`, `zip`, `jwk`, `jku`, `x5u` and `x5c`
/// are refused by not being here, and so is a name that comes twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// The only claims that we write, and so the only ones that we read. A claim from a later version could bind the token to
/// something that this one does not check, so an unknown one is refused, too.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictClaims {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    jti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    scope: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// RFC 9449 §6.1. A way of binding that is not known is not taken for none.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    jkt: String,
}

impl AccessTokens for Jwts {
    fn sign(&self, claims: &Claims) -> Result<String, SigningError> {
        let keys = self.keys();
        let key = keys
            .signer(claims.issued_at)
            .ok_or_else(|| SigningError("there is no key".to_owned()))?;
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(key.kid.clone()),
            ..Header::new(key.library_algorithm())
        };
        jsonwebtoken::encode(&header, &StrictClaims::from(claims), &key.encoding)
            .map_err(|why| SigningError(why.to_string()))
    }

    fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        let unverified = Unverified::split(token, MAX_LENGTH).ok_or(TokenError::Malformed)?;
        let fingerprint = sha256(token);
        if let Some(claims) = self.opened.get(&fingerprint) {
            return Ok(claims);
        }
        let generation = self.opened.generation();
        let claims = Arc::new(self.check_signature(unverified)?);
        self.opened
            .insert(generation, fingerprint, Arc::clone(&claims));
        Ok(claims)
    }
}

impl Jwts {
    fn check_signature(&self, token: Unverified<'_>) -> Result<Claims, TokenError> {
        let header: StrictHeader = token.header().ok_or(TokenError::Malformed)?;
        if ![TYPE, LONG_TYPE]
            .iter()
            .any(|typ| header.typ.eq_ignore_ascii_case(typ))
        {
            return Err(TokenError::Malformed);
        }
        let claims: StrictClaims = token.payload().ok_or(TokenError::Malformed)?;
        let claims: Claims = claims.try_into()?;

        let keys = self.keys();
        let key = keys.verifier(&header.kid).ok_or(TokenError::BadSignature)?;
        if header.alg != key.algorithm.as_str() {
            return Err(TokenError::Malformed);
        }
        if !key.made(token.signature, token.message.as_bytes()) {
            return Err(TokenError::BadSignature);
        }
        Ok(claims)
    }
}

impl From<&Claims> for StrictClaims {
    fn from(claims: &Claims) -> Self {
        let person = claims.person.as_ref();
        Self {
            iss: claims.issuer.clone(),
            sub: claims.subject(),
            aud: claims.audience.clone(),
            client_id: claims.client_id.clone(),
            sid: person.map(|person| person.sid.to_string()),
            jti: claims.jti.to_string(),
            preferred_username: person.map(|person| person.username.to_string()),
            scope: claims.scopes.to_string(),
            iat: claims.issued_at.unix_timestamp(),
            exp: claims.expires_at.unix_timestamp(),
            auth_time: person.map(|person| person.authenticated_at.unix_timestamp()),
            cnf: claims.key.as_ref().map(|key| Confirmation {
                jkt: key.to_string(),
            }),
        }
    }
}

impl TryFrom<StrictClaims> for Claims {
    type Error = TokenError;

    /// What is said of a person is said whole, or not at all.
    fn try_from(claims: StrictClaims) -> Result<Self, TokenError> {
        let person = match (claims.sid, claims.preferred_username, claims.auth_time) {
            (Some(sid), Some(username), Some(auth_time)) => Some(Person {
                subject: part(claims.sub.parse())?,
                sid: part(sid.parse())?,
                username: part(username.parse())?,
                authenticated_at: part(OffsetDateTime::from_unix_timestamp(auth_time))?,
            }),
            (None, None, None) if claims.sub == claims.client_id => None,
            _ => return Err(TokenError::Malformed),
        };
        Ok(Self {
            issuer: claims.iss,
            person,
            audience: claims.aud,
            client_id: claims.client_id,
            jti: part(claims.jti.parse())?,
            scopes: part(claims.scope.parse())?,
            issued_at: part(OffsetDateTime::from_unix_timestamp(claims.iat))?,
            expires_at: part(OffsetDateTime::from_unix_timestamp(claims.exp))?,
            key: claims
                .cnf
                .map(|confirmation| part(confirmation.jkt.parse()))
                .transpose()?,
        })
    }
}

fn part<T, E>(parsed: Result<T, E>) -> Result<T, TokenError> {
    parsed.map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests;
