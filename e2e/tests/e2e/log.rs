use std::time::{Duration, Instant};

use e2e::{
    pair::{Options, PASSWORD, Pair},
    program::Program,
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
