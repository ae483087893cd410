//! The access token of a request (RFC 6750 §2.1, RFC 9449 §7.1).

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use holdfast_client::auth::{Claims, DpopProof};

use crate::http::{api::problem::Problem, dpop::Dpop, state::AppState};

/// What every route with a bearer needs to be told: who it is.
pub(super) const SCOPE: &str = "profile";

/// A valid access token and what it says.
pub(in crate::http) struct Bearer {
    pub(super) claims: Arc<Claims>,
}

/// How an access token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Scheme {
    /// By whoever bears it (RFC 6750 §2.1).
    Bearer,
    /// By whoever has its key (RFC 9449 §7.1).
    Dpop,
}

impl FromRequestParts<AppState> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let (scheme, token) = read(&parts.headers)?;
        let dpop = Dpop::of(parts, &state.public_url);
        let proof = proof(scheme, &dpop)?;
        let judged = state.verify.validate(token, proof, "", &[SCOPE]).await;
        let claims = dpop
            .heard(judged)
            .map_err(|error| Problem::for_token(error, scheme))?;
        Ok(Self { claims })
    }
}

/// What has to come with a token that is presented like this; with one that its bearer may use nothing counts.
pub(super) fn proof(scheme: Scheme, dpop: &Dpop) -> Result<Option<&DpopProof>, Problem> {
    match scheme {
        Scheme::Bearer => Ok(None),
        Scheme::Dpop => dpop.proof().map(Some).ok_or_else(Problem::no_dpop_proof),
    }
}

/// Whether `Authorization` is for us: it holds an access token, or would. Other schemes, such as the `Basic` of a staging site or
/// `Negotiate`, are not credentials for us, and count as if they were not there.
pub(crate) fn is_presented(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    values.any(|value| scheme(value).is_some())
}

fn scheme(value: &HeaderValue) -> Option<Scheme> {
    let mut words = value.as_bytes().split(u8::is_ascii_whitespace);
    let name = words.next()?;
    [
        (b"bearer".as_slice(), Scheme::Bearer),
        (b"dpop", Scheme::Dpop),
    ]
    .into_iter()
    .find(|(known, _)| name.eq_ignore_ascii_case(known))
    .map(|(_, scheme)| scheme)
}

/// The one access token of the headers, and how it is presented; the scheme's name in any case.
pub(in crate::http) fn read(headers: &HeaderMap) -> Result<(Scheme, &str), Problem> {
    split(presented(headers)?)
}

fn presented(headers: &HeaderMap) -> Result<&HeaderValue, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let value = values.next().ok_or_else(Problem::no_token)?;
    if values.next().is_some() {
        return Err(Problem::malformed_token());
    }
    Ok(value)
}

fn split(value: &HeaderValue) -> Result<(Scheme, &str), Problem> {
    let scheme = scheme(value).ok_or_else(Problem::no_token)?;
    let value = value.to_str().map_err(|_| Problem::malformed_token())?;
    let (_, token) = value.split_once(' ').ok_or_else(Problem::malformed_token)?;
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
    fn exactly_one_bearer_token_counts() {
        assert!(reads(&["Bearer abc"]));
        assert!(reads(&["bearer abc"]));
        assert!(reads(&["DPoP abc"]));
        assert!(!reads(&["DPoP"]));
        assert!(!reads(&[]));
        assert!(!reads(&["Bearer"]));
        assert!(!reads(&["Basic abc"]));
        assert!(!reads(&["Bearer abc", "Bearer abc"]));
    }

    #[test]
    fn other_schemes_are_not_for_us() {
        let is_presented = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_bytes(value).unwrap();
                headers.append(header::AUTHORIZATION, value);
            }
            crate::http::api::bearer::is_presented(&headers)
        };
        let ours: [&[u8]; 6] = [
            b"Bearer abc",
            b"bearer",
            b"DPOP abc",
            b"dpop\tabc",
            b"Bearer ",
            b"Bearer \xff",
        ];
        for value in ours {
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
