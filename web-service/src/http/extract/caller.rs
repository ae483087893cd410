//! Who calls a JSON route: a browser with its cookie, or a program with its access token.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
};
use holdfast_client::auth::{AuthError, Authorization, ClientKind};

use crate::{
    http::{
        api::{
            bearer::{self, Scheme},
            problem::Problem,
        },
        content_type,
        csrf::provenance,
        dpop::{CarriesNonce, Dpop},
        request_source::Visitor,
        signed_in::AuthenticatedSession,
        state::AppState,
    },
    request::fetch_metadata::RequestInitiator,
};

/// For JSON routes of browsers: without a session the answer is 401. What changes something needs proof that a page of ours
/// asks.
pub(in crate::http) struct ApiBrowser(pub(in crate::http) AuthenticatedSession);

/// A person, by cookie or by access token, and what acts for them.
pub(in crate::http) struct ApiPerson {
    pub(super) authorization: Authorization,
    pub(super) known_by: AuthScheme,
    dpop: Dpop,
}

/// How a caller proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthScheme {
    /// By a session cookie.
    Cookie,
    /// By an access token.
    Token(Scheme),
}

impl FromRequestParts<AppState> for ApiBrowser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // An access token decides where it is presented; there is no falling back to the cookie.
        if bearer::is_presented(&parts.headers) {
            return Err(Problem::no_session());
        }
        if !parts.method.is_safe() {
            prove_same_origin(&parts.headers, &state.public_url.origin)?;
        }
        Ok(Self(
            AuthenticatedSession::find(Visitor::of(parts), state).await?,
        ))
    }
}

impl FromRequestParts<AppState> for ApiPerson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let dpop = Dpop::of(parts, &state.public_url);
        if bearer::is_presented(&parts.headers) {
            let (scheme, token) = bearer::read(&parts.headers)?;
            return Ok(Self {
                authorization: Authorization {
                    access_token: token.to_owned().into(),
                    proof: bearer::proof(scheme, &dpop)?.cloned(),
                },
                known_by: AuthScheme::Token(scheme),
                dpop,
            });
        }
        let ApiBrowser(browser) = ApiBrowser::from_request_parts(parts, state).await?;
        let actor = browser.act(state).await?;
        Ok(Self {
            authorization: actor.authorization,
            known_by: AuthScheme::Cookie,
            dpop,
        })
    }
}

/// A cookie comes along whoever asks: the browser has to say that it was a page of ours, and the content type has to be one
/// that no form can send (ASVS 3.5).
fn prove_same_origin(headers: &HeaderMap, own_origin: &str) -> Result<(), Problem> {
    if provenance(headers, own_origin) != RequestInitiator::SameOrigin {
        return Err(Problem::foreign_origin());
    }
    if content_type::is(headers, "application/json") {
        Ok(())
    } else {
        Err(Problem::invalid(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type must be application/json",
        ))
    }
}

impl ApiPerson {
    pub(super) const fn kind(&self) -> ClientKind {
        match self.known_by {
            AuthScheme::Cookie => ClientKind::Browser,
            AuthScheme::Token(_) => ClientKind::Api,
        }
    }

    /// What auth-service answered; a refusal in the terms of how this caller proved who they are.
    pub(super) fn heard<T: CarriesNonce>(
        &self,
        answer: Result<T, AuthError>,
    ) -> Result<T, Problem> {
        let answer = self.dpop.heard(answer);
        answer.map_err(|error| match self.known_by {
            AuthScheme::Cookie => Problem::for_session(error),
            AuthScheme::Token(scheme) => Problem::for_token(error, scheme),
        })
    }
}
