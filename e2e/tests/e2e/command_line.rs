use e2e::{
    authenticator::set_up_totp,
    pair::{KEY_ENCRYPTION_KEY, Options, PASSWORD, Pair},
    program::{Program, built, run},
    wait::until,
};
use serde_json::json;
use tokio::process::Command;

#[tokio::test]
async fn command_line_change_reaches_running_services() {
    let pair = Pair::start().await;
    pair.add_user("Ada", &["--admin"]).await;
    pair.add_user("bob", &[]).await;
    let listed = pair.command(&["user", "list"], "").await;
    assert!(
        listed.contains(" ada admin\n") && listed.contains(" bob\n"),
        "{listed}"
    );
    let cookie = pair.site.form_login("bob").await;

    pair.command(&["user", "disable", "bob"], "").await;
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 303);
    assert_eq!(pair.site.api_login("bob", PASSWORD).await.status(), 401);
    assert!(
        pair.command(&["user", "list"], "")
            .await
            .contains(" bob disabled\n")
    );

    pair.command(&["user", "enable", "bob"], "").await;
    assert_eq!(
        pair.site.get("/dashboard", &cookie).await.status(),
        303,
        "what was ended stays ended"
    );
    assert_eq!(pair.site.api_login("bob", PASSWORD).await.status(), 200);

    pair.command(
        &["user", "set-password", "bob", "--password-stdin"],
        "a brand new password\n",
    )
    .await;
    assert_eq!(pair.site.api_login("bob", PASSWORD).await.status(), 401);
    assert_eq!(
        pair.site
            .api_login("bob", "a brand new password")
            .await
            .status(),
        200
    );

    let keys = pair.command(&["key", "list"], "").await;
    assert!(
        keys.contains(" EdDSA ") && keys.contains(" ES256 "),
        "{keys}"
    );
}

#[tokio::test]
async fn factors_are_listed_reset_and_required_by_the_command_line() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let factors = async |command: &str| {
        let arguments = ["user", "factors", command, "ada"];
        pair.command(&arguments, "").await
    };
    let reason = async || {
        let answer = pair.site.api_login("ada", PASSWORD).await;
        let answer: serde_json::Value = answer.json().await.unwrap();
        let steps = answer["steps"].as_array().map(Vec::len);
        (answer["reason"].as_str().map(str::to_owned), steps)
    };
    let further = Some("ADDITIONAL_FACTOR_REQUIRED".to_owned());
    let cookie = pair.site.form_login("ada").await;
    set_up_totp(&pair.site, &cookie).await;
    let listed = factors("list").await;
    assert!(
        listed.contains(" password\n") && listed.contains(" totp\n"),
        "{listed}"
    );
    assert_eq!(reason().await, (further.clone(), Some(1)));

    factors("reset").await;
    assert!(!factors("list").await.contains("totp"));
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 303);
    assert_eq!(reason().await, (None, None));

    factors("require").await;
    let listed = pair.command(&["user", "list"], "").await;
    assert!(listed.contains(" ada second-factor-required\n"), "{listed}");
    // The set-up of a passkey, or of one-time codes.
    assert_eq!(reason().await, (further, Some(2)));
    factors("optional").await;
    assert_eq!(reason().await, (None, None));

    let unknown = ["user", "factors", "reset", "nobody"];
    let text = pair.try_command(&unknown).await.unwrap_err();
    assert!(text.contains("there is no such account"), "{text}");
}

#[tokio::test]
async fn command_with_invalid_input_fails_with_reason() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = [("AUTH_DATA_DIR", directory.path())];
    for (arguments, input, why) in [
        (
            &["user", "add", "no body", "--password-stdin"][..],
            PASSWORD,
            "a username is 1 to 64",
        ),
        (
            &["user", "add", "bob", "--password-stdin"],
            "short",
            "at least 15 characters",
        ),
        (&["user", "add", "bob"], PASSWORD, "--password-stdin"),
        (
            &["user", "disable", "nobody"],
            "",
            "there is no such account",
        ),
        (&["serve"], "", "AUTH_KEY_ENCRYPTION_KEY: not set"),
        (
            &["healthcheck", "--ops-listen", "127.0.0.1:1"],
            "",
            "nothing listens",
        ),
    ] {
        let (success, text) = run("auth-service", arguments, &data_dir, input).await;
        assert!(!success && text.contains(why), "{arguments:?}: {text}");
    }
    let (success, text) = run("web-service", &["serve"], &[], "").await;
    assert!(
        !success && text.contains("WEB_SECRET_KEY: not set"),
        "{text}"
    );
    let (success, text) = run("web-service", &["serve", "--tls", "off"], &[], "").await;
    assert!(
        !success && text.contains("WEB_TLS: off requires WEB_TRUSTED_PROXIES"),
        "{text}"
    );
}

