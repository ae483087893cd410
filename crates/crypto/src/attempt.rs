//! Authentication attempts, sealed for their caller with AES-256-GCM.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    account::AuthenticationVersion,
    authentication::{
        Attempt, AttemptCodec, AttemptId, AttemptPurpose, Challenge, PasskeyRegistrationAttempt,
        ReauthenticationAttempt, SignInAttempt, TotpEnrolmentAttempt, TotpSecret, VerifiedFactors,
    },
    login::SignInForm,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::sealed_handle::{HandleKind, HandleSealer};

/// The texts of attempts; the longest username needs less.
const ATTEMPT: HandleKind = HandleKind {
    prefix: "hfa_",
    place: "attempt",
    max_length: 4096,
};

/// The key of attempts, which all instances share.
pub struct AttemptSealer(HandleSealer);

impl AttemptSealer {
    /// The key from 32 random bytes.
    #[must_use]
    pub fn new(bytes: &Zeroizing<Vec<u8>>) -> Self {
        Self(HandleSealer::new(bytes))
    }
}

/// An attempt as it is sealed. Identifiers are base64url, so that all sign-ins with names of one length have one length.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedAttempt {
    purpose: SealedPurpose,
    /// In seconds since 1970.
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum SealedPurpose {
    SignIn {
        id: String,
        username: String,
        form: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        challenge: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verified: Option<SealedFactors>,
    },
    Reauthentication {
        sid: String,
        /// In milliseconds since 1970.
        authenticated_at: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_level: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        challenge: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verified: Option<SealedFactors>,
    },
    TotpEnrolment {
        sid: String,
        version: i64,
        secret: String,
    },
    PasskeyRegistration {
        sid: String,
        version: i64,
        challenge: String,
    },
}

/// The factors that were verified so far, as they are sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFactors {
    user: String,
    version: i64,
    factors: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enrolment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
}

impl AttemptCodec for AttemptSealer {
    fn seal(&self, attempt: &Attempt) -> String {
        let sealed = SealedAttempt {
            purpose: encode(&attempt.purpose),
            expires_at: attempt.expires_at.unix_timestamp(),
        };
        self.0.seal(&ATTEMPT, sealed.expires_at, &sealed)
    }

    fn open(&self, text: &str) -> Option<Attempt> {
        let attempt: SealedAttempt = self.0.open(&ATTEMPT, text)?;
        Some(Attempt {
            purpose: decode(attempt.purpose)?,
            expires_at: OffsetDateTime::from_unix_timestamp(attempt.expires_at).ok()?,
        })
    }
}

fn encode(purpose: &AttemptPurpose) -> SealedPurpose {
    match purpose {
        AttemptPurpose::SignIn(attempt) => SealedPurpose::SignIn {
            id: URL_SAFE_NO_PAD.encode(attempt.id.0),
            username: attempt.username.clone(),
            form: attempt
                .form
                .map(|form| URL_SAFE_NO_PAD.encode(form.as_bytes())),
            challenge: attempt.challenge.as_ref().map(encode_challenge),
            verified: attempt.verified.as_ref().map(encode_verified),
        },
        AttemptPurpose::Reauthentication(attempt) => SealedPurpose::Reauthentication {
            sid: attempt.sid.to_string(),
            authenticated_at: millis(attempt.authenticated_at),
            min_level: attempt.min_level.map(|level| level.acr().to_owned()),
            challenge: attempt.challenge.as_ref().map(encode_challenge),
            verified: attempt.verified.as_ref().map(encode_verified),
        },
        AttemptPurpose::TotpEnrolment(attempt) => SealedPurpose::TotpEnrolment {
            sid: attempt.sid.to_string(),
            version: attempt.version.0,
            secret: URL_SAFE_NO_PAD.encode(attempt.secret.expose()),
        },
        AttemptPurpose::PasskeyRegistration(attempt) => SealedPurpose::PasskeyRegistration {
            sid: attempt.sid.to_string(),
            version: attempt.version.0,
            challenge: encode_challenge(&attempt.challenge),
        },
    }
}

fn encode_challenge(challenge: &Challenge) -> String {
    URL_SAFE_NO_PAD.encode(challenge.as_bytes())
}

fn encode_verified(verified: &VerifiedFactors) -> SealedFactors {
    let secret = verified.enrolment.as_ref();
    SealedFactors {
        user: verified.user.to_string(),
        version: verified.version.0,
        factors: verified.factors.to_string(),
        enrolment: secret.map(|secret| URL_SAFE_NO_PAD.encode(secret.expose())),
        challenge: verified.challenge.as_ref().map(encode_challenge),
    }
}

