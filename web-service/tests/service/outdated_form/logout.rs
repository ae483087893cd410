//! `POST /logout` by a form of an earlier session.

use std::time::Duration;

use reqwest::{Method, Response};

use super::assert_signed_out;
use crate::support::{PASSWORD, Site, cookie_of};

const NEW_PASSWORD: &str = "quite another long password";

fn new_session(answer: &Response) -> String {
    cookie_of(answer, "__Host-session").unwrap()
}

#[tokio::test]
async fn outdated_form_ends_current_session() {
    for what in ["confirmed", "new password", "signed out", "idle"] {
        let site = Site::with_user("ada").await;
        let old = site.sign_in("ada").await;
        let token = site.page_token("/dashboard", &old).await;
        let now = match what {
            "confirmed" => new_session(&site.confirm_password(&old).await),
            "new password" => {
                new_session(&site.change_password(&old, PASSWORD, NEW_PASSWORD).await)
            }
            "signed out" => {
                assert_signed_out(&site.sign_out(&old, &token).await);
                site.sign_in("ada").await
            }
            _ => {
                site.clock.advance(Duration::from_mins(30));
                site.sign_in("ada").await
            }
        };
        assert!(site.is_signed_in(&now).await, "{what}");

        assert_signed_out(&site.sign_out(&now, &token).await);

        assert!(!site.is_signed_in(&now).await, "{what}");
    }
}

#[tokio::test]
async fn repeated_sign_out_succeeds() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &cookie).await;
    for cookie in [&cookie, &cookie, ""] {
        assert_signed_out(&site.sign_out(cookie, &token).await);
    }
}

/// A CSRF token of another session must be of the same account, and sent with fetch metadata of the same origin.
#[tokio::test]
async fn outdated_form_of_other_account_or_origin_is_refused() {
    let site = Site::with_user("ada").await;
    site.add_user("bob").await;
    let token = site
        .page_token("/dashboard", &site.sign_in("ada").await)
        .await;
    let bobs = site.sign_in("bob").await;
    assert_eq!(site.sign_out(&bobs, &token).await.status(), 403);
    assert!(site.is_signed_in(&bobs).await);

    let adas = site.sign_in("ada").await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("x-other", "without metadata"),
    ] {
        let request = site
            .request(Method::POST, "/logout")
            .header("cookie", &adas);
        let request = request.header(name, value);
        let answer = request.form(&[("csrf_token", &token)]).send().await;
        assert_eq!(answer.unwrap().status(), 403, "{name}: {value}");
    }
    assert!(site.is_signed_in(&adas).await);
}
