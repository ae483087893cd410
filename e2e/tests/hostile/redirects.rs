//! Redirect targets after sign-in.

use e2e::{
    browser::Browser,
    pair::Pair,
    site::{cookie_of, form_token},
};
use serde_json::json;
use url::Url;

const CANDIDATES: &str = include_str!("../../data/open_redirects.txt");

fn candidates() -> Vec<String> {
    let lines = CANDIDATES
        .lines()
        .filter(|line| !line.starts_with('#') || line.starts_with("#/"));
    let candidates: Vec<_> = lines.map(unescaped).collect();
    assert!(candidates.len() > 400, "{}", candidates.len());
    candidates
}

fn unescaped(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = |from: usize, to: usize| u32::from_str_radix(&after[from..to], 16).ok();
        let (character, length) = match after.as_bytes()[0] {
            b't' => (Some('\t'), 1),
            b'n' => (Some('\n'), 1),
            b'r' => (Some('\r'), 1),
            b'x' => (code(1, 3).and_then(char::from_u32), 3),
            b'u' => (code(1, 5).and_then(char::from_u32), 5),
            _ => (Some('\\'), 1),
        };
        text.push(character.unwrap());
        rest = &after[length..];
    }
    text.push_str(rest);
    text
}

/// The `Location` after a sign-in with each target is on this origin, as parsed by a URL library and by Chromium.
#[tokio::test(flavor = "multi_thread")]
async fn sign_in_redirects_to_no_other_origin() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let site = &pair.site;
    let client = site.client();
    let cookie = site.form_login("ada").await;
    let own = Url::parse(&site.url("/login")).unwrap();
    let mut locations = Vec::new();
    for candidate in candidates() {
        // A signed-in browser is redirected by the same rule, without a password hash.
        let mut url = own.clone();
        url.query_pairs_mut().append_pair("next", &candidate);
        let answer = client
            .get(url)
            .header("cookie", &cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 303, "{candidate:?}");
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let target = own.join(&location).unwrap();
        assert_eq!(
            target.origin(),
            own.origin(),
            "{candidate:?} leads to {target}"
        );
        locations.push(location);
    }
    locations.sort();
    locations.dedup();

    let browser = Browser::start(&pair).await;
    browser.driver.goto(site.url("/login")).await.unwrap();
    for location in &locations {
        let script = format!(
            "return new URL({}, document.baseURI).origin",
            json!(location)
        );
        assert_eq!(
            browser.script(&script).await,
            site.origin.as_str(),
            "{location:?}"
        );
    }
    browser.quit().await;

    // The form obeys the same rule.
    let page = client
        .get(site.url("/login?next=//evil.example"))
        .send()
        .await
        .unwrap();
    let form_cookie = cookie_of(&page, "__Host-login").unwrap();
    let token = form_token(&page.text().await.unwrap());
    let fields = [
        ("username", "ada"),
        ("password", site.password.as_str()),
        ("next", "//evil.example"),
        ("csrf_token", &token),
    ];
    let answer = site.post_form("/login", &form_cookie, &fields).await;
    assert_eq!(answer.headers()["location"], "/dashboard");
}
