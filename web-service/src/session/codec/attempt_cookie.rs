//! The cookie of an authentication that is in progress: what auth-service answered to a step, encrypted under the key that all instances
//! share.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_client::{AuthenticationFactor, NextSteps, TotpSetUp};
use holdfast_core::{clock::Clock, secret_key::SecretKey};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Separates the key of these cookies from that of all others.
const LABEL: &[u8] = b"holdfast attempt cookie v1";

/// Length limit of the value. Browsers accept 4096 bytes, the name included (RFC 6265bis §5.6).
const MAX_LENGTH: usize = 3900;

/// Whose authentication is in progress. It opens with the same one only.
#[derive(Clone, Copy, Debug)]
pub enum AttemptScope<'a> {
    /// A sign-in in the browser with this form, by the random value in `__Host-login`.
    SignIn(&'a [u8; 16]),
    /// A reauthentication in the login with this `sid`.
    Reauthentication(&'a str),
    /// The set-up of one-time codes in the login with this `sid`.
    TotpSetUp(&'a str),
}

/// Encrypts and opens the cookies. Each scope has a key of its own.
#[derive(Clone)]
pub struct AttemptCookies {
    key: hmac::Key,
    clock: Arc<dyn Clock>,
}

impl AttemptCookies {
    /// The cookies of the installation with this key.
    #[must_use]
    pub fn new(key: &SecretKey, clock: Arc<dyn Clock>) -> Self {
        let shared = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret());
        let own = hmac::sign(&shared, LABEL);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()),
            clock,
        }
    }

    /// The value of the cookie; `None` where it is too long for browsers, which happens with no factor that auth-service offers.
    #[must_use]
    pub fn seal(&self, scope: AttemptScope<'_>, steps: &NextSteps) -> Option<String> {
        let text = self.encrypt(scope, &Content::of(steps))?;
        if text.len() <= MAX_LENGTH {
            return Some(text);
        }
        let text = self.encrypt(scope, &Content::of(steps).without_lists())?;
        Some(text).filter(|text| text.len() <= MAX_LENGTH)
    }

    /// The steps in a cookie of this scope that has not expired.
    #[must_use]
    pub fn open(&self, scope: AttemptScope<'_>, text: &str) -> Option<NextSteps> {
        let sealed = Some(text).filter(|text| text.len() <= MAX_LENGTH)?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let key = self.key(scope)?;
        let json = key.open_in_place(nonce, Aad::empty(), &mut text).ok()?;
        let content: Content = serde_json::from_slice(json).ok()?;
        let steps = content.steps()?;
        (self.clock.now() < steps.expires_at).then_some(steps)
    }

    fn encrypt(&self, scope: AttemptScope<'_>, content: &Content) -> Option<String> {
        let mut text = serde_json::to_vec(content).ok()?;
        let nonce = self
            .key(scope)?
            .seal_in_place_append_tag(Aad::empty(), &mut text)
            .ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &text].concat()))
    }

    fn key(&self, scope: AttemptScope<'_>) -> Option<RandomizedNonceKey> {
        let (purpose, owner) = match scope {
            AttemptScope::SignIn(form) => (b"s", form.as_slice()),
            AttemptScope::Reauthentication(sid) => (b"r", sid.as_bytes()),
            AttemptScope::TotpSetUp(sid) => (b"t", sid.as_bytes()),
        };
        let key = hmac::sign(&self.key, &[purpose, owner].concat());
        RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).ok()
    }
}

/// What is encrypted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    attempt: String,
    factors: Vec<Factor>,
    /// Seconds since 1970.
    expires_at: i64,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trusted_browser_ttl: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Factor {
    Password,
    Totp,
    RecoveryCode,
    EnrolTotp { secret: String, uri: String },
    Passkey(String),
    EnrolPasskey(String),
}

impl Content {
    fn of(steps: &NextSteps) -> Self {
        Self {
            attempt: steps.attempt.expose_secret().to_owned(),
            factors: steps.factors.iter().map(Factor::of).collect(),
            expires_at: steps.expires_at.unix_timestamp(),
            trusted_browser_ttl: steps.trusted_browser_ttl.map(|ttl| ttl.as_secs()),
        }
    }

    /// Without the lists of passkeys in options, of which those of many passkeys are too long. Then the browser offers all discoverable
    /// passkeys of this site, of which auth-service accepts those of the account.
    fn without_lists(mut self) -> Self {
        for factor in &mut self.factors {
            if let Factor::Passkey(options) | Factor::EnrolPasskey(options) = factor {
                let shorter = without_lists(options);
                *options = shorter.unwrap_or_default();
            }
        }
        self
    }

    fn steps(self) -> Option<NextSteps> {
        Some(NextSteps {
            attempt: self.attempt.into(),
            factors: self.factors.into_iter().map(Factor::into_factor).collect(),
            expires_at: OffsetDateTime::from_unix_timestamp(self.expires_at).ok()?,
            trusted_browser_ttl: self.trusted_browser_ttl.map(Duration::from_secs),
        })
    }
}

