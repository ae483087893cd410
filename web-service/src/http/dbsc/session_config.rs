//! The session configuration that a browser receives for a bound session (session instructions).

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use crate::{
    config::PublicUrl,
    http::{dbsc::REFRESH, set_cookie::ATTRIBUTES},
    request::cookie_names::CookieNames,
};

/// Path prefixes of requests that need no proof, so that browsers do not renew it before them.
const OUTSIDE: [&str; 5] = [
    "/static/style.css",
    "/static/passkey.js",
    "/static/icon.svg",
    "/.well-known/",
    "/session/",
];

#[derive(Serialize)]
pub(super) struct SessionConfig<'a> {
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
    /// Those of the proof cookie, but for `Max-Age`; otherwise browsers would refresh with every request.
    attributes: &'static str,
}

impl<'a> SessionConfig<'a> {
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

/// Ends the bound session in the browser.
#[derive(Serialize)]
pub(super) struct SessionEnd<'a> {
    session_identifier: &'a str,
    r#continue: bool,
}

impl<'a> SessionEnd<'a> {
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
    fn proof_cookie_has_the_name_of_this_installation() {
        let names = CookieNames::with_prefix("staging").unwrap();
        let public_url = PublicUrl::localhost(8443);
        let config = SessionConfig::of("sid", &public_url, &names);
        let [credential] = config.credentials;
        assert_eq!(credential.name, "__Host-staging-session-proof");
    }
}
