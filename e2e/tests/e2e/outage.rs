use std::time::Instant;

use e2e::{
    pair::{Pair, cookie_of, form_token},
    wait::until,
};
use serde_json::Value;

#[tokio::test]
async fn while_auth_service_is_away_everything_says_so_and_then_recovers() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.tokens("ada").await;
    let cookie = pair.form_login("ada").await;
    pair.auth.signal(rustix::process::Signal::KILL);
    pair.auth.exit().await;

    let begun = Instant::now();
    let profile = profile(&pair, &tokens).await;
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    assert_eq!(profile.status(), 503);
    assert!(profile.headers().contains_key("retry-after"));
    let problem: Value = profile.json().await.unwrap();
    assert_eq!(problem["reason"], "AUTH_UNAVAILABLE");

    let dashboard = pair.get("/dashboard", &cookie).await;
    assert_eq!(dashboard.status(), 503);
    assert!(dashboard.headers().contains_key("retry-after"));
    assert!(
        dashboard
            .text()
            .await
            .unwrap()
            .contains("You are not signed out")
    );

    let (status, page) = submit_login(&pair).await;
    assert_eq!(status, 503);
    assert!(
        page.contains("Signing in is not possible right now"),
        "{page}"
    );
    assert!(page.contains("value=\"ada\""), "the name is kept");

    pair.start_auth_again().await;
    until("the profile", async || {
        (self::profile(&pair, &tokens).await.status() == 200).then_some(())
    })
    .await;
    assert_eq!(
        pair.get("/dashboard", &cookie).await.status(),
        200,
        "nobody was signed out"
    );
}

#[tokio::test]
async fn signing_out_is_possible_while_auth_service_is_away() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.form_login("ada").await;
    let page = pair.get("/dashboard", &cookie).await.text().await.unwrap();
    pair.auth.signal(rustix::process::Signal::KILL);
    pair.auth.exit().await;

    let form = [("csrf_token", form_token(&page))];
    let request = pair
        .client()
        .post(pair.url("/logout"))
        .header("cookie", &cookie)
        .form(&form);
    let response = request.send().await.unwrap();

    assert_eq!(response.status(), 303);
    assert_eq!(
        cookie_of(&response, "__Host-session").as_deref(),
        Some("__Host-session=")
    );
    pair.start_auth_again().await;
    assert_eq!(pair.get("/dashboard", &cookie).await.status(), 303);
}

async fn profile(pair: &Pair, tokens: &Value) -> reqwest::Response {
    let token = tokens["access_token"].as_str().unwrap();
    let request = pair
        .client()
        .get(pair.url("/api/profile"))
        .bearer_auth(token);
    request.send().await.unwrap()
}

async fn submit_login(pair: &Pair) -> (u16, String) {
    let response = pair.try_form_login("ada").await;
    (response.status().as_u16(), response.text().await.unwrap())
}