fn without_lists(options: &str) -> Option<String> {
    let mut options: Value = serde_json::from_str(options).ok()?;
    let fields = options.as_object_mut()?;
    fields.remove("allowCredentials");
    fields.remove("excludeCredentials");
    Some(options.to_string())
}

impl Factor {
    fn of(factor: &AuthenticationFactor) -> Self {
        match factor {
            AuthenticationFactor::Password => Self::Password,
            AuthenticationFactor::Totp => Self::Totp,
            AuthenticationFactor::RecoveryCode => Self::RecoveryCode,
            AuthenticationFactor::EnrolTotp(TotpSetUp { secret, uri }) => Self::EnrolTotp {
                secret: secret.clone(),
                uri: uri.clone(),
            },
            AuthenticationFactor::Passkey(options) => Self::Passkey(options.clone()),
            AuthenticationFactor::EnrolPasskey(options) => Self::EnrolPasskey(options.clone()),
        }
    }

    fn into_factor(self) -> AuthenticationFactor {
        match self {
            Self::Password => AuthenticationFactor::Password,
            Self::Totp => AuthenticationFactor::Totp,
            Self::RecoveryCode => AuthenticationFactor::RecoveryCode,
            Self::EnrolTotp { secret, uri } => {
                AuthenticationFactor::EnrolTotp(TotpSetUp { secret, uri })
            }
            Self::Passkey(options) => AuthenticationFactor::Passkey(options),
            Self::EnrolPasskey(options) => AuthenticationFactor::EnrolPasskey(options),
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::clock::ManualClock;
    use secrecy::SecretBox;
    use serde_json::json;

    use super::*;

    const FORM: [u8; 16] = [7; 16];

    fn cookies(key: u8, clock: &ManualClock) -> AttemptCookies {
        let key = SecretBox::new(Box::new([key; 32]));
        AttemptCookies::new(&key, Arc::new(clock.clone()))
    }

    fn steps(clock: &ManualClock, factors: Vec<AuthenticationFactor>) -> NextSteps {
        NextSteps {
            attempt: "hfa_AAAA".to_owned().into(),
            factors,
            expires_at: clock.now() + Duration::from_mins(10),
            trusted_browser_ttl: Some(Duration::from_hours(1)),
        }
    }

    fn all_factors() -> Vec<AuthenticationFactor> {
        vec![
            AuthenticationFactor::Password,
            AuthenticationFactor::Totp,
            AuthenticationFactor::RecoveryCode,
            AuthenticationFactor::EnrolTotp(TotpSetUp {
                secret: "MFRGG".to_owned(),
                uri: "otpauth://totp/a".to_owned(),
            }),
            AuthenticationFactor::Passkey("{}".to_owned()),
            AuthenticationFactor::EnrolPasskey("{}".to_owned()),
        ]
    }

    #[test]
    fn cookie_opens_in_its_scope_until_it_expires() {
        let clock = ManualClock::default();
        let (own, other) = (cookies(1, &clock), cookies(2, &clock));
        let scope = AttemptScope::SignIn(&FORM);
        let text = own.seal(scope, &steps(&clock, all_factors())).unwrap();
        let opened = own.open(scope, &text).unwrap();
        assert_eq!(opened.attempt.expose_secret(), "hfa_AAAA");
        assert_eq!(opened.factors, all_factors());
        assert_eq!(opened.trusted_browser_ttl, Some(Duration::from_hours(1)));

        let sid = str::from_utf8(&FORM).unwrap();
        for scope in [
            AttemptScope::SignIn(&[8; 16]),
            AttemptScope::Reauthentication(sid),
            AttemptScope::TotpSetUp(sid),
        ] {
            assert!(own.open(scope, &text).is_none(), "{scope:?}");
        }
        assert!(other.open(scope, &text).is_none());
        for changed in ["", &text[1..], &format!("{text}A")] {
            assert!(own.open(scope, changed).is_none(), "{changed}");
        }
        clock.advance(Duration::from_mins(10));
        assert!(own.open(scope, &text).is_none());
    }

    #[test]
    fn list_of_many_passkeys_is_left_out() {
        let clock = ManualClock::default();
        let allowed = vec![json!({"type": "public-key", "id": "A".repeat(200)}); 20];
        let options = json!({"challenge": "AAAA", "allowCredentials": allowed}).to_string();
        let steps = steps(&clock, vec![AuthenticationFactor::Passkey(options)]);
        let scope = AttemptScope::Reauthentication("a");
        let text = cookies(1, &clock).seal(scope, &steps).unwrap();
        assert!(text.len() < MAX_LENGTH);
        let opened = cookies(1, &clock).open(scope, &text).unwrap();
        let short = json!({"challenge": "AAAA"}).to_string();
        assert_eq!(opened.factors, [AuthenticationFactor::Passkey(short)]);
    }
}
