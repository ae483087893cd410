//! The access token in `Authorization` (RFC 6750 §2.1, RFC 9449 §7.1).

use http::{HeaderMap, HeaderValue, header};

/// How an access token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScheme {
    /// `Bearer` (RFC 6750 §2.1).
    Bearer,
    /// `DPoP`, together with a proof of the key that the token is bound to (RFC 9449 §7.1).
    Dpop,
}

/// An access token and the scheme that it is presented with.
pub type PresentedToken<'a> = (TokenScheme, &'a str);

/// Why a request presents no access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// There is no `Authorization` with one of the schemes.
    #[error("no access token")]
    Missing,
    /// `Authorization` is repeated, or is not a scheme and one token.
    #[error("malformed Authorization")]
    Malformed,
}

/// Whether `Authorization` is one of this service: it contains an access token, or should. Other schemes, such as the `Basic` of a
/// staging site or `Negotiate`, are not credentials here, and count as if they were absent.
#[must_use]
pub fn is_presented(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    values.any(|value| scheme(value).is_some())
}

/// The only access token of a request, with its scheme, whose name may have any case.
pub fn read(headers: &HeaderMap) -> Result<PresentedToken<'_>, AuthorizationError> {
    split(only(headers)?)
}

fn scheme(value: &HeaderValue) -> Option<TokenScheme> {
    let mut words = value.as_bytes().split(u8::is_ascii_whitespace);
    let name = words.next()?;
    [
        (b"bearer".as_slice(), TokenScheme::Bearer),
        (b"dpop", TokenScheme::Dpop),
    ]
    .into_iter()
    .find(|(known, _)| name.eq_ignore_ascii_case(known))
    .map(|(_, scheme)| scheme)
}

fn only(headers: &HeaderMap) -> Result<&HeaderValue, AuthorizationError> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let value = values.next().ok_or(AuthorizationError::Missing)?;
    if values.next().is_some() {
        return Err(AuthorizationError::Malformed);
    }
    Ok(value)
}

fn split(value: &HeaderValue) -> Result<PresentedToken<'_>, AuthorizationError> {
    let scheme = scheme(value).ok_or(AuthorizationError::Missing)?;
    let value = value.to_str().map_err(|_| AuthorizationError::Malformed)?;
    let (_, token) = value.split_once(' ').ok_or(AuthorizationError::Malformed)?;
    Ok((scheme, token.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        matches!(read(&headers), Ok((_, "abc")))
    }

    #[test]
    fn exactly_one_access_token_is_read() {
        assert!(reads(&["Bearer abc"]));
        assert!(reads(&["bearer abc"]));
        assert!(reads(&["bearer  abc"]));
        assert!(reads(&["DPoP abc"]));
        assert!(!reads(&["DPoP"]));
        assert!(!reads(&[]));
        assert!(!reads(&["Bearer"]));
        assert!(!reads(&["Basic abc"]));
        assert!(!reads(&["Bearer abc", "Bearer abc"]));
    }

    #[test]
    fn other_schemes_are_ignored() {
        let is_presented = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_bytes(value).unwrap();
                headers.append(header::AUTHORIZATION, value);
            }
            super::is_presented(&headers)
        };
        let known: [&[u8]; 6] = [
            b"Bearer abc",
            b"bearer",
            b"DPOP abc",
            b"dpop\tabc",
            b"Bearer ",
            b"Bearer \xff",
        ];
        for value in known {
            assert!(is_presented(&[value]), "{value:?}");
            assert!(is_presented(&[b"Basic abc", value]));
        }
        let others: [&[u8]; 7] = [
            b"",
            b"Basic abc",
            b"Negotiate abc",
            b"Bearerabc",
            b"Bearer,abc",
            b"\xff abc",
            b"Digest a=\"Bearer abc\"",
        ];
        for value in others {
            assert!(!is_presented(&[value]), "{value:?}");
            assert!(!is_presented(&[value, value]));
        }
        assert!(!is_presented(&[]));
    }
}
