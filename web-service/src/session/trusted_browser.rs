//! What the cookie of a trusted browser contains: its token and, if it is bound to a device, the key of that device.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_crypto::verifying_key::VerifyingKey;
use secrecy::{ExposeSecret as _, SecretString};

use crate::session::device_binding::device::DeviceKey;

/// Length limit of a value, in bytes.
const MAX_LENGTH: usize = 256;

/// Stands between token and key.
const SEPARATOR: char = '.';

/// The value of the cookie of a trusted browser. The key needs no protection: auth-service knows by its thumbprint which one it is bound to.
#[derive(Clone, Debug)]
pub struct TrustedBrowserCookie {
    /// The token of auth-service, whose form is checked there.
    pub token: SecretString,
    /// The device key without whose proof the token is of no use; `None` if it is not bound.
    pub key: Option<DeviceKey>,
}

impl TrustedBrowserCookie {
    /// Reads a value; `None` if it is too long, or has a key that is none.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > MAX_LENGTH {
            return None;
        }
        let (token, key) = match value.split_once(SEPARATOR) {
            None => (value, None),
            Some((token, key)) => {
                let point = URL_SAFE_NO_PAD.decode(key).ok()?;
                (token, Some(DeviceKey(point.try_into().ok()?)))
            }
        };
        Some(Self {
            token: token.to_owned().into(),
            key,
        })
    }

    /// The value of a cookie.
    #[must_use]
    pub fn value(&self) -> SecretString {
        let token = self.token.expose_secret();
        match &self.key {
            None => token.to_owned().into(),
            Some(DeviceKey(point)) => {
                let key = URL_SAFE_NO_PAD.encode(point);
                format!("{token}{SEPARATOR}{key}").into()
            }
        }
    }
}

/// The thumbprint of a device key (RFC 7638); `None` if it is no point of the curve.
#[must_use]
pub fn thumbprint(DeviceKey(point): &DeviceKey) -> Option<String> {
    let (x, y) = point.split_at(point.len() / 2);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    let key = VerifyingKey::from_json(&jwk).ok()?;
    Some(key.thumbprint())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 7517 §A.1.
    const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
    const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

    #[test]
    fn cookie_is_read_as_it_was_made() {
        for key in [None, Some(DeviceKey([7; 64]))] {
            let cookie = TrustedBrowserCookie {
                token: "hfb_07".to_owned().into(),
                key,
            };
            let read = TrustedBrowserCookie::parse(cookie.value().expose_secret()).unwrap();
            assert_eq!(read.token.expose_secret(), "hfb_07");
            assert_eq!(read.key, key);
        }
        let long = "h".repeat(257);
        for value in ["hfb_07.", "hfb_07.AAAA", "hfb_07.!", long.as_str()] {
            assert!(TrustedBrowserCookie::parse(value).is_none(), "{value}");
        }
    }

    #[test]
    fn thumbprint_is_that_of_the_key_in_a_jwk() {
        let decode = |text| URL_SAFE_NO_PAD.decode(text).unwrap();
        let point = [decode(X), decode(Y)].concat().try_into().unwrap();
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"}}"#);
        let expected = VerifyingKey::from_json(&jwk).unwrap().thumbprint();
        assert_eq!(thumbprint(&DeviceKey(point)), Some(expected));
        assert_eq!(thumbprint(&DeviceKey([0; 64])), None);
    }
}
