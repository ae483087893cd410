//! The parameters of a request: a form, each name once (RFC 6749 §3.2).

use std::collections::HashMap;

use axum::{
    Form,
    extract::{FromRequest, Request},
    http::HeaderMap,
};

use super::{client, error::OauthError};
use crate::domain::auth::ClientCredentials;

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
        let Form(pairs): Form<Vec<(String, String)>> = Form::from_request(request, state)
            .await
            .map_err(|rejection| {
                OauthError::invalid_request("the body is no form").with_status(rejection.status())
            })?;
        let mut parameters = HashMap::new();
        for (name, value) in pairs {
            if parameters.insert(name, value).is_some() {
                return Err(OauthError::invalid_request("a parameter comes twice"));
            }
        }
        let client = client::read(&headers, &mut parameters)?;
        Ok(Self { client, parameters })
    }
}
