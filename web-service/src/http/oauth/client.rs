//! Client authentication: `client_secret_basic`, `client_secret_post`, `private_key_jwt` or none; one method in a request (RFC 6749
//! §2.3).

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdfast_client::{ClientAuthentication, ClientCredentials};
use url::form_urlencoded;

use crate::http::oauth::error::OauthError;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn read(
    headers: &HeaderMap,
    parameters: &mut HashMap<String, String>,
) -> Result<ClientCredentials, OauthError> {
    let mut take = |name: &str| parameters.remove(name).filter(|value| !value.is_empty());
    let (id, secret) = (take("client_id"), take("client_secret"));
    let (assertion, kind) = (take("client_assertion"), take("client_assertion_type"));
    // Other schemes are not credentials for these endpoints.
    let values = headers.get_all(header::AUTHORIZATION).iter();
    let mut values = values.filter(|value| is_basic(value));
    let authorization = values.next();
    let methods = [
        authorization.is_some(),
        secret.is_some(),
        assertion.is_some(),
    ];
    if values.next().is_some() || methods.into_iter().filter(|is_used| *is_used).count() > 1 {
        return Err(OauthError::invalid_request(
            "the request has more than one client authentication",
        ));
    }
    if let Some(authorization) = authorization {
        let credentials = basic(authorization).ok_or_else(OauthError::invalid_client)?;
        if id.is_some() && id != credentials.id {
            return Err(OauthError::invalid_request(
                "client_id differs from that in Authorization",
            ));
        }
        return Ok(credentials);
    }
    let proof = match (assertion, secret) {
        (Some(_), _) if kind.as_deref() != Some(JWT_BEARER) => {
            return Err(OauthError::invalid_request(
                "client_assertion_type is not jwt-bearer",
            ));
        }
        (Some(assertion), _) => ClientAuthentication::Assertion(assertion.into()),
        (None, Some(secret)) => ClientAuthentication::Secret(secret.into()),
        (None, None) => ClientAuthentication::None,
    };
    Ok(ClientCredentials { id, proof })
}

fn is_basic(value: &HeaderValue) -> bool {
    let mut words = value.as_bytes().split(u8::is_ascii_whitespace);
    words
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
}

/// The credentials of `Basic`; both parts are form-encoded before (RFC 6749 §2.3.1).
fn basic(value: &HeaderValue) -> Option<ClientCredentials> {
    let (_, encoded) = value.to_str().ok()?.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some(ClientCredentials {
        id: Some(form_decoded(id)).filter(|id| !id.is_empty()),
        proof: ClientAuthentication::Secret(form_decoded(secret).into()),
    })
}

fn form_decoded(text: &str) -> String {
    // One name without a value.
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    pairs
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn credentials(id: &str, secret: &str) -> Option<(String, String)> {
        let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let read = basic(&HeaderValue::from_str(&value).unwrap())?;
        match read.proof {
            ClientAuthentication::Secret(secret) => {
                Some((read.id?, secret.expose_secret().to_owned()))
            }
            _ => None,
        }
    }

    #[test]
    fn basic_credentials_are_form_encoded() {
        let read = credentials("orders", "a%2Bb+c%3A%25").unwrap();
        assert_eq!(read, ("orders".to_owned(), "a+b c:%".to_owned()));
        assert!(basic(&HeaderValue::from_static("Basic !")).is_none());
        assert!(basic(&HeaderValue::from_static("Bearer abc")).is_none());
    }
}
