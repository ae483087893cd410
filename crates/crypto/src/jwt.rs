//! Access tokens, JWTs of the type `at+jwt` that are parsed strictly (RFC 9068, RFC 8725), and JWTs of other types under the same keys.

mod typed;

use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::bounded_cache::TwoGenerationCache;
use holdfast_identity::{
    authentication::Factor,
    id::GrantId,
    key::{PublishedKeys, StoredSigningKey},
    oauth::{SubjectIdCodec, SubjectIds},
    token::{AccessTokens, Claims, Person, SigningError, TokenError},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{hash::sha256, jws::Unverified, key_ring::KeyRing, signing_key::SigningKey};

/// Maximum length of a token, in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// `typ` of an access token. The long form is accepted, too, and case is not significant.
const TYPE: &str = "at+jwt";
const LONG_TYPE: &str = "application/at+jwt";

/// Number of verified tokens that are cached, with about 700 bytes each.
const CACHED_TOKENS: usize = 65_536;

/// Signs and verifies JWTs with a key ring. Verified access tokens are cached by their SHA-256 until the key ring is replaced, so that a
/// signature is verified once.
pub struct Jwts {
    keys: RwLock<Arc<KeyRing>>,
    subject_ids: Arc<dyn SubjectIdCodec>,
    verified: TwoGenerationCache<[u8; 32], Arc<Claims>>,
}

impl Jwts {
    /// With this key ring. `subject_ids` resolves pairwise identifiers.
    #[must_use]
    pub fn new(keys: KeyRing, subject_ids: Arc<dyn SubjectIdCodec>) -> Self {
        Self {
            keys: RwLock::new(Arc::new(keys)),
            subject_ids,
            verified: TwoGenerationCache::new(CACHED_TOKENS),
        }
    }

    /// Replaces the key ring, and empties the cache.
    pub fn replace(&self, keys: KeyRing) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        // A token whose key was removed must be rejected.
        self.verified.clear();
    }

    /// Whether the key ring consists of these keys.
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

/// The only header that is issued, and so the only one that is accepted: other parameters (`crit`, `b64`, `zip`, `jwk`, `jku`, `x5u`, `x5c`)
/// and duplicate names are rejected.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    typ: String,
    alg: String,
    kid: String,
}

/// The only claims that are issued, and so the only ones that are accepted. An unknown claim is rejected, as it could be a restriction of a
/// later version that this one does not check.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictClaims {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// Absent where `sub` and `sid` are not pairwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sector: Option<String>,
    /// Absent where the grant is the one that the login began with, which has the identifier of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant_id: Option<String>,
    jti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    scope: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    /// Absent, as `acr`, where the password was the only factor: instances of an earlier version accept such tokens during an upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amr: Option<Vec<String>>,
    /// Follows from `amr`; for applications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// The key that a token is bound to (RFC 9449 §6.1). An unknown confirmation method is rejected instead of ignored.
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
            .ok_or_else(|| SigningError("there is no signing key".to_owned()))?;
        sign_by(key, TYPE, &StrictClaims::from(claims))
    }

    fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        let unverified = Unverified::split(token, MAX_LENGTH).ok_or(TokenError::Malformed)?;
        let fingerprint = sha256(token);
        if let Some(claims) = self.verified.get(&fingerprint) {
            return Ok(claims);
        }
        let since = self.verified.clear_count();
        let claims = Arc::new(self.check_signature(unverified)?);
        self.verified
            .insert(since, fingerprint, Arc::clone(&claims));
        Ok(claims)
    }
}

impl Jwts {
    fn check_signature(&self, token: Unverified<'_>) -> Result<Claims, TokenError> {
        let header: StrictHeader = token.header().ok_or(TokenError::Malformed)?;
        if !is_access_token_type(&header.typ) {
            return Err(TokenError::Malformed);
        }
        let claims: StrictClaims = token.payload().ok_or(TokenError::Malformed)?;
        let claims = claims.parse(&*self.subject_ids)?;

        let keys = self.keys();
        let key = keys.verifier(&header.kid);
        let key = key.filter(|key| key.algorithm.is_for_access_tokens());
        let key = key.ok_or(TokenError::BadSignature)?;
        if header.alg != key.algorithm.as_str() {
            return Err(TokenError::Malformed);
        }
        if !key.has_signed(token.signature, token.message.as_bytes()) {
            return Err(TokenError::BadSignature);
        }
        Ok(claims)
    }
}

