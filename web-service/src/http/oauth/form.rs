//! The parameters of a request: a form with each name at most once; unknown names are ignored (RFC 6749 §3.2).

use std::collections::HashMap;

use axum::{
    extract::{FromRequest, Request},
    http::HeaderMap,
};
use holdfast_client::ClientCredentials;
use utoipa::ToSchema;

use crate::http::{
    extract::form::PlainForm,
    oauth::{client, error::OauthError},
};

const KNOWN: [&str; 13] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "resource",
    "audience",
    "token",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

/// The form of `/oauth2/token`, for the OpenAPI document.
#[derive(ToSchema)]
#[schema(example = json!({"grant_type": "client_credentials", "scope": "orders:read"}))]
#[expect(
    dead_code,
    reason = "describes a form whose parameters are read by name"
)]
pub(in crate::http) struct TokenForm {
    /// `authorization_code`, `client_credentials` or `refresh_token`.
    #[schema(pattern = "^(authorization_code|client_credentials|refresh_token)$")]
    grant_type: String,
    /// The code, for the grant `authorization_code`.
    code: Option<String>,
    /// The redirect URI of the authorization request, for the grant `authorization_code`.
    redirect_uri: Option<String>,
    /// The code verifier (RFC 7636), for the grant `authorization_code`.
    code_verifier: Option<String>,
    /// The refresh token, for the grant `refresh_token`.
    refresh_token: Option<String>,
    /// Scopes separated by spaces.
    scope: Option<String>,
    /// The audience of the token (RFC 8707).
    resource: Option<String>,
    /// For clients that do not use `Authorization`.
    client_id: Option<String>,
    /// For `client_secret_post`.
    client_secret: Option<String>,
}

/// The form of `/oauth2/introspect` and `/oauth2/revoke`, for the OpenAPI document.
#[derive(ToSchema)]
#[schema(as = SomeToken, example = json!({"token": "eyJ…"}))]
#[expect(
    dead_code,
    reason = "describes a form whose parameters are read by name"
)]
pub(in crate::http) struct TokenOnlyForm {
    /// An access token or a refresh token.
    #[schema(min_length = 1)]
    token: String,
    /// Ignored: the kind is evident from the token.
    token_type_hint: Option<String>,
    /// For clients that do not use `Authorization`.
    client_id: Option<String>,
    /// For `client_secret_post`.
    client_secret: Option<String>,
}

/// The parameters, and the client authentication.
pub(in crate::http) struct OauthForm {
    pub(super) client: ClientCredentials,
    parameters: HashMap<String, String>,
}

impl OauthForm {
    /// The value of a parameter; an empty one counts as absent (RFC 6749 §3.2).
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let value = self.parameters.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// The value of a required parameter.
    pub(super) fn required(&self, name: &str) -> Result<&str, OauthError> {
        self.parameter(name)
            .ok_or_else(|| OauthError::invalid_request(&format!("{name} is missing")))
    }
}

impl<S: Send + Sync> FromRequest<S> for OauthForm {
    type Rejection = OauthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthError> {
        let headers: HeaderMap = request.headers().clone();
        let pairs = read_form(request, state).await?;
        let mut parameters = HashMap::new();
        let known = pairs
            .into_iter()
            .filter(|(name, _)| KNOWN.contains(&name.as_str()));
        for (name, value) in known {
            if parameters.insert(name, value).is_some() {
                return Err(OauthError::invalid_request("a parameter is repeated"));
            }
        }
        let client = client::read(&headers, &mut parameters)?;
        Ok(Self { client, parameters })
    }
}

/// The names and values of the form in the body.
pub(super) async fn read_form<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<Vec<(String, String)>, OauthError> {
    let form = PlainForm::from_request(request, state).await;
    let PlainForm(pairs) = form.map_err(|rejection| {
        OauthError::invalid_request("the body is not a form").with_status(rejection.status())
    })?;
    Ok(pairs)
}