fn decode(purpose: SealedPurpose) -> Option<AttemptPurpose> {
    match purpose {
        SealedPurpose::SignIn {
            id,
            username,
            form,
            challenge,
            verified,
        } => Some(AttemptPurpose::SignIn(SignInAttempt {
            id: AttemptId(bytes(&id)?.as_slice().try_into().ok()?),
            username,
            form: match form {
                Some(form) => Some(SignInForm::from_bytes(&bytes(&form)?)?),
                None => None,
            },
            challenge: decode_challenge(challenge)?,
            verified: decode_verified(verified)?,
        })),
        SealedPurpose::Reauthentication {
            sid,
            authenticated_at,
            min_level,
            challenge,
            verified,
        } => {
            let nanos = i128::from(authenticated_at) * 1_000_000;
            let attempt = ReauthenticationAttempt {
                sid: sid.parse().ok()?,
                authenticated_at: OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?,
                min_level: match min_level {
                    Some(level) => Some(level.parse().ok()?),
                    None => None,
                },
                challenge: decode_challenge(challenge)?,
                verified: decode_verified(verified)?,
            };
            Some(AttemptPurpose::Reauthentication(attempt))
        }
        SealedPurpose::TotpEnrolment {
            sid,
            version,
            secret,
        } => Some(AttemptPurpose::TotpEnrolment(TotpEnrolmentAttempt {
            sid: sid.parse().ok()?,
            version: AuthenticationVersion(version),
            secret: TotpSecret::from_bytes(&bytes(&secret)?)?,
        })),
        SealedPurpose::PasskeyRegistration {
            sid,
            version,
            challenge,
        } => Some(AttemptPurpose::PasskeyRegistration(
            PasskeyRegistrationAttempt {
                sid: sid.parse().ok()?,
                version: AuthenticationVersion(version),
                challenge: decode_challenge(Some(challenge))??,
            },
        )),
    }
}

/// `Some(None)`: there is none. `None`: it is invalid.
fn decode_challenge(sealed: Option<String>) -> Option<Option<Challenge>> {
    match sealed {
        Some(text) => Some(Some(Challenge::from_bytes(&bytes(&text)?)?)),
        None => Some(None),
    }
}

/// `Some(None)`: no factor was verified. `None`: the content is invalid.
fn decode_verified(sealed: Option<SealedFactors>) -> Option<Option<VerifiedFactors>> {
    let Some(sealed) = sealed else {
        return Some(None);
    };
    Some(Some(VerifiedFactors {
        user: sealed.user.parse().ok()?,
        version: AuthenticationVersion(sealed.version),
        factors: sealed.factors.parse().ok()?,
        enrolment: match sealed.enrolment {
            Some(secret) => Some(TotpSecret::from_bytes(&bytes(&secret)?)?),
            None => None,
        },
        challenge: decode_challenge(sealed.challenge)?,
    }))
}

fn bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    URL_SAFE_NO_PAD.decode(text).ok().map(Zeroizing::new)
}

/// The precision of the store.
fn millis(time: OffsetDateTime) -> i64 {
    let millis = time.unix_timestamp_nanos() / 1_000_000;
    i64::try_from(millis).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_identity::{
        authentication::{AssuranceLevel, Factor},
        id::{Sid, UserId},
    };

    use super::*;

    fn key(byte: u8) -> AttemptSealer {
        AttemptSealer::new(&Zeroizing::new(vec![byte; 32]))
    }

    fn attempt() -> Attempt {
        Attempt {
            purpose: AttemptPurpose::SignIn(SignInAttempt {
                id: AttemptId([1; 16]),
                username: "ada".to_owned(),
                form: SignInForm::from_bytes(&[2; 16]),
                challenge: Challenge::from_bytes(&[6; 32]),
                verified: None,
            }),
            expires_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn verified(enrolment: Option<TotpSecret>) -> VerifiedFactors {
        VerifiedFactors {
            user: UserId::from_random_bytes([5; 16]),
            version: AuthenticationVersion(7),
            factors: Factor::Password.into(),
            enrolment,
            challenge: Challenge::from_bytes(&[7; 32]),
        }
    }

    #[test]
    fn attempt_of_each_purpose_keeps_its_content() {
        let again = Attempt {
            purpose: AttemptPurpose::Reauthentication(ReauthenticationAttempt {
                sid: Sid::from_random_bytes([3; 16]),
                authenticated_at: OffsetDateTime::UNIX_EPOCH + Duration::from_millis(1_234_567),
                min_level: Some(AssuranceLevel::Aal2),
                challenge: None,
                verified: Some(verified(None)),
            }),
            ..attempt()
        };
        let enrolling = Attempt {
            purpose: AttemptPurpose::SignIn(SignInAttempt {
                id: AttemptId([1; 16]),
                username: "ada".to_owned(),
                form: None,
                challenge: None,
                verified: Some(verified(TotpSecret::from_bytes(&[4; 20]))),
            }),
            ..attempt()
        };
        let enrolment = Attempt {
            purpose: AttemptPurpose::TotpEnrolment(TotpEnrolmentAttempt {
                sid: Sid::from_random_bytes([3; 16]),
                version: AuthenticationVersion(7),
                secret: TotpSecret::from_bytes(&[4; 20]).unwrap(),
            }),
            ..attempt()
        };
        let registration = Attempt {
            purpose: AttemptPurpose::PasskeyRegistration(PasskeyRegistrationAttempt {
                sid: Sid::from_random_bytes([3; 16]),
                version: AuthenticationVersion(7),
                challenge: Challenge::from_bytes(&[8; 32]).unwrap(),
            }),
            ..attempt()
        };
        for attempt in [attempt(), again, enrolling, enrolment, registration] {
            assert_eq!(key(1).open(&key(1).seal(&attempt)), Some(attempt));
        }
    }

    #[test]
    fn sealed_attempt_opens_under_its_key_only() {
        let text = key(1).seal(&attempt());
        assert!(text.starts_with("hfa_") && !text.contains("ada"));
        assert_eq!(key(1).open(&text), Some(attempt()));
        assert_eq!(key(2).open(&text), None);
    }

    #[test]
    fn changed_text_is_refused() {
        let text = key(1).seal(&attempt());
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(key(1).open(&changed), None, "{index}");
        }
        for malformed in ["", "hfa_", &text[..text.len() - 1], &format!("{text}AAAA")] {
            assert_eq!(key(1).open(malformed), None, "{malformed}");
        }
    }
}