#[tokio::test]
async fn logs_of_both_services_contain_no_secret() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    let cookie = pair.site.form_login("ada").await;
    pair.site.get("/dashboard", &cookie).await;
    pair.site.api_login("ada", "a wrong password").await;
    let logs = format!("{}{}", pair.auth.output(), pair.web.output());
    assert!(logs.contains("SIGNED_IN"));
    for secret in [
        PASSWORD,
        "a wrong password",
        cookie.split_once('=').unwrap().1,
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
    ] {
        assert!(!logs.contains(secret), "{secret} is in the logs");
    }
}

#[tokio::test]
async fn stop_with_closed_output_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start_with_closed_output(
        Command::new(built("auth-service"))
            .env("AUTH_LISTEN", "127.0.0.1:0")
            .env("AUTH_OPS_LISTEN", "127.0.0.1:0")
            .env("AUTH_DATA_DIR", directory.path())
            .env("AUTH_ISSUER", "https://id.example")
            .env("AUTH_KEY_ENCRYPTION_KEY", KEY_ENCRYPTION_KEY),
    );
    let database = directory.path().join("auth.db-wal");
    until("the database", async || database.exists().then_some(())).await;
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn blank_settings_are_unset_and_password_line_is_trimmed() {
    let blank = [
        "AUTH_REDIS_URL",
        "AUTH_REDIS_URL_FILE",
        "AUTH_AUDIENCE",
        "AUTH_ACCESS_TTL",
        "AUTH_TLS_KEY",
    ];
    let pair = Pair::start_with(Options {
        auth: blank.map(|name| (name, " ".to_owned())).to_vec(),
        web: [
            "WEB_PUBLIC_URL",
            "WEB_TLS_KEY",
            "WEB_TRUSTED_PROXIES",
            "WEB_TLS",
        ]
        .map(|name| (name, " ".to_owned()))
        .to_vec(),
    })
    .await;
    let add = ["user", "add", "ada", "--password-stdin"];
    pair.command(&add, &format!("\u{feff}{PASSWORD}\r\n")).await;
    assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn issuer_different_from_public_url_is_logged() {
    let mut pair = Pair::start_with(Options {
        web: vec![("WEB_PUBLIC_URL", "https://id.example".to_owned())],
        ..Options::default()
    })
    .await;
    let warned = pair
        .web
        .logged("AUTH_ISSUER of auth-service is not WEB_PUBLIC_URL")
        .await;
    assert_eq!(warned["event"], "issuer.differs");
    assert_eq!(warned["public_url"], "https://id.example");
    let issuer = warned["issuer"].as_str().unwrap();
    assert!(issuer.starts_with("https://localhost:"), "{issuer}");
}

#[tokio::test]
async fn restored_backup_keeps_accounts_and_ends_logins() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    let backup = pair.directory.path().join("backup.db");
    let file = backup.to_str().unwrap();

    pair.command(&["backup", file], "").await;

    let environment = [("AUTH_DATA_DIR", pair.directory.path())];
    let (again, text) = run("auth-service", &["backup", file], &environment, "").await;
    assert!(
        !again && text.contains("backup.db"),
        "never over a file: {text}"
    );
    pair.auth.signal(rustix::process::Signal::TERM);
    pair.auth.exit().await;
    std::fs::rename(&backup, pair.directory.path().join("auth.db")).unwrap();
    pair.start_auth_again().await;
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let refused = until("an answer", async || {
        let refresh = pair.site.client().post(pair.site.url("/api/refresh"));
        let answer = refresh.json(&body).send().await.unwrap();
        (answer.status() != 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.status(), 401);
    assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn login_end_all_ends_every_login() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    pair.site.tokens("ada").await;
    let text = pair.command(&["login", "end-all"], "").await;
    assert_eq!(text, "2 logins ended\n");
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 303);
}

#[tokio::test]
async fn every_command_rejects_database_of_later_version() {
    let pair = Pair::start().await;
    later_version(&pair.directory.path().join("auth.db")).await;
    for arguments in [
        &["user", "list"][..],
        &["client", "list"],
        &["login", "end-all"],
        &["key", "list"],
        &["backup", "-"],
    ] {
        let text = pair.try_command(arguments).await.unwrap_err();
        assert!(
            text.contains("was written by a later version of auth-service (schema 9999"),
            "{arguments:?}: {text}"
        );
    }
}

pub(crate) async fn later_version(database: &std::path::Path) {
    let script = "import sqlite3, sys\n\
        db = sqlite3.connect(sys.argv[1], timeout=10)\n\
        db.execute(\"INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9999, 'later', TRUE, x'00', 0)\")\n\
        db.commit()\n";
    let written = Command::new("python3")
        .args(["-c", script])
        .arg(database)
        .status();
    assert!(written.await.unwrap().success());
}