fn is_access_token_type(typ: &str) -> bool {
    let mut types = [TYPE, LONG_TYPE].into_iter();
    types.any(|access_token| typ.eq_ignore_ascii_case(access_token))
}

/// The JWT of type `typ` with these claims, signed by this key.
fn sign_by(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, SigningError> {
    let header = StrictHeader {
        typ: typ.to_owned(),
        alg: key.algorithm.to_string(),
        kid: key.kid.clone(),
    };
    let message = format!("{}.{}", segment(&header)?, segment(claims)?);
    let signature = key.sign(message.as_bytes()).map_err(SigningError)?;
    Ok(format!("{message}.{signature}"))
}

fn segment(content: &impl Serialize) -> Result<String, SigningError> {
    let json = serde_json::to_vec(content).map_err(|why| SigningError(why.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

impl From<&Claims> for StrictClaims {
    fn from(claims: &Claims) -> Self {
        let person = claims.person.as_ref();
        let several = person.filter(|person| !person.factors.is_password_alone());
        let level = several.and(claims.level());
        Self {
            iss: claims.issuer.clone(),
            sub: claims.subject(),
            aud: claims.audience.clone(),
            client_id: claims.client_id.clone(),
            sid: person.map(|person| person.ids.sid.to_string()),
            sector: person
                .and_then(|person| person.sector.as_ref())
                .map(ToString::to_string),
            grant_id: person
                .filter(|person| !person.has_first_grant())
                .map(|person| person.grant.to_string()),
            jti: claims.jti.to_string(),
            preferred_username: person.map(|person| person.username.to_string()),
            scope: claims.scopes.to_string(),
            iat: claims.issued_at.unix_timestamp(),
            exp: claims.expires_at.unix_timestamp(),
            auth_time: person.map(|person| person.authenticated_at.unix_timestamp()),
            amr: several.map(|person| person.factors.amr().map(str::to_owned).collect()),
            acr: level.map(|level| level.acr().to_owned()),
            cnf: claims.key.as_ref().map(|key| Confirmation {
                jkt: key.to_string(),
            }),
        }
    }
}

impl StrictClaims {
    /// The claims about a person are present all together or not at all.
    fn parse(self, subject_ids: &dyn SubjectIdCodec) -> Result<Claims, TokenError> {
        let claims = self;
        let person = match (claims.sid, claims.preferred_username, claims.auth_time) {
            (Some(sid), Some(username), Some(auth_time)) => {
                let sector = claims.sector.map(|sector| valid(sector.parse()));
                let sector = sector.transpose()?;
                let ids = SubjectIds {
                    subject: valid(claims.sub.parse())?,
                    sid: valid(sid.parse())?,
                };
                let (subject, sid) = subject_ids.decode(sector.as_ref(), ids);
                let grant = claims.grant_id.map(|id| valid(id.parse())).transpose()?;
                let factors = claims.amr.map(|amr| valid(amr.join(" ").parse()));
                Some(Person {
                    subject,
                    sid,
                    ids,
                    sector,
                    grant: grant.unwrap_or(GrantId::first_of(sid)),
                    username: valid(username.parse())?,
                    authenticated_at: valid(OffsetDateTime::from_unix_timestamp(auth_time))?,
                    factors: factors.transpose()?.unwrap_or(Factor::Password.into()),
                })
            }
            (None, None, None)
                if claims.sub == claims.client_id
                    && claims.sector.is_none()
                    && claims.grant_id.is_none()
                    && claims.amr.is_none()
                    && claims.acr.is_none() =>
            {
                None
            }
            _ => return Err(TokenError::Malformed),
        };
        Ok(Claims {
            issuer: claims.iss,
            person,
            audience: claims.aud,
            client_id: claims.client_id,
            jti: valid(claims.jti.parse())?,
            scopes: valid(claims.scope.parse())?,
            issued_at: valid(OffsetDateTime::from_unix_timestamp(claims.iat))?,
            expires_at: valid(OffsetDateTime::from_unix_timestamp(claims.exp))?,
            key: claims
                .cnf
                .map(|confirmation| valid(confirmation.jkt.parse()))
                .transpose()?,
        })
    }
}

fn valid<T, E>(parsed: Result<T, E>) -> Result<T, TokenError> {
    parsed.map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests;
