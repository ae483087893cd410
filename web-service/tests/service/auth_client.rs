//! The steps of an authentication as the client library makes them; an attempt gives no access to any route.

use std::time::Duration;

use holdfast_client::{
    AuthClient, AuthError, AuthenticationFactor, AuthenticationState, AuthenticationStep,
    Authorization, AuthorizationGrant, ClientInfo, ClientKind, ErrorReason, Holder, NextSteps,
    SignInOptions, SufficientAuthentication,
};
use holdfast_core::clock::Clock as _;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use web_service::http::{ROUTES, Route, RouteMethod};

use crate::support::{PASSWORD, Site, assert_problem};

const FORM: &[u8; 16] = &[7; 16];

/// A step of the form of a browser.
fn of_form() -> SignInOptions<'static> {
    SignInOptions {
        form: Some(FORM),
        ..SignInOptions::default()
    }
}

fn browser() -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Browser,
        ip_address: None,
        user_agent: None,
        device: None,
    }
}

fn next<T: std::fmt::Debug>(state: AuthenticationState<T>) -> NextSteps {
    match state {
        AuthenticationState::Next(next) => next,
        AuthenticationState::Done(done) => panic!("{done:?}"),
    }
}

/// A site with the account `ada`, and a client of its auth-service.
async fn site_and_client() -> (Site, AuthClient) {
    let mut auth = None;
    let site = Site::start_with(|config| auth = Some(AuthClient::new(&config.auth))).await;
    site.add_user("ada").await;
    (site, auth.unwrap().unwrap())
}

#[tokio::test]
async fn client_authenticates_in_steps() {
    let (site, auth) = site_and_client().await;
    let (browser, right) = (browser(), SecretString::from(PASSWORD));
    let step = AuthenticationStep::Password(&right);

    let start = async || {
        auth.start_authentication("ada", None, of_form(), &browser)
            .await
    };
    let unfinished = start().await.unwrap().completed().unwrap_err();
    assert!(unfinished.is_refused_as(ErrorReason::AdditionalFactorRequired));
    let first = next(start().await.unwrap());
    assert_eq!(first.factors, [AuthenticationFactor::Password]);
    assert!(first.expires_at > site.clock.now());
    let wrong = SecretString::from("wrong");
    let step_wrong = AuthenticationStep::Password(&wrong);
    let refused = auth.continue_authentication(&first.attempt, step_wrong, of_form(), &browser);
    let refused = refused.await.unwrap_err();
    assert!(refused.is_refused_as(ErrorReason::InvalidCredentials));
    let done = auth.continue_authentication(&first.attempt, step, of_form(), &browser);
    let (person, login) = done.await.unwrap().completed().unwrap();
    assert_eq!(
        (person.username.as_str(), login.acr.as_deref()),
        ("ada", Some("aal1"))
    );

    let grant = AuthorizationGrant::LoginTicket(&login.ticket);
    let tokens = auth.issue_token(grant, "account", Holder::Browser, None);
    let authorization = Authorization {
        access_token: tokens.await.unwrap().access_token,
        proof: None,
    };
    let again = async |sufficient| {
        auth.start_reauthentication(&authorization, sufficient, None, &browser)
            .await
            .unwrap()
    };
    let sufficient = SufficientAuthentication {
        max_age: Some(Duration::from_mins(5)),
        acr: Some("aal1"),
    };
    let latest = again(sufficient).await.completed().unwrap();
    assert_eq!(latest.authenticated_at, login.authenticated_at);
    assert_eq!(
        (latest.acr.as_deref(), latest.amr.as_slice()),
        (Some("aal1"), ["pwd".to_owned()].as_slice())
    );
    let again = next(again(SufficientAuthentication::default()).await);
    site.clock.advance(Duration::from_secs(1));
    let go_on = async || {
        auth.continue_reauthentication(&authorization, &again.attempt, step, &browser)
            .await?
            .completed()
    };
    assert!(go_on().await.unwrap().authenticated_at > login.authenticated_at);
    let replayed: AuthError = go_on().await.unwrap_err();
    assert!(replayed.is_refused_as(ErrorReason::AttemptInvalid));
}

const fn method(route: &Route) -> Method {
    match route.method {
        RouteMethod::Get | RouteMethod::Any => Method::GET,
        RouteMethod::Post => Method::POST,
        RouteMethod::Put => Method::PUT,
        RouteMethod::Patch => Method::PATCH,
        RouteMethod::Delete => Method::DELETE,
    }
}

#[tokio::test]
async fn attempt_is_no_cookie_and_no_token_at_any_route() {
    let (site, auth) = site_and_client().await;
    let browser = browser();
    let started = auth.start_authentication("ada", None, of_form(), &browser);
    let attempt = next(started.await.unwrap()).attempt;
    let text = attempt.expose_secret();
    for route in ROUTES {
        let path = route.path.replace("{sid}", "a").replace("{id}", "a");
        let path = path.replace("{*path}", "a/b");
        let anonymous = site.same_origin(method(route), &path, "");
        let anonymous = anonymous.send().await.unwrap().status();
        let cookie = format!("__Host-session={text}");
        let with_cookie = site.same_origin(method(route), &path, &cookie);
        let status = with_cookie.send().await.unwrap().status();
        assert_eq!(status, anonymous, "cookie at {path}");
        for scheme in ["Bearer", "DPoP"] {
            let authorization = format!("{scheme} {text}");
            let with_token = site.request(method(route), &path);
            let with_token = with_token.header("authorization", authorization);
            let status = with_token.send().await.unwrap().status();
            let is_public = anonymous.is_success() || anonymous.is_redirection();
            assert!(is_public || !status.is_success(), "{scheme} at {path}");
        }
    }
    let json = json!({"refresh_token": text});
    let refreshed = site.post_json("/api/refresh", &json).await;
    assert_problem(refreshed, 401, "TOKEN_MALFORMED").await;
    for (path, field) in [
        ("/oauth2/token", "refresh_token"),
        ("/oauth2/introspect", "token"),
    ] {
        let form = [("grant_type", "refresh_token"), (field, text)];
        let sent = site.request(Method::POST, path).form(&form).send().await;
        assert!(sent.unwrap().status().is_client_error(), "{path}");
    }
    let step = SecretString::from(PASSWORD);
    let step = AuthenticationStep::Password(&step);
    let done = auth.continue_authentication(&attempt, step, of_form(), &browser);
    done.await.unwrap().completed().unwrap();
}
