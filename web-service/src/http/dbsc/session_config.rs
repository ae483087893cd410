//! The session configuration that a browser receives for a bound session (session instructions).

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use crate::{
    config::PublicUrl,
    http::{
        dbsc::{REFRESH, TRUST_REFRESH},
        set_cookie::ATTRIBUTES,
    },
    request::cookie_names::CookieNames,
};

/// Path prefixes of requests that need no proof of a session, so that browsers do not renew it before them.
const OUTSIDE: [&str; 6] = [
    "/static/style.css",
    "/static/passkey.js",
    "/static/post.js",
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
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    r#type: &'static str,
    domain: &'static str,
    path: &'static str,
}

impl Rule {
    const fn exclude(path: &'static str) -> Self {
        Self {
            r#type: "exclude",
            domain: "*",
            path,
        }
    }

    const fn include(path: &'static str) -> Self {
        Self {
            r#type: "include",
            ..Self::exclude(path)
        }
    }
}

#[derive(Serialize)]
struct Credential<'a> {
    r#type: &'static str,
    name: &'a str,
    /// Those of the proof cookie, but for `Max-Age`; otherwise browsers would refresh with every request.
    attributes: &'static str,
}

impl<'a> SessionConfig<'a> {
    /// That of the session of a login.
    pub(super) fn of(sid: &'a str, public_url: &'a PublicUrl, names: &'a CookieNames) -> Self {
        let rules = OUTSIDE.map(Rule::exclude).into();
        Self::new((sid, REFRESH), (public_url, rules), &names.proof)
    }

    /// That of a trusted browser, whose proof is needed by the sign-in only. Of several rules that match, browsers apply the last; one that
    /// applies the first renews no proof, and is asked for the second factor.
    pub(super) fn of_trust(id: &'a str, public_url: &'a PublicUrl, names: &'a CookieNames) -> Self {
        let rules = vec![Rule::exclude("/"), Rule::include("/login")];
        Self::new(
            (id, TRUST_REFRESH),
            (public_url, rules),
            &names.trusted_proof,
        )
    }

    fn new(
        (session_identifier, refresh_url): (&'a str, &'static str),
        (public_url, rules): (&'a PublicUrl, Vec<Rule>),
        cookie: &'a str,
    ) -> Self {
        Self {
            session_identifier,
            refresh_url,
            scope: Scope {
                origin: &public_url.origin,
                include_site: false,
                rules,
            },
            credentials: [Credential {
                r#type: "cookie",
                name: cookie,
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
