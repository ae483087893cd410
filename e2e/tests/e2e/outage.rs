use std::time::{Duration, Instant};

use e2e::{
    pair::{Options, Pair},
    port,
    site::{cookie_of, form_token},
    wait::until,
};
use serde_json::Value;

#[tokio::test]
async fn auth_service_outage_is_reported_and_recovered_from() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    let cookie = pair.site.form_login("ada").await;
    pair.auth.signal(rustix::process::Signal::KILL);
    pair.auth.exit().await;

    let begun = Instant::now();
    let profile = profile(&pair, &tokens).await;
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    assert_eq!(profile.status(), 503);
    assert!(profile.headers().contains_key("retry-after"));
    let problem: Value = profile.json().await.unwrap();
    assert_eq!(problem["reason"], "AUTH_UNAVAILABLE");

    let dashboard = pair.site.get("/dashboard", &cookie).await;
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
        pair.site.get("/dashboard", &cookie).await.status(),
        200,
        "nobody was signed out"
    );
}

#[tokio::test]
async fn sign_out_during_auth_service_outage_succeeds() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    let page = pair
        .site
        .get("/dashboard", &cookie)
        .await
        .text()
        .await
        .unwrap();
    pair.auth.signal(rustix::process::Signal::KILL);
    pair.auth.exit().await;

    let form = [("csrf_token", form_token(&page))];
    let request = pair
        .site
        .client()
        .post(pair.site.url("/logout"))
        .header("cookie", &cookie)
        .form(&form);
    let response = request.send().await.unwrap();

    assert_eq!(response.status(), 303);
    assert_eq!(
        cookie_of(&response, "__Host-session").as_deref(),
        Some("__Host-session=")
    );
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 303);

    pair.start_auth_again().await;
    let again = until("signing in", async || {
        let response = pair.site.try_form_login("ada").await;
        cookie_of(&response, "__Host-session")
    })
    .await;
    until("the login that was signed out to end, too", async || {
        let listed = pair.site.get("/api/logins", &again).await;
        let listed: Value = listed.json().await.ok()?;
        (listed["logins"].as_array()?.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn hanging_auth_service_costs_one_timeout() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let (seen, unseen) = (pair.site.tokens("ada").await, pair.site.tokens("ada").await);
    assert_eq!(profile(&pair, &seen).await.status(), 200);
    let client = pair.site.client();
    let ask = async || {
        let begun = Instant::now();
        let request = client.get(pair.site.url("/api/profile"));
        let token = unseen["access_token"].as_str().unwrap();
        let response = request.bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), begun.elapsed())
    };
    pair.auth.hang(true);

    let (status, took) = ask().await;
    assert_eq!(status, 503);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let begun = Instant::now();
    for _ in 0..50 {
        assert_eq!(ask().await.0, 503);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "fifty take less time than one did: {:?}",
        begun.elapsed()
    );

    pair.auth.hang(false);
    until("the profile", async || (ask().await.0 == 200).then_some(())).await;
    let output = pair.web.output();
    let lines = output
        .matches("rejecting calls until a probe succeeds")
        .count();
    assert_eq!(lines, 1, "one line for the outage:\n{output}");
    assert!(output.contains("peer available again"), "{output}");
}

#[tokio::test]
async fn one_of_two_auth_instances_suffices() {
    let (here, away) = (port::free(), port::free());
    let urls = format!("http://127.0.0.1:{away},http://127.0.0.1:{here}");
    let pair = Pair::start_with(Options {
        auth: vec![("AUTH_LISTEN", format!("127.0.0.1:{here}"))],
        web: vec![("WEB_AUTH_URL", urls)],
    })
    .await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    for _ in 0..10 {
        assert_eq!(profile(&pair, &tokens).await.status(), 200);
    }
}

async fn profile(pair: &Pair, tokens: &Value) -> reqwest::Response {
    let token = tokens["access_token"].as_str().unwrap();
    let request = pair
        .site
        .client()
        .get(pair.site.url("/api/profile"))
        .bearer_auth(token);
    request.send().await.unwrap()
}

async fn submit_login(pair: &Pair) -> (u16, String) {
    let response = pair.site.try_form_login("ada").await;
    (response.status().as_u16(), response.text().await.unwrap())
}
