use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use e2e::{
    compose::root,
    packages,
    pair::{Options, PASSWORD, Pair},
    program::Program,
    redis::Redis,
    wait::until,
};
use holdfast_server_kit::healthcheck;
use rustix::process::Signal;

/// Limit of the time for a stop.
const MAX_STOP: Duration = Duration::from_secs(10);

/// Requests whose log lines exceed the capacity of the pipe and of the queue before it.
const REQUESTS: usize = 600;

async fn ops_address(program: &mut Program) -> std::net::SocketAddr {
    let line = program.logged("listening").await;
    line["ops_address"].as_str().unwrap().parse().unwrap()
}

async fn stop(program: &mut Program) {
    let begun = Instant::now();
    program.signal(Signal::TERM);
    assert!(program.exit().await.success());
    assert!(begun.elapsed() < MAX_STOP, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn unread_log_delays_no_response_and_no_stop() {
    let mut pair = Pair::start_with(Options {
        web: vec![("WEB_LOG", "trace".to_owned())],
        auth: vec![("AUTH_LOG", "trace".to_owned())],
    })
    .await;
    pair.add_user("ada", &[]).await;
    let (auth_ops, web_ops) = (
        ops_address(&mut pair.auth).await,
        ops_address(&mut pair.web).await,
    );
    pair.auth.read_output(false);
    pair.web.read_output(false);
    let client = pair.site.client();

    for _ in 0..REQUESTS {
        let page = client.get(pair.site.url("/login")).send().await.unwrap();
        assert_eq!(page.status(), 200);
        // The token is not cached, so each request is a call.
        let profile = client.get(pair.site.url("/api/profile"));
        let profile = profile.bearer_auth("e30.e30.e30").send().await.unwrap();
        assert_eq!(profile.status(), 401);
    }
    assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 200);
    healthcheck::probe(auth_ops).await.unwrap();
    healthcheck::probe(web_ops).await.unwrap();

    for program in [&mut pair.auth, &mut pair.web] {
        program.read_output(true);
        program
            .printed("log lines were dropped, as standard error was not read")
            .await;
        program.read_output(false);
    }
    for _ in 0..REQUESTS {
        assert_eq!(
            client
                .get(pair.site.url("/login"))
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
    stop(&mut pair.web).await;
    stop(&mut pair.auth).await;
}

#[tokio::test]
async fn invalid_requests_of_one_sender_write_few_log_lines() {
    let pair = Pair::start().await;
    let client = pair.site.client();
    let foreign = || {
        let request = client.post(pair.site.url("/login"));
        request.header("sec-fetch-site", "cross-site")
    };
    let tokenless = || {
        let request = client.post(pair.site.url("/login"));
        request
            .header("sec-fetch-site", "same-origin")
            .form(&[("username", "ada"), ("password", "x")])
    };
    let unreadable = || client.get(pair.site.url("/auth/verify?max_age=soon"));
    for _ in 0..50 {
        assert_eq!(foreign().send().await.unwrap().status(), 403);
        assert!(tokenless().send().await.unwrap().status().is_client_error());
        assert_eq!(unreadable().send().await.unwrap().status(), 403);
    }
    for text in [
        "a request caused by a page of another origin was rejected",
        "the requirements of a proxy cannot be read; its requests are denied",
    ] {
        let output = pair.web.output();
        let lines = output.matches(text).count();
        // One line at once, and one every ten seconds.
        assert!((1..5).contains(&lines), "{lines}: {text}");
    }
}

/// Validates JSON log lines against `docs/log-line.schema.json`.
fn assert_valid(lines: &str) {
    let mut validator = Command::new("python3")
        .arg(root().join("e2e/clients/log_lines.py"))
        .arg(root().join("docs/log-line.schema.json"))
        .env("PYTHONPATH", packages::of_python())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = validator.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    drop(input);
    let output = validator.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

#[tokio::test]
async fn json_lines_match_the_schema() {
    let mut redis = Redis::start().await;
    let mut pair = Pair::start_with(Options {
        web: vec![
            ("WEB_SESSION_STORE", redis.url()),
            ("WEB_LOG", "info,web_service=debug".to_owned()),
        ],
        auth: vec![("AUTH_REDIS_URL", redis.url())],
    })
    .await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    assert_eq!(pair.site.api_login("ada", "wrong").await.status(), 401);
    let foreign = pair.site.client().post(pair.site.url("/login"));
    let foreign = foreign.header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    redis.kill().await;
    let response = pair.site.get("/dashboard", &cookie).await;
    assert_eq!(response.status(), 503);
    redis.start_again().await;
    until("Redis", async || {
        (pair.ready_web().await == 200).then_some(())
    })
    .await;
    stop(&mut pair.web).await;
    stop(&mut pair.auth).await;

    let lines = [pair.auth.output(), pair.web.output()];
    for event in [
        "audit.recorded",
        "csrf.foreign_origin",
        "request.answered",
        "service.stopped",
        "session_store.unavailable",
    ] {
        let field = format!(r#""event":"{event}""#);
        assert!(lines.iter().any(|lines| lines.contains(&field)), "{event}");
    }
    assert_valid(&lines.join("\n"));
}
