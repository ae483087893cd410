//! The caller of a JSON route: a browser by its session cookie, or an API client by its access token.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
};
use holdfast_client::{
    AuthError, Authorization, ClientInfo, ClientKind,
    authorization_header::{self, TokenScheme},
};

use crate::{
    http::{
        api::problem::Problem,
        content_type,
        csrf::initiator,
        dpop::{CarriesNonce, Dpop},
        extract::{access_token::required_proof, client::client_info, peer::peer_address},
        state::AppState,
    },
    request::fetch_metadata::RequestInitiator,
    session::authenticator::AuthenticatedSession,
};

/// The session of a JSON route. Without one the answer is 401. Unsafe methods need proof that a page of this origin caused the
/// request.
pub(in crate::http) struct ApiSession(pub(in crate::http) AuthenticatedSession);

/// The account's owner, by session cookie or access token, and what acts for them.
pub(in crate::http) struct ApiCaller {
    pub(in crate::http) authorization: Authorization,
    /// The source of the request.
    pub(in crate::http) client: ClientInfo,
    scheme: AuthScheme,
    dpop: Dpop,
}

/// How a caller is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AuthScheme {
    /// By a session cookie.
    Cookie,
    /// By an access token.
    Token(TokenScheme),
}

impl FromRequestParts<AppState> for ApiSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // Where an access token is presented the cookie does not count.
        if authorization_header::is_presented(&parts.headers) {
            return Err(Problem::no_session());
        }
        if !parts.method.is_safe() {
            require_same_origin(&parts.headers, &state.public_url.origin)?;
        }
        let peer = peer_address(&parts.extensions);
        let request = state.requests.read(&parts.headers, peer);
        Ok(Self(state.authenticator.authenticate(&request).await?))
    }
}

impl FromRequestParts<AppState> for ApiCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let dpop = Dpop::of(parts, &state.public_url);
        if authorization_header::is_presented(&parts.headers) {
            let (scheme, token) = authorization_header::read(&parts.headers)?;
            return Ok(Self {
                authorization: Authorization {
                    access_token: token.to_owned().into(),
                    proof: required_proof(scheme, &dpop)?.cloned(),
                },
                client: client_info(parts, state, ClientKind::Api),
                scheme: AuthScheme::Token(scheme),
                dpop,
            });
        }
        let ApiSession(session) = ApiSession::from_request_parts(parts, state).await?;
        let session = state.authenticator.access_token(session).await?;
        Ok(Self {
            authorization: session.authorization,
            client: client_info(parts, state, ClientKind::Browser),
            scheme: AuthScheme::Cookie,
            dpop,
        })
    }
}

/// Browsers attach a cookie whichever page causes a request: the browser has to report a page of this origin, and the content type
/// has to be one that no form can send (ASVS 3.5).
fn require_same_origin(headers: &HeaderMap, own_origin: &str) -> Result<(), Problem> {
    if initiator(headers, own_origin) != RequestInitiator::SameOrigin {
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

impl ApiCaller {
    /// The result of auth-service. A refusal becomes a problem with the challenge of this caller's scheme.
    pub(in crate::http) fn result<T: CarriesNonce>(
        &self,
        result: Result<T, AuthError>,
    ) -> Result<T, Problem> {
        let result = self.dpop.keep_nonce(result);
        result.map_err(|error| match self.scheme {
            AuthScheme::Cookie => Problem::for_session(error),
            AuthScheme::Token(scheme) => Problem::for_token(error, scheme),
        })
    }
}
