//! For each row of "What ends what" in `docs/SECURITY.md`: the metrics of both services that move, and what relying parties and receivers of
//! the stream of revocations notice.

mod events;
mod factors;
mod grants;
mod observers;

use e2e::{
    admin::ADMINISTRATOR,
    documents::{assert_covered, rows},
    pair::Pair,
    wait::until,
};
use rustix::process::Signal;
use serde_json::Value;

use self::{
    events::{Event, Person, end, refresh, text},
    observers::Observers,
};
use crate::metrics::{lacking, of_auth, of_web};

const DELIVERED: &str = "holdfast_web_revocation_delivery_seconds_count";
const NOT_DELIVERED: &str = "holdfast_web_revocations_not_delivered_total";
const DISCONNECTIONS: &str = "holdfast_web_revocation_stream_disconnections_total";
const SNAPSHOTS: &str = "holdfast_web_revocation_stream_snapshots_total";

/// An event, and the metrics that it moves beside the revocation log.
struct Case {
    /// The row of the document, up to a comma.
    row: &'static str,
    event: Event,
    /// The kind of the audit event; none for a command, whose process records it.
    kind: Option<&'static str>,
    /// Whether web-service makes the call, so that it measures the delivery.
    is_by_web: bool,
}

const fn by_web(row: &'static str, event: Event, kind: &'static str) -> Case {
    Case {
        row,
        event,
        kind: Some(kind),
        is_by_web: true,
    }
}

const fn by_grpc(row: &'static str, event: Event, kind: &'static str) -> Case {
    Case {
        row,
        event,
        kind: Some(kind),
        is_by_web: false,
    }
}

const fn by_command(row: &'static str, event: Event) -> Case {
    Case {
        row,
        event,
        kind: None,
        is_by_web: false,
    }
}

/// The OAuth client is one of the last, as people sign in to it before, and the revoked key is the last one, as it signed all tokens.
const CASES: [Case; 23] = [
    by_web("sign-out on the page", Event::SignOutPage, "LOGIN_ENDED"),
    by_web("`POST /api/logout`", Event::ApiLogout, "LOGIN_ENDED"),
    by_grpc(
        "`RevokeToken` with a refresh token of the grant that the login began with",
        Event::RevokeRefreshToken,
        "LOGIN_ENDED",
    ),
    by_grpc(
        "`RevokeToken` with a refresh token of another grant",
        Event::RevokeRefreshTokenOfGrant,
        "GRANT_ENDED",
    ),
    by_grpc(
        "`RevokeToken` with an access token",
        Event::RevokeAccessToken,
        "TOKEN_REVOKED",
    ),
    by_web("`DELETE /api/logins/{sid}`", Event::EndLogin, "LOGIN_ENDED"),
    by_web(
        "all other logins ended",
        Event::EndOtherLogins,
        "OTHER_LOGINS_ENDED",
    ),
    by_web(
        "password changed by the account's owner",
        Event::ChangePassword,
        "PASSWORD_CHANGED",
    ),
    by_grpc(
        "password changed by the account's owner",
        Event::SetPassword,
        "PASSWORD_SET",
    ),
    by_web(
        "a factor or the password removed by the account's owner",
        Event::RemoveFactor,
        "TOTP_REMOVED",
    ),
    by_grpc(
        "factors reset by an administrator or operator",
        Event::RequireFactor,
        "SECOND_FACTOR_REQUIRED",
    ),
    by_grpc("`EndUserLogins`", Event::EndUserLogins, "ALL_LOGINS_ENDED"),
    by_grpc("account disabled", Event::DisableUser, "USER_DISABLED"),
    by_command("account disabled", Event::DisableUserByCommand),
    by_grpc("account deleted", Event::DeleteUser, "USER_DELETED"),
    by_web(
        "access of an application ended by the account's owner",
        Event::EndApplication,
        "CONSENT_ENDED",
    ),
    by_grpc(
        "authorization code used twice",
        Event::ReuseCode,
        "CODE_REUSED",
    ),
    by_grpc(
        "a seventeenth grant of one OAuth client in a login",
        Event::SurplusGrant,
        "GRANT_ENDED",
    ),
    by_grpc(
        "refresh token reused, of another grant",
        Event::ReuseRefreshTokenOfGrant,
        "REFRESH_REUSED",
    ),
    by_grpc(
        "refresh token reused, of the grant that the login began with",
        Event::ReuseRefreshToken,
        "REFRESH_REUSED",
    ),
    by_grpc(
        "a hundred and first login",
        Event::SurplusLogin,
        "SURPLUS_LOGIN_ENDED",
    ),
    by_grpc(
        "OAuth client disabled",
        Event::DisableClient,
        "CLIENT_DISABLED",
    ),
    by_command("signing key revoked", Event::RevokeKeyByCommand),
];

/// Rows in which a service stops, or that need a browser, with the files and the tests of these names.
const ROWS_OF_OTHER_TESTS: [(&str, &str, &str); 4] = [
    (
        "a passkey registered after a recovery code",
        include_str!("../passkeys.rs"),
        "account_without_password_is_recovered_with_a_new_passkey",
    ),
    (
        "database restored",
        include_str!("mod.rs"),
        "restored_database_is_received_as_snapshot",
    ),
    (
        "restart of Redis",
        include_str!("mod.rs"),
        "restart_restores_revocations_in_memory",
    ),
    (
        "auth-service killed during refreshes",
        include_str!("mod.rs"),
        "kill_during_refreshes_is_counted_as_disconnection",
    ),
];

