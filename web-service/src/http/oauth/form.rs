//! The parameters of a request: a form, each name once; what is not known is ignored (RFC 6749 §3.2).

use std::collections::HashMap;

use axum::{
    Form,
    extract::{FromRequest, Request},
    http::HeaderMap,
};
use holdfast_client::auth::ClientCredentials;
use utoipa::ToSchema;

use crate::http::{
    content_type,
    oauth::{client, error::OauthError},
};

const KNOWN: [&str; 10] = [
    "grant_type",
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

/// For documentation: what `/oauth2/token` takes.
#[derive(ToSchema)]
#[schema(example = json!({"grant_type": "client_credentials", "scope": "orders:read"}))]
#[expect(dead_code, reason = "it describes a form that is read by name")]
pub(in crate::http) struct TokenForm {
    /// `client_credentials` or `refresh_token`.
    #[schema(pattern = "^(client_credentials|refresh_token)$")]
    grant_type: String,
    /// With `refresh_token`.
    refresh_token: Option<String>,
    /// Scopes separated by spaces.
    scope: Option<String>,
    /// Whom the token is for (RFC 8707).
    resource: Option<String>,
    /// Where it is not in `Authorization`.
    client_id: Option<String>,
    /// The same.
    client_secret: Option<String>,
}

/// For documentation: what `/oauth2/introspect` and `/oauth2/revoke` take.
#[derive(ToSchema)]
#[schema(example = json!({"token": "eyJ…"}))]
#[expect(dead_code, reason = "it describes a form that is read by name")]
pub(in crate::http) struct SomeToken {
    /// An access token or a refresh token.
    #[schema(min_length = 1)]
    token: String,
    /// Not needed: what kind it is can be told.
    token_type_hint: Option<String>,
    /// Where it is not in `Authorization`.
    client_id: Option<String>,
    /// The same.
    client_secret: Option<String>,
}

/// The parameters, and who sends them.
pub(in crate::http) struct OauthForm {
    pub(super) client: ClientCredentials,
    parameters: HashMap<String, String>,
}

impl OauthForm {
    /// A parameter; an empty one counts as left out (RFC 6749 §3.2).
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let value = self.parameters.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// One that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, OauthError> {
        self.parameter(name)
            .ok_or_else(|| OauthError::invalid_request(&format!("{name} is missing")))
    }
}

impl<S: Send + Sync> FromRequest<S> for OauthForm {
    type Rejection = OauthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthError> {
        let headers: HeaderMap = request.headers().clone();
        let request = content_type::with_plain_form(request);
        let Form(pairs): Form<Vec<(String, String)>> = Form::from_request(request, state)
            .await
            .map_err(|rejection| {
                OauthError::invalid_request("the body is no form").with_status(rejection.status())
            })?;
        let mut parameters = HashMap::new();
        let known = pairs
            .into_iter()
            .filter(|(name, _)| KNOWN.contains(&name.as_str()));
        for (name, value) in known {
            if parameters.insert(name, value).is_some() {
                return Err(OauthError::invalid_request("a parameter comes twice"));
            }
        }
        let client = client::read(&headers, &mut parameters)?;
        Ok(Self { client, parameters })
    }
}
