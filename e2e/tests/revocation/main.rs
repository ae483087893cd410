//! Revocation on two web-services with one Redis. A test program of its own, as it measures the delay.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and this one prints what it measured"
)]

mod cause;
mod fixture;

use std::time::Duration;

use e2e::pair::Pair;

use crate::{
    cause::Cause,
    fixture::{Fixture, cookie_status, send, sid},
};

/// Limit of the time from the response to the revoking call until the last instance rejects the credential.
const MAX_DELAY: Duration = Duration::from_millis(200);
/// Limit of the median of these times.
const MAX_MEDIAN: Duration = Duration::from_millis(50);

#[tokio::test]
async fn revocation_by_any_cause_ends_login_on_both_instances() {
    let fixture = Fixture::start().await;
    let mut times = Vec::new();
    for cause in Cause::ALL {
        let person = fixture.person(&format!("{cause:?}")).await;
        fixture.end(&person, cause).await;
        times.push((fixture.time_until_rejected(&person, cause).await, cause));
        fixture.assert_still_rejected(&person, cause).await;
    }
    times.sort_by_key(|(time, _)| *time);
    for (time, cause) in &times {
        println!("{time:>12.3?}  {cause:?}");
    }
    let median = times[times.len() / 2].0;
    println!("{median:>12.3?}  median");
    assert!(times.last().unwrap().0 < MAX_DELAY, "{times:?}");
    assert!(median < MAX_MEDIAN, "{times:?}");
}

/// What is restarted after the revocation.
#[derive(Clone, Copy, Debug)]
enum Restart {
    Redis,
    Auth,
    Web,
    All,
}

#[tokio::test]
async fn ended_login_stays_ended_after_any_restart() {
    let mut fixture = Fixture::start().await;
    for restart in [Restart::Redis, Restart::Auth, Restart::Web, Restart::All] {
        let mut people = Vec::new();
        for cause in Cause::ALL {
            let person = fixture.person(&format!("{cause:?}-{restart:?}")).await;
            fixture.end(&person, cause).await;
            people.push((person, cause));
        }
        match restart {
            Restart::Redis => fixture.restart_redis().await,
            Restart::Auth => fixture.restart_auth().await,
            Restart::Web => fixture.pair.restart_web().await,
            Restart::All => {
                fixture.restart_redis().await;
                fixture.restart_auth().await;
                fixture.pair.restart_web().await;
            }
        }
        fixture.is_ready().await;
        for (person, cause) in &people {
            fixture.assert_still_rejected(person, *cause).await;
        }
    }
}

#[tokio::test]
async fn login_of_other_account_is_not_found() {
    let pair = Pair::start().await;
    let site = &pair.site;
    for name in ["ada", "bob"] {
        pair.add_user(name, &[]).await;
    }
    let (ada, bob) = (site.form_login("ada").await, site.form_login("bob").await);
    let sid_of_bob = sid(site, &bob).await;
    let mut answers = Vec::new();
    for sid in [
        sid_of_bob.as_str(),
        "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "x",
    ] {
        let response = send(site, "DELETE", &format!("/api/logins/{sid}"), &ada).await;
        assert_eq!(response.status(), 404);
        answers.push(response.text().await.unwrap());
        let action = format!("/account/logins/{sid}/end");
        assert_eq!(site.press("/account/logins", &action, &ada).await, 404);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(cookie_status(site, &bob).await, 200);
}