#[test]
fn each_row_of_what_ends_what_has_a_case() {
    let mut cases: Vec<_> = CASES.iter().map(|case| case.row).collect();
    for (row, file, test) in ROWS_OF_OTHER_TESTS {
        let definition = format!("async fn {test}(");
        assert!(file.contains(&definition), "{test}");
        cases.push(row);
    }
    assert_covered(&rows("docs/SECURITY.md", "What ends what"), &cases);
}

#[tokio::test]
async fn each_end_reaches_relying_parties_the_stream_and_the_metrics() {
    let (mut pair, mut observers) = Observers::start().await;
    pair.add_user(ADMINISTRATOR, &["--admin"]).await;
    for (number, case) in CASES.iter().enumerate() {
        let person = Person::new(&pair, format!("person-{number}")).await;
        let expected = observers.before(&pair.site, &person, case.event).await;
        let (auth, web) = (of_auth(&mut pair).await, of_web(&mut pair).await);

        end(&pair, &person, case.event).await;

        observers.after(expected, case.event).await;
        let kind = case.kind.map(audit_events);
        let mut of_case = vec![
            ("holdfast_auth_revocation_log_position", 1.0),
            ("holdfast_auth_revocations_in_memory", 1.0),
        ];
        of_case.extend(kind.as_deref().map(|kind| (kind, 1.0)));
        until(&format!("{:?} in auth-service", case.event), async || {
            let after = of_auth(&mut pair).await;
            lacking(&auth, &after, &of_case).is_empty().then_some(())
        })
        .await;
        // web-service does not keep the ids of revoked keys: it discards all cached results instead.
        let is_kept = !matches!(case.event, Event::RevokeKeyByCommand);
        let of_case = [
            ("holdfast_web_revocation_log_position", 1.0),
            (
                "holdfast_web_revocations_in_memory",
                f64::from(u8::from(is_kept)),
            ),
        ];
        until(&format!("{:?} in web-service", case.event), async || {
            let after = of_web(&mut pair).await;
            let calls = after[DELIVERED] + after[NOT_DELIVERED];
            let is_measured = calls - web[DELIVERED] - web[NOT_DELIVERED] >= 1.0;
            let is_there = lacking(&web, &after, &of_case).is_empty();
            (is_there && (is_measured || !case.is_by_web)).then_some(())
        })
        .await;
    }
    observers.finish();
}

fn audit_events(kind: &str) -> String {
    format!("holdfast_auth_audit_events_total{{kind=\"{kind}\"}}")
}

#[tokio::test]
async fn restart_restores_revocations_in_memory() {
    let mut pair = Pair::start().await;
    let person = Person::new(&pair, "ada".to_owned()).await;
    end(&pair, &person, Event::ApiLogout).await;
    pair.auth.signal(Signal::KILL);
    pair.auth.exit().await;
    pair.start_auth_again().await;
    pair.restart_web().await;
    until("the revocation in both services", async || {
        let auth = of_auth(&mut pair).await["holdfast_auth_revocations_in_memory"];
        let web = of_web(&mut pair).await["holdfast_web_revocations_in_memory"];
        (auth >= 1.0 && web >= 1.0).then_some(())
    })
    .await;
}

/// The restored database has another epoch.
#[tokio::test]
async fn restored_database_is_received_as_snapshot() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    let before = of_web(&mut pair).await;
    pair.auth.signal(Signal::TERM);
    assert!(pair.auth.exit().await.success());
    pair.command(&["login", "end-all", "--restored"], "").await;
    pair.start_auth_again().await;
    until("another snapshot", async || {
        let after = of_web(&mut pair).await;
        let expected = [(SNAPSHOTS, 1.0), (DISCONNECTIONS, 1.0)];
        lacking(&before, &after, &expected).is_empty().then_some(())
    })
    .await;
    assert_eq!(pair.site.get("/api/session", &cookie).await.status(), 401);
}

#[tokio::test]
async fn kill_during_refreshes_is_counted_as_disconnection() {
    let mut pair = Pair::start().await;
    let person = Person::new(&pair, "ada".to_owned()).await;
    let before = of_web(&mut pair).await;
    let site = pair.site.clone();
    let refreshing = tokio::spawn(async move {
        let mut token = person.refresh_token;
        loop {
            let answer = refresh(&site, &token).await;
            if answer.status() != 200 {
                return token;
            }
            let tokens: Value = answer.json().await.unwrap();
            token = text(&tokens["refresh_token"]);
        }
    });
    let outcome = |outcome: &str| format!("holdfast_auth_refreshes_total{{outcome=\"{outcome}\"}}");
    until("some refreshes", async || {
        (of_auth(&mut pair).await[&outcome("rotated")] >= 2.0).then_some(())
    })
    .await;
    pair.auth.signal(Signal::KILL);
    pair.auth.exit().await;
    let token = refreshing.await.unwrap();
    until("the disconnection", async || {
        let after = of_web(&mut pair).await;
        let expected = [(DISCONNECTIONS, 1.0)];
        lacking(&before, &after, &expected).is_empty().then_some(())
    })
    .await;
    pair.start_auth_again().await;
    until("a refresh", async || {
        (refresh(&pair.site, &token).await.status() == 200).then_some(())
    })
    .await;
    let after = of_auth(&mut pair).await;
    let counted = after[&outcome("rotated")] + after[&outcome("repeated")];
    assert!(counted >= 1.0, "{after:#?}");
}
