//! The access token of a request (RFC 6750 §2.1).

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};

use super::problem::Problem;
use crate::domain::auth::{Auth, Claims};

/// What every route with a bearer needs to be told: who it is.
const SCOPE: &str = "profile";

/// A valid access token and what it says.
pub(in crate::http) struct Bearer {
    pub(super) token: String,
    pub(super) claims: Claims,
}

impl<S> FromRequestParts<S> for Bearer
where
    S: Send + Sync,
    Arc<dyn Auth>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = read(&parts.headers)?.to_owned();
        let auth = Arc::<dyn Auth>::from_ref(state);
        let claims = auth
            .validate(&token, "", &[SCOPE.to_owned()])
            .await
            .map_err(Problem::for_bearer)?;
        Ok(Self { token, claims })
    }
}

/// The one bearer token of the headers; the scheme's name in any case.
pub(in crate::http) fn read(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let value = values.next().ok_or_else(Problem::no_token)?;
    if values.next().is_some() {
        return Err(Problem::malformed_token());
    }
    let value = value.to_str().map_err(|_| Problem::malformed_token())?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start()),
        _ if value.eq_ignore_ascii_case("bearer") => Err(Problem::malformed_token()),
        _ => Err(Problem::no_token()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        matches!(read(&headers), Ok("abc"))
    }

    #[test]
    fn exactly_one_bearer_token_counts() {
        assert!(reads(&["Bearer abc"]));
        assert!(reads(&["bearer abc"]));
        assert!(!reads(&[]));
        assert!(!reads(&["Bearer"]));
        assert!(!reads(&["Basic abc"]));
        assert!(!reads(&["Bearer abc", "Bearer abc"]));
    }
}
