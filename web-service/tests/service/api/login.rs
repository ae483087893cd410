use holdfast_identity::audit::AuditKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, assert_problem, header, until};

#[tokio::test]
async fn right_password_yields_tokens() {
    let site = Site::with_user("ada").await;
    let response = site.api_login("ada", PASSWORD).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert!(response.headers().get("set-cookie").is_none());
    let tokens: Value = response.json().await.unwrap();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    assert_eq!(tokens["scope"], "profile");
    assert!(tokens["access_token"].is_string() && tokens["refresh_token"].is_string());
}

#[tokio::test]
async fn unknown_wrong_and_disabled_get_one_answer() {
    let site = Site::with_user("ada").await;
    site.add_user("bob").await;
    site.disable("bob").await;
    let mut bodies = Vec::new();
    for (name, password) in [
        ("ada", "wrong"),
        ("bob", PASSWORD),
        ("eve", PASSWORD),
        ("", ""),
    ] {
        let response = site.api_login(name, password).await;
        assert!(!header(&response, "www-authenticate").is_empty());
        bodies.push((response.status(), response.text().await.unwrap()));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_problem(
        site.api_login("ada", "wrong").await,
        401,
        "INVALID_CREDENTIALS",
    )
    .await;
}

#[tokio::test]
async fn malformed_request_is_refused_with_reason() {
    let site = Site::start().await;
    let post = |kind: &str, body: String| {
        let request = site
            .request(Method::POST, "/api/login")
            .header("content-type", kind);
        request.body(body).send()
    };
    let json = "application/json";
    for (kind, body, status) in [
        (
            "text/plain",
            r#"{"username":"ada","password":"x"}"#.to_owned(),
            415,
        ),
        (
            "application/x-www-form-urlencoded",
            "username=ada".to_owned(),
            415,
        ),
        (json, "{".to_owned(), 400),
        (json, "{}".to_owned(), 422),
        (json, r#"{"username":1,"password":"x"}"#.to_owned(), 422),
        (
            json,
            format!(r#"{{"username":"{}"}}"#, "a".repeat(70_000)),
            413,
        ),
    ] {
        assert_problem(post(kind, body).await.unwrap(), status, "INVALID_REQUEST").await;
    }
}

#[tokio::test]
async fn repeated_content_type_is_refused() {
    let site = Site::with_user("ada").await;
    let login = format!(r#"{{"username":"ada","password":"{PASSWORD}"}}"#);
    for other in ["text/plain", "application/json"] {
        let request = site
            .request(Method::POST, "/api/login")
            .header("content-type", "application/json")
            .header("content-type", other);
        let answer = request.body(login.clone()).send().await.unwrap();
        assert_problem(answer, 415, "INVALID_REQUEST").await;
    }
}

#[tokio::test]
async fn request_too_large_for_auth_service_is_refused() {
    let site = Site::start().await;
    let body = json!({"username": "ada", "password": "x".repeat(65_480)});
    let request = site
        .request(Method::POST, "/api/login")
        .header("user-agent", "u".repeat(9000));
    assert_problem(
        request.json(&body).send().await.unwrap(),
        400,
        "INVALID_REQUEST",
    )
    .await;
}

#[tokio::test]
async fn refresh_rotates_token_and_reuse_ends_login() {
    let site = Site::with_user("ada").await;
    let (_, first) = site.tokens("ada").await;
    let refresh = async |token: &str| {
        site.post_json("/api/refresh", &json!({"refresh_token": token}))
            .await
    };

    let second: Value = refresh(&first).await.json().await.unwrap();
    assert_ne!(second["refresh_token"], first.as_str());
    site.clock.advance(std::time::Duration::from_secs(11));

    assert_problem(refresh(&first).await, 401, "REFRESH_REUSED").await;
    let successor = second["refresh_token"].as_str().unwrap();
    assert_problem(refresh(successor).await, 401, "LOGIN_ENDED").await;
    assert_problem(refresh("junk").await, 401, "TOKEN_MALFORMED").await;
}

#[tokio::test]
async fn repeat_from_other_user_agent_is_recorded() {
    let site = Site::with_user("ada").await;
    let (_, token) = site.tokens("ada").await;
    let refresh = async |path: &str, agent: &str, token: &str| {
        let request = site.request(Method::POST, path).header("user-agent", agent);
        let request = if path == "/api/refresh" {
            request.json(&json!({"refresh_token": token}))
        } else {
            request.form(&[("grant_type", "refresh_token"), ("refresh_token", token)])
        };
        let issued: Value = request.send().await.unwrap().json().await.unwrap();
        issued["refresh_token"].as_str().unwrap().to_owned()
    };
    let successor = refresh("/api/refresh", "app/1", &token).await;
    assert_eq!(refresh("/api/refresh", "app/1", &token).await, successor);
    assert_eq!(refresh("/oauth2/token", "curl/8", &token).await, successor);
    until("the event", async || {
        let events = site.audited(AuditKind::RefreshRepeatedElsewhere).await;
        (events == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn access_token_ends_whole_login() {
    let site = Site::with_user("ada").await;
    let (access, refresh) = site.tokens("ada").await;
    let (other, _) = site.tokens("ada").await;

    let request = site
        .request(Method::POST, "/api/logout")
        .bearer_auth(&access);
    assert_eq!(request.send().await.unwrap().status(), 204);

    assert_problem(site.profile(&access).await, 401, "LOGIN_ENDED").await;
    let refreshed = site
        .post_json("/api/refresh", &json!({"refresh_token": refresh}))
        .await;
    assert_problem(refreshed, 401, "LOGIN_ENDED").await;
    assert_eq!(site.profile(&other).await.status(), 200);
    let nobody = site
        .request(Method::POST, "/api/logout")
        .send()
        .await
        .unwrap();
    assert_problem(nobody, 401, "TOKEN_MISSING").await;
}

#[tokio::test]
async fn expired_access_token_or_refresh_token_signs_out() {
    let site = Site::with_user("ada").await;
    let logout = || site.request(Method::POST, "/api/logout");
    let is_live = async |token: &str| {
        let body = json!({"refresh_token": token});
        site.post_json("/api/refresh", &body).await.status() == 200
    };
    let (expired, refresh) = site.tokens("ada").await;
    site.clock.advance(std::time::Duration::from_mins(16));
    assert_problem(site.profile(&expired).await, 401, "TOKEN_EXPIRED").await;
    let junk = logout().bearer_auth(format!("{expired}A"));
    assert_eq!(junk.send().await.unwrap().status(), 401);
    let answer = logout().bearer_auth(&expired).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(!is_live(&refresh).await);

    let (access, refresh) = site.tokens("ada").await;
    let body = json!({"refresh_token": refresh});
    for _twice in 0..2 {
        let answer = logout().json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }
    assert!(!is_live(&refresh).await);
    assert_problem(site.profile(&access).await, 401, "LOGIN_ENDED").await;

    // With both, `Authorization` decides.
    let (_, refresh) = site.tokens("ada").await;
    let both = logout().bearer_auth("junk");
    let both = both.json(&json!({"refresh_token": refresh}));
    assert_problem(both.send().await.unwrap(), 401, "TOKEN_MALFORMED").await;
    assert!(is_live(&refresh).await);
    let empty = logout().json(&json!({})).send().await.unwrap();
    assert_problem(empty, 422, "INVALID_REQUEST").await;
    let null = logout().json(&Value::Null).send().await.unwrap();
    assert_problem(null, 401, "TOKEN_MISSING").await;
}

#[tokio::test]
async fn page_of_other_origin_is_refused() {
    let site = Site::with_user("ada").await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let request = site
        .request(Method::POST, "/api/login")
        .header("sec-fetch-site", "cross-site");
    assert_problem(
        request.json(&body).send().await.unwrap(),
        403,
        "FOREIGN_ORIGIN",
    )
    .await;
    let preflight = site
        .request(Method::OPTIONS, "/api/login")
        .header("origin", "https://evil.example");
    let answer = preflight.send().await.unwrap();
    assert!(
        answer
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
}
