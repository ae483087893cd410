//! `max_age`: how recent the authentication must be.

use std::time::Duration;

use holdfast_core::clock::ManualClock;
use web_service::{
    config::ServeConfig,
    request::{redirect_origins::AllowedRedirectOrigins, trusted_proxies::TrustedProxies},
};

use super::{APP, site, verify};
use crate::support::{PASSWORD, Site, cookie_of, header, until};

#[tokio::test]
async fn old_authentication_leads_to_reauthentication() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let fresh = verify(&site, "?max_age=60", &[("cookie", &cookie)]).await;
    assert_eq!(fresh.status(), 200);
    site.clock.advance(Duration::from_secs(61));
    let program = verify(&site, "?max_age=60", &[("cookie", &cookie)]).await;
    assert_eq!(program.status(), 401);
    let navigation = [("cookie", cookie.as_str()), ("sec-fetch-mode", "navigate")];
    let sent = verify(&site, "?max_age=60", &navigation).await;
    assert_eq!(sent.status(), 303);
    let confirm = header(&sent, "location")
        .strip_prefix(&site.origin)
        .unwrap()
        .to_owned();
    assert!(
        confirm.starts_with("/account/confirm?next=%2Fcontinue"),
        "{confirm}"
    );

    let token = site.page_token(&confirm, &cookie).await;
    let answer = async |password: &str| {
        let fields = [
            ("csrf_token", token.as_str()),
            ("confirm_password", password),
        ];
        site.post_form(&confirm, &cookie, &fields).await
    };
    assert_eq!(answer("").await.status(), 422);
    assert_eq!(answer("a wrong password").await.status(), 422);
    let proved = answer(PASSWORD).await;
    let onward = header(&proved, "location").to_owned();
    let renewed = cookie_of(&proved, "__Host-session").unwrap();
    let sent = site.post_form(&onward, &renewed, &[]).await;
    assert_eq!(
        header(&sent, "location"),
        "https://app.example/orders?page=2"
    );
    let passed = verify(&site, "?max_age=60", &[("cookie", &renewed)]).await;
    assert_eq!(passed.status(), 200);
}

/// The clock of web-service, two minutes ahead or behind, has no effect.
#[tokio::test]
async fn age_is_measured_on_clock_of_auth_service() {
    for skew in [-120, 120] {
        let (clock, auth_clock) = (ManualClock::default(), ManualClock::default());
        clock.leap(time::Duration::seconds(skew));
        let behind_a_proxy = |config: &mut ServeConfig| {
            config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
            config.return_origins = AllowedRedirectOrigins::new(vec![APP.to_owned()]);
        };
        let site =
            Site::start_with_clocks((clock.clone(), auth_clock.clone()), behind_a_proxy).await;
        site.add_user("ada").await;
        let cookie = site.sign_in("ada").await;
        let (token, _) = site.tokens("ada").await;
        let token = format!("Bearer {token}");
        let age = async |age: &str| {
            let mut answers = Vec::new();
            for credential in [("cookie", &cookie), ("authorization", &token)] {
                let credential = [(credential.0, credential.1.as_str())];
                let path = format!("?max_age={age}");
                answers.push(verify(&site, &path, &credential).await.status().as_u16());
            }
            answers
        };
        until("the time of auth-service in a heartbeat", async || {
            (age("60").await == [200, 200]).then_some(())
        })
        .await;
        for clock in [&clock, &auth_clock] {
            clock.advance(Duration::from_secs(61));
        }
        until("the authentication to be too old", async || {
            (age("60").await == [401, 401]).then_some(())
        })
        .await;
        assert_eq!(age("90").await, [200, 200], "{skew}");
    }
}
