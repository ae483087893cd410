//! How a bound session works, told to the browser (session instructions).

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use crate::{
    config::PublicUrl,
    http::{cookies::ATTRIBUTES, dbsc::REFRESH},
    request::cookie_names::CookieNames,
};

/// Paths whose requests need no proof, and do not wait for one.
const OUTSIDE: [&str; 4] = [
    "/static/style.css",
    "/static/icon.svg",
    "/.well-known/",
    "/session/",
];

#[derive(Serialize)]
pub(super) struct Instructions<'a> {
    session_identifier: &'a str,
    refresh_url: &'static str,
    scope: Scope<'a>,
    credentials: [Credential<'a>; 1],
}

#[derive(Serialize)]
struct Scope<'a> {
    origin: &'a str,
    include_site: bool,
    #[serde(rename = "scope_specification")]
    rules: [Rule; OUTSIDE.len()],
}

#[derive(Serialize)]
struct Rule {
    r#type: &'static str,
    domain: &'static str,
    path: &'static str,
}

#[derive(Serialize)]
struct Credential<'a> {
    r#type: &'static str,
    name: &'a str,
    /// Those of the real cookie, but for its time; otherwise browsers would ask with every request.
    attributes: &'static str,
}

impl<'a> Instructions<'a> {
    pub(super) fn of(sid: &'a str, public_url: &'a PublicUrl, names: &'a CookieNames) -> Self {
        Self {
            session_identifier: sid,
            refresh_url: REFRESH,
            scope: Scope {
                origin: &public_url.origin,
                include_site: false,
                rules: OUTSIDE.map(|path| Rule {
                    r#type: "exclude",
                    domain: "*",
                    path,
                }),
            },
            credentials: [Credential {
                r#type: "cookie",
                name: &names.proof,
                attributes: ATTRIBUTES,
            }],
        }
    }

    pub(super) fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// Tells the browser that its session is over.
#[derive(Serialize)]
pub(super) struct Over<'a> {
    session_identifier: &'a str,
    r#continue: bool,
}

impl<'a> Over<'a> {
    pub(super) fn of(sid: &'a str) -> Self {
        Self {
            session_identifier: sid,
            r#continue: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_that_of_this_installation() {
        let names = CookieNames::with_prefix("staging").unwrap();
        let public_url = PublicUrl::localhost(8443);
        let instructions = Instructions::of("sid", &public_url, &names);
        let [credential] = instructions.credentials;
        assert_eq!(credential.name, "__Host-staging-session-proof");
    }
}
