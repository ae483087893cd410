//! A PostgreSQL database that is restored from a copy, as docs/OPERATIONS.md describes.

use std::path::Path;

use e2e::{
    pair::{Options, PASSWORD, Pair},
    postgres::Postgres,
    wait::until,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Command;

/// Runs a program of PostgreSQL on the database.
async fn run(program: &str, server: &Postgres, arguments: &[&str], file: &Path) {
    let status = Command::new(program)
        .arg("--dbname")
        .arg(Postgres::url_at(server.port()))
        .args(arguments)
        .arg(file)
        .status();
    assert!(status.await.unwrap().success(), "{program}");
}

/// The statuses of a request with the access token, and of a refresh.
async fn statuses(pair: &Pair, tokens: &Value) -> (u16, u16) {
    let client = pair.site.client();
    let checked = client.get(pair.site.url("/api/profile"));
    let checked = checked.bearer_auth(tokens["access_token"].as_str().unwrap());
    let refreshed = client.post(pair.site.url("/api/refresh"));
    let refreshed = refreshed.json(&json!({"refresh_token": tokens["refresh_token"]}));
    let status = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        answer.status().as_u16()
    };
    (status(checked).await, status(refreshed).await)
}

#[tokio::test]
async fn restored_copy_keeps_accounts_and_ends_logins_from_before_and_after_it() {
    let server = Postgres::start(false).await;
    let options = Options {
        auth: vec![
            ("AUTH_DATABASE_URL", Postgres::url_at(server.port())),
            ("AUTH_SINGLE_INSTANCE", "true".to_owned()),
        ],
        ..Options::default()
    };
    let mut pair = Pair::start_with(options).await;
    pair.add_user("ada", &[]).await;
    let before = pair.site.tokens("ada").await;
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    run("pg_dump", &server, &["--format=custom", "--file"], &copy).await;
    let after = pair.site.tokens("ada").await;
    let cookie = pair.site.form_login("ada").await;
    assert_eq!(statuses(&pair, &after).await.0, 200);

    pair.auth.signal(Signal::TERM);
    assert!(pair.auth.exit().await.success());
    for statement in ["DROP DATABASE holdfast", "CREATE DATABASE holdfast"] {
        server.sql("postgres", statement).await;
    }
    run("pg_restore", &server, &[], &copy).await;
    let ended = pair.command(&["login", "end-all", "--restored"], "").await;
    assert_eq!(ended, "1 logins ended\n");
    pair.start_auth_again().await;

    for tokens in [&before, &after] {
        let refused = until("an answer", async || {
            let statuses = statuses(&pair, tokens).await;
            (statuses.0 != 503 && statuses.1 != 503).then_some(statuses)
        });
        assert_eq!(refused.await, (401, 401));
    }
    let page = until("an answer", async || {
        let status = pair.site.get("/dashboard", &cookie).await.status().as_u16();
        (status != 503).then_some(status)
    });
    assert_eq!(page.await, 303);
    assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 200);
}
