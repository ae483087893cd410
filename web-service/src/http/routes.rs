//! The route table: every route of the HTTPS port, and everything that depends on the path of a request (ADR 30).
//!
//! The router, the CSRF check, the form of errors and the label of metrics come from here. What all routes have before them is in
//! [`pipeline`](crate::http::pipeline).

use crate::http::{
    api,
    csrf::{
        CsrfCheck::{Checked, Exempt},
        CsrfExemption::{BrowserClient, DeviceBinding, OriginalRequest, RelyingParty},
    },
    dbsc, events, forward_auth, oauth,
    pages::{self, trailing_slash},
    probe,
    route::{Route, route_table},
    signals,
};

/// Every route. Of two patterns that match a path the more specific one counts, in whatever order they stand.
pub static ROUTES: &[Route] = route_table! {
    // Pages for people; each has one address, and a redirect from the same with a slash at its end.
    Get    "/"                                       => pages::home::show,                Html,        Checked,                 "page.home";
    Get    "/login"                                  => pages::login::show,               Html,        Checked,                 "page.login";
    Post   "/login"                                  => pages::login::submit,             Html,        Checked,                 "page.login.submit";
    Any    "/login/"                                 => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/login/factor"                           => pages::login::factor::show,       Html,        Checked,                 "page.login.factor";
    Post   "/login/factor"                           => pages::login::factor::submit,     Html,        Checked,                 "page.login.factor.submit";
    Any    "/login/factor/"                          => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/login/passkey"                          => pages::login::passkey::submit,    ProblemJson, Checked,                 "page.login.passkey";
    Any    "/login/passkey/"                         => trailing_slash::redirect,         ProblemJson, Checked,                 "page.trailing_slash";
    Post   "/logout"                                 => pages::logout::submit,            Html,        Checked,                 "page.logout.submit";
    Any    "/logout/"                                => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/dashboard"                              => pages::dashboard::show,           Html,        Checked,                 "page.dashboard";
    Any    "/dashboard/"                             => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/password"                       => pages::password::show,            Html,        Checked,                 "page.password";
    Post   "/account/password"                       => pages::password::submit,          Html,        Checked,                 "page.password.submit";
    Any    "/account/password/"                      => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/password/new"                   => pages::passwordless::show,        Html,        Checked,                 "page.password.new";
    Post   "/account/password/new"                   => pages::passwordless::add,         Html,        Checked,                 "page.password.add";
    Any    "/account/password/new/"                  => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/password/remove"                => pages::passwordless::remove,      Html,        Checked,                 "page.password.remove";
    Any    "/account/password/remove/"               => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/.well-known/change-password"            => pages::password::redirect_here,   ProblemJson, Checked,                 "page.change_password";
    Any    "/.well-known/change-password/"           => trailing_slash::redirect,         ProblemJson, Checked,                 "page.trailing_slash";
    Get    "/account/security"                       => pages::security::show,            Html,        Checked,                 "page.security";
    Any    "/account/security/"                      => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/factors/{id}/remove"            => pages::security::remove,          Html,        Checked,                 "page.factors.remove";
    Any    "/account/factors/{id}/remove/"           => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/trusted-browsers/{id}/end"      => pages::trusted_browsers::end,     Html,        Checked,                 "page.trusted_browsers.end";
    Any    "/account/trusted-browsers/{id}/end/"     => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/notices/dismiss"                => pages::notices::dismiss,          Html,        Checked,                 "page.notices.dismiss";
    Any    "/account/notices/dismiss/"               => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/totp"                           => pages::totp::show,                Html,        Checked,                 "page.totp";
    Post   "/account/totp"                           => pages::totp::begin,               Html,        Checked,                 "page.totp.begin";
    Any    "/account/totp/"                          => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/totp/confirm"                   => pages::totp::confirm,             Html,        Checked,                 "page.totp.confirm";
    Any    "/account/totp/confirm/"                  => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/recovery-codes"                 => pages::recovery_codes::show,      Html,        Checked,                 "page.recovery_codes";
    Post   "/account/recovery-codes"                 => pages::recovery_codes::create,    Html,        Checked,                 "page.recovery_codes.create";
    Any    "/account/recovery-codes/"                => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/passkeys"                       => pages::passkeys::show,            Html,        Checked,                 "page.passkeys";
    Post   "/account/passkeys"                       => pages::passkeys::finish,          Html,        Checked,                 "page.passkeys.finish";
    Any    "/account/passkeys/"                      => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/passkeys/new"                   => pages::passkeys::begin,           Html,        Checked,                 "page.passkeys.begin";
    Any    "/account/passkeys/new/"                  => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/passkeys/{id}/rename"           => pages::passkeys::rename,          Html,        Checked,                 "page.passkeys.rename";
    Any    "/account/passkeys/{id}/rename/"          => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/logins"                         => pages::logins::show,              Html,        Checked,                 "page.logins";
    Any    "/account/logins/"                        => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/logins/{sid}/end"               => pages::logins::end,               Html,        Checked,                 "page.logins.end";
    Any    "/account/logins/{sid}/end/"              => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/logins/end-others"              => pages::logins::end_others,        Html,        Checked,                 "page.logins.end_others";
    Any    "/account/logins/end-others/"             => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/grants/{id}/end"                => pages::logins::end_grant,         Html,        Checked,                 "page.grants.end";
    Any    "/account/grants/{id}/end/"               => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/applications"                   => pages::applications::show,        Html,        Checked,                 "page.applications";
    Any    "/account/applications/"                  => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Post   "/account/applications/{client_id}/end"   => pages::applications::end,         Html,        Checked,                 "page.applications.end";
    Any    "/account/applications/{client_id}/end/"  => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/confirm"                        => pages::reauthenticate::show,      Html,        Checked,                 "page.reauthenticate";
    Post   "/account/confirm"                        => pages::reauthenticate::submit,    Html,        Checked,                 "page.reauthenticate.submit";
    Any    "/account/confirm/"                       => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/account/again"                          => pages::device_check::show,        Html,        Checked,                 "page.device_check";
    Any    "/account/again/"                         => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/continue"                               => pages::external_redirect::show,   Html,        Checked,                 "page.external_redirect";
    Post   "/continue"                               => pages::external_redirect::submit, Html,        Checked,                 "page.external_redirect.submit";
    Any    "/continue/"                              => trailing_slash::redirect,         Html,        Checked,                 "page.trailing_slash";
    Get    "/static/style.css"                       => pages::assets::style,             Html,        Checked,                 "static.style";
    Get    "/static/icon.svg"                        => pages::assets::icon,              Html,        Checked,                 "static.icon";
    Get    "/static/passkey.js"                      => pages::assets::passkey_script,    Html,        Checked,                 "static.passkey_script";
    Get    "/static/post.js"                         => pages::assets::post_script,       Html,        Checked,                 "static.post_script";

    // The REST API.
    Post   "/api/login"                              => api::login::submit,               ProblemJson, Checked,                 "api.login";
    Post   "/api/login/start"                        => api::login::start,                ProblemJson, Checked,                 "api.login.start";
    Post   "/api/login/continue"                     => api::login::proceed,              ProblemJson, Checked,                 "api.login.continue";
    Post   "/api/refresh"                            => api::refresh::submit,             ProblemJson, Checked,                 "api.refresh";
    Post   "/api/logout"                             => api::logout::submit,              ProblemJson, Checked,                 "api.logout";
    Get    "/api/profile"                            => api::profile::show,               ProblemJson, Checked,                 "api.profile";
    Get    "/api/session"                            => api::session::show,               ProblemJson, Checked,                 "api.session";
    Post   "/api/session/reauthenticate"             => api::reauthenticate::submit,      ProblemJson, Checked,                 "api.reauthenticate";
    Post   "/api/session/reauthenticate/start"       => api::reauthenticate::start,       ProblemJson, Checked,                 "api.reauthenticate.start";
    Post   "/api/session/reauthenticate/continue"    => api::reauthenticate::proceed,     ProblemJson, Checked,                 "api.reauthenticate.continue";
    Post   "/api/session/token"                      => api::session_token::submit,       ProblemJson, Checked,                 "api.session_token";
    Get    "/api/logins"                             => api::logins::list,                ProblemJson, Checked,                 "api.logins";
    Delete "/api/logins"                             => api::logins::end_others,          ProblemJson, Checked,                 "api.logins.end_others";
    Delete "/api/logins/{sid}"                       => api::logins::end,                 ProblemJson, Checked,                 "api.logins.end";
    Delete "/api/grants/{id}"                        => api::logins::end_grant,           ProblemJson, Checked,                 "api.grants.end";
    Get    "/api/applications"                       => api::applications::list,          ProblemJson, Checked,                 "api.applications";
    Delete "/api/applications/{client_id}"           => api::applications::end,           ProblemJson, Checked,                 "api.applications.end";
    Get    "/api/account/factors"                    => api::factors::list,               ProblemJson, Checked,                 "api.factors";
    Delete "/api/account/factors/{id}"               => api::factors::remove,             ProblemJson, Checked,                 "api.factors.remove";
    Post   "/api/account/password"                   => api::passwords::add,              ProblemJson, Checked,                 "api.password.add";
    Delete "/api/account/password"                   => api::passwords::remove,           ProblemJson, Checked,                 "api.password.remove";
    Post   "/api/account/totp"                       => api::factors::start_totp,         ProblemJson, Checked,                 "api.totp.start";
    Post   "/api/account/totp/confirm"               => api::factors::confirm_totp,       ProblemJson, Checked,                 "api.totp.confirm";
    Post   "/api/account/recovery-codes"             => api::factors::create_codes,       ProblemJson, Checked,                 "api.recovery_codes.create";
    Post   "/api/account/passkeys"                   => api::passkeys::start,             ProblemJson, Checked,                 "api.passkeys.start";
    Post   "/api/account/passkeys/finish"            => api::passkeys::finish,            ProblemJson, Checked,                 "api.passkeys.finish";
    Post   "/api/account/passkeys/{id}/rename"       => api::passkeys::rename,            ProblemJson, Checked,                 "api.passkeys.rename";
    Get    "/api/account/security-events"            => api::security_events::list,       ProblemJson, Checked,                 "api.security_events";
    Get    "/api/account/trusted-browsers"           => api::trusted_browsers::list,      ProblemJson, Checked,                 "api.trusted_browsers";
    Delete "/api/account/trusted-browsers/{id}"      => api::trusted_browsers::end,       ProblemJson, Checked,                 "api.trusted_browsers.end";
    Get    "/api/openapi.json"                       => api::openapi::document,           ProblemJson, Checked,                 "api.openapi";
    Get    "/api/docs"                               => api::docs::show,                  ProblemJson, Checked,                 "api.docs";

    // OAuth 2.0 and OpenID Connect.
    Get    "/oauth2/authorize"                       => pages::authorize::start,          Html,        Checked,                 "oauth.authorize";
    Post   "/oauth2/authorize"                       => pages::authorize::start_by_form,  Html,        Exempt(RelyingParty),    "oauth.authorize.form";
    Get    "/oauth2/authorize/continue"              => pages::authorize::proceed,        Html,        Checked,                 "oauth.authorize.continue";
    Post   "/oauth2/authorize/consent"               => pages::authorize::decide,         Html,        Checked,                 "oauth.authorize.consent";
    Get    "/oauth2/logout"                          => pages::rp_logout::show,           Html,        Checked,                 "oauth.logout";
    Post   "/oauth2/logout"                          => pages::rp_logout::show_by_form,   Html,        Exempt(RelyingParty),    "oauth.logout.form";
    Post   "/oauth2/logout/confirm"                  => pages::rp_logout::confirm,        Html,        Checked,                 "oauth.logout.confirm";
    Post   "/oauth2/par"                             => oauth::push::submit,              ProblemJson, Exempt(BrowserClient),   "oauth.push";
    Post   "/oauth2/token"                           => oauth::token::submit,             ProblemJson, Exempt(BrowserClient),   "oauth.token";
    Post   "/oauth2/introspect"                      => oauth::introspect::submit,        ProblemJson, Checked,                 "oauth.introspect";
    Post   "/oauth2/revoke"                          => oauth::revoke::submit,            ProblemJson, Exempt(BrowserClient),   "oauth.revoke";
    Get    "/oauth2/userinfo"                        => oauth::userinfo::show,            ProblemJson, Exempt(BrowserClient),   "oauth.userinfo";
    Post   "/oauth2/userinfo"                        => oauth::userinfo::show_by_post,    ProblemJson, Exempt(BrowserClient),   "oauth.userinfo.post";
    Post   "/oauth2/register"                        => oauth::register::submit,          ProblemJson, Checked,                 "oauth.register";
    Get    "/.well-known/oauth-authorization-server" => oauth::metadata::show,            ProblemJson, Exempt(BrowserClient),   "oauth.metadata";
    Get    "/.well-known/openid-configuration"       => oauth::metadata::show_openid,     ProblemJson, Exempt(BrowserClient),   "oauth.metadata.openid";
    Get    "/.well-known/jwks.json"                  => api::jwks::show,                  ProblemJson, Exempt(BrowserClient),   "oauth.jwks";

    // Events for applications.
    Get    "/events/revocations"                     => events::revocations::show,        ProblemJson, Checked,                 "events.revocations";

    // Security events for receivers (OpenID Shared Signals Framework).
    Get    "/.well-known/ssf-configuration"          => signals::metadata::show,          ProblemJson, Checked,                 "signals.metadata";
    Get    "/ssf/stream"                             => signals::stream::show,            ProblemJson, Checked,                 "signals.stream";
    Post   "/ssf/stream"                             => signals::stream::create,          ProblemJson, Checked,                 "signals.stream.create";
    Patch  "/ssf/stream"                             => signals::stream::update,          ProblemJson, Checked,                 "signals.stream.update";
    Put    "/ssf/stream"                             => signals::stream::replace,         ProblemJson, Checked,                 "signals.stream.replace";
    Delete "/ssf/stream"                             => signals::stream::delete,          ProblemJson, Checked,                 "signals.stream.delete";
    Get    "/ssf/status"                             => signals::status::show,            ProblemJson, Checked,                 "signals.status";
    Post   "/ssf/status"                             => signals::status::update,          ProblemJson, Checked,                 "signals.status.update";
    Post   "/ssf/verify"                             => signals::verification::submit,    ProblemJson, Checked,                 "signals.verify";
    Post   "/ssf/poll/{stream_id}"                   => signals::poll::submit,            ProblemJson, Checked,                 "signals.poll";

    // Passkeys.
    Get    "/.well-known/webauthn"                   => api::related_origins::show,       ProblemJson, Checked,                 "api.related_origins";

    // Device Bound Session Credentials.
    Post   "/session/bind"                           => dbsc::register::submit,           ProblemJson, Exempt(DeviceBinding),   "dbsc.register";
    Post   "/session/refresh"                        => dbsc::refresh::submit,            ProblemJson, Exempt(DeviceBinding),   "dbsc.refresh";
    Post   "/session/trust/bind"                     => dbsc::trust::bind,                ProblemJson, Exempt(DeviceBinding),   "dbsc.trust.bind";
    Post   "/session/trust/refresh"                  => dbsc::trust::refresh,             ProblemJson, Exempt(DeviceBinding),   "dbsc.trust.refresh";

    // Forward auth.
    Any    "/auth/verify"                            => forward_auth::show,               Html,        Exempt(OriginalRequest), "forward_auth";
    Any    "/auth/verify/"                           => forward_auth::show_to_envoy,      Html,        Exempt(OriginalRequest), "forward_auth.envoy";
    Any    "/auth/verify/{*path}"                    => forward_auth::show_to_envoy,      Html,        Exempt(OriginalRequest), "forward_auth.envoy";

    // `doctor`. Without a valid probe, it answers as a path that does not exist does.
    Any    "/doctor/probe"                           => probe::show,                      Html,        Checked,                 "doctor.probe";

    // Paths without a resource, below those of programs.
    Any    "/api/"                                   => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/api/{*path}"                            => api::problem::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/oauth2/"                                => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/oauth2/{*path}"                         => api::problem::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/ssf/"                                   => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/ssf/{*path}"                            => api::problem::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/events/"                                => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/events/{*path}"                         => api::problem::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/.well-known/"                           => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/.well-known/{*path}"                    => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/session/"                               => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
    Any    "/session/{*path}"                        => pages::error::not_found,          ProblemJson, Checked,                 "not_found";
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::request::probe::PATH;

    #[test]
    fn routes_of_one_path_have_one_error_format() {
        for route in ROUTES {
            for other in ROUTES.iter().filter(|other| other.path == route.path) {
                assert_eq!(other.error_format, route.error_format, "{}", route.path);
            }
        }
    }

    #[test]
    fn page_has_a_redirect_from_its_address_with_a_slash() {
        let pages = ROUTES
            .iter()
            .filter(|route| route.name.starts_with("page."));
        for page in pages.filter(|page| !page.path.ends_with('/')) {
            let with_slash = format!("{}/", page.path);
            let twin = ROUTES.iter().find(|route| route.path == with_slash);
            let name = twin.map(|twin| twin.name);
            assert_eq!(name, Some("page.trailing_slash"), "{}", page.path);
        }
    }

    #[test]
    fn paths_that_answers_name_are_in_the_table() {
        let of_dbsc = [
            dbsc::BIND,
            dbsc::REFRESH,
            dbsc::TRUST_BIND,
            dbsc::TRUST_REFRESH,
        ];
        for path in of_dbsc.into_iter().chain(oauth::paths::ALL).chain([PATH]) {
            assert!(ROUTES.iter().any(|route| route.path == path), "{path}");
        }
    }

    #[test]
    fn route_names_are_constant_labels_and_unique_but_for_whole_paths() {
        let mut names = BTreeSet::new();
        for Route { name, method, .. } in ROUTES {
            let is_label = |byte: u8| byte.is_ascii_lowercase() || b"._".contains(&byte);
            assert!(!name.is_empty() && name.bytes().all(is_label), "{name}");
            let is_shared = *method == crate::http::route::RouteMethod::Any;
            assert!(names.insert(name) || is_shared, "{name}");
        }
    }
}
