//! A tower layer that requires a bearer token.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    authorization_header::{self, TokenScheme},
    calls::validate::Claims,
    error::{AuthError, RefusalKind},
    retry_after::retry_after_seconds,
    verifier::Verifier,
};

/// A [`Layer`] that accepts requests with a valid bearer token (RFC 6750) and adds its [`Claims`] to their extensions, as
/// `Arc<Claims>`.
///
/// Other requests are answered without a body: 401 where the token is missing or invalid, 403 where it lacks a scope, 429 where
/// auth-service limits the rate, 503 while it is unavailable. Tokens that are bound to a key are refused; [`Verifier::verify_bound`] accepts them.
#[derive(Clone)]
pub struct RequireToken {
    verifier: Verifier,
    scopes: Arc<[String]>,
}

impl RequireToken {
    /// Requires a token with all of `scopes`.
    pub fn new(verifier: Verifier, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            verifier,
            scopes: scopes.into_iter().map(Into::into).collect(),
        }
    }

    async fn check(&self, headers: &HeaderMap) -> Result<Arc<Claims>, Rejection> {
        let Ok((TokenScheme::Bearer, token)) = authorization_header::read(headers) else {
            return Err(Rejection::TokenMissing);
        };
        let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
        Ok(self.verifier.verify(token, &scopes).await?)
    }
}

impl<S> Layer<S> for RequireToken {
    type Service = RequireTokenService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireTokenService {
            inner,
            requirement: self.clone(),
        }
    }
}

/// The service of [`RequireToken`].
#[derive(Clone)]
pub struct RequireTokenService<S> {
    inner: S,
    requirement: RequireToken,
}

impl<S, B, R> Service<Request<B>> for RequireTokenService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let requirement = self.requirement.clone();
        // The service that was polled is the one that is ready.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            match requirement.check(request.headers()).await {
                Ok(claims) => {
                    request.extensions_mut().insert(claims);
                    inner.call(request).await
                }
                Err(rejection) => Ok(rejection.into_response()),
            }
        })
    }
}

/// Why a request does not reach the service.
enum Rejection {
    TokenMissing,
    Auth(AuthError),
}

impl From<AuthError> for Rejection {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl Rejection {
    fn into_response<R: Default>(self) -> Response<R> {
        let mut response = Response::new(R::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Self::Auth(
            AuthError::Unavailable { retry_after, .. } | AuthError::Throttled { retry_after },
        ) = self
        {
            headers.insert(RETRY_AFTER, retry_after_seconds(retry_after).into());
        }
        response
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::TokenMissing => StatusCode::UNAUTHORIZED,
            Self::Auth(AuthError::Refused(refusal)) => match refusal.kind {
                RefusalKind::Unauthenticated | RefusalKind::Invalid | RefusalKind::Conflict => {
                    StatusCode::UNAUTHORIZED
                }
                RefusalKind::Forbidden => StatusCode::FORBIDDEN,
            },
            Self::Auth(AuthError::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Auth(AuthError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Auth(AuthError::Broken(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// RFC 6750 §3. Without a token no error is named.
    const fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::TokenMissing => Some(r#"Bearer realm="holdfast""#),
            Self::Auth(AuthError::Refused(refusal)) => match refusal.kind {
                RefusalKind::Unauthenticated | RefusalKind::Invalid | RefusalKind::Conflict => {
                    Some(r#"Bearer realm="holdfast", error="invalid_token""#)
                }
                RefusalKind::Forbidden => {
                    Some(r#"Bearer realm="holdfast", error="insufficient_scope""#)
                }
            },
            Self::Auth(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::reason::Reason;

    #[test]
    fn rejection_says_when_to_try_again_rounded_up() {
        let retry_after = Duration::from_millis(1500);
        let unavailable = AuthError::Unavailable {
            reason: Reason::Unreachable,
            retry_after,
        };
        for (error, status) in [
            (AuthError::Throttled { retry_after }, 429),
            (unavailable, 503),
        ] {
            let response: Response<()> = Rejection::from(error).into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[RETRY_AFTER], "2");
        }
    }
}
