//! A database and a Redis that an earlier version wrote, opened by the current services.
//!
//! `e2e/data/write_upgrade_fixture.py` writes the fixtures. The services run in the process of the test with a clock at the time of
//! the fixture, so that nothing in it has expired.

mod fixture;

use std::time::Duration;

use serde_json::Value;

use self::fixture::Upgraded;

/// A rotated key signs ten minutes after it was published.
const ROTATED: Duration = Duration::from_mins(11);

/// A refresh token may be repeated for this long after its use.
const REPEAT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn upgrade_keeps_browser_session_and_every_login() {
    for upgraded in Upgraded::start_all().await {
        let session = upgraded.with_cookie("/api/session", "/ada/cookie").await;
        assert_eq!(session.status(), 200);
        let session: Value = session.json().await.unwrap();
        assert_eq!(session["username"], "ada");
        let dashboard = upgraded.with_cookie("/dashboard", "/ada/cookie").await;
        assert_eq!(dashboard.status(), 200);

        let logins = upgraded.with_cookie("/api/logins", "/ada/cookie").await;
        let logins: Value = logins.json().await.unwrap();
        let logins = logins["logins"].as_array().unwrap().iter();
        let mut sids: Vec<Value> = logins.map(|login| login["sid"].clone()).collect();
        sids.sort_by_key(Value::to_string);
        assert_eq!(Value::from(sids), upgraded.fixture["sids"]);
    }
}

#[tokio::test]
async fn upgrade_keeps_access_tokens_and_revocations() {
    for upgraded in Upgraded::start_all().await {
        let valid = upgraded.text("/ada/access_token");
        assert_eq!(upgraded.profile_status(valid).await, 200);
        let revoked = upgraded.text("/revoked_access_token");
        assert_eq!(upgraded.profile_status(revoked).await, 401);
        let disabled = upgraded.text("/bob/access_token");
        assert_eq!(upgraded.profile_status(disabled).await, 401);
    }
}

#[tokio::test]
async fn upgrade_accepts_refresh_token_once() {
    for upgraded in Upgraded::start_all().await {
        let token = upgraded.text("/ada/refresh_token");
        let refreshed = upgraded.refresh(token).await;
        assert_eq!(refreshed.status(), 200);
        let refreshed: Value = refreshed.json().await.unwrap();
        let access_token = refreshed["access_token"].as_str().unwrap();
        assert_eq!(upgraded.profile_status(access_token).await, 200);

        upgraded.clock.advance(REPEAT * 2);
        assert_eq!(upgraded.refresh(token).await.status(), 401);
        assert_eq!(
            upgraded.profile_status(access_token).await,
            401,
            "the reuse ends the login"
        );
    }
}

#[tokio::test]
async fn upgrade_accepts_repeat_of_superseded_refresh_token_in_its_window() {
    for upgraded in Upgraded::start_all().await {
        let superseded = upgraded.text("/superseded_refresh_token");
        let repeated = upgraded.refresh(superseded).await;
        let repeated: Value = repeated.json().await.unwrap();
        assert_eq!(
            repeated["refresh_token"].as_str(),
            Some(upgraded.text("/ada/refresh_token"))
        );
    }
}

#[tokio::test]
async fn upgrade_detects_reuse_of_superseded_refresh_token() {
    for upgraded in Upgraded::start_all().await {
        upgraded.clock.advance(REPEAT * 2);
        let superseded = upgraded.text("/superseded_refresh_token");
        assert_eq!(upgraded.refresh(superseded).await.status(), 401);
        let current = upgraded.text("/ada/refresh_token");
        assert_eq!(upgraded.refresh(current).await.status(), 401);
    }
}

#[tokio::test]
async fn upgrade_keeps_passwords_and_disabled_accounts() {
    for upgraded in Upgraded::start_all().await {
        let password = upgraded.text("/password");
        assert_eq!(upgraded.login("ada", password).await.status(), 200);
        assert_eq!(upgraded.login("bob", password).await.status(), 401);
        let session = upgraded.with_cookie("/api/session", "/bob/cookie").await;
        assert_eq!(session.status(), 401);
        let refreshed = upgraded.refresh(upgraded.text("/bob/refresh_token")).await;
        assert_eq!(refreshed.status(), 401);
    }
}

#[tokio::test]
async fn upgrade_keeps_oauth_client_and_its_token() {
    for upgraded in Upgraded::start_all().await {
        let request = upgraded
            .client
            .post(format!("{}/oauth2/introspect", upgraded.origin));
        let (id, secret) = (upgraded.text("/client/id"), upgraded.text("/client/secret"));
        let form = [("token", upgraded.text("/client/access_token"))];
        let response = request.basic_auth(id, Some(secret)).form(&form).send();
        let introspection: Value = response.await.unwrap().json().await.unwrap();
        assert_eq!(introspection["active"], true, "{introspection}");
        assert_eq!(introspection["client_id"], "reports");
        assert_eq!(introspection["scope"], "reports:read");
    }
}

#[tokio::test]
async fn upgrade_keeps_signing_keys_and_their_rotation() {
    for upgraded in Upgraded::start_all().await {
        let jwks = upgraded
            .get("/.well-known/jwks.json")
            .send()
            .await
            .unwrap()
            .json::<Value>();
        let jwks = jwks.await.unwrap();
        // The fixtures are from before keys of ID tokens.
        let keys = jwks["keys"].as_array().unwrap().iter();
        let keys = keys.filter(|key| key["alg"] != "ES256");
        let mut kids: Vec<Value> = keys.map(|key| key["kid"].clone()).collect();
        kids.sort_by_key(Value::to_string);
        let mut expected = upgraded.fixture["kids"].as_array().unwrap().clone();
        expected.sort_by_key(Value::to_string);
        assert_eq!(kids, expected);

        upgraded.clock.advance(ROTATED);
        let signed_before = upgraded.text("/ada/access_token");
        assert_eq!(upgraded.profile_status(signed_before).await, 200);
        let refreshed = upgraded.refresh(upgraded.text("/ada/refresh_token")).await;
        let refreshed: Value = refreshed.json().await.unwrap();
        let signed_after = refreshed["access_token"].as_str().unwrap();
        let header = |token: &str| token.split('.').next().unwrap().to_owned();
        assert_ne!(header(signed_before), header(signed_after), "another kid");
    }
}

#[tokio::test]
async fn upgrade_keeps_attempt_counters_in_redis() {
    for upgraded in Upgraded::start_all().await {
        let wrong = "another wrong password";
        assert_eq!(upgraded.login("carol", wrong).await.status(), 401);
        assert_eq!(
            upgraded.login("carol", wrong).await.status(),
            429,
            "a new counter would allow five attempts"
        );
    }
}
