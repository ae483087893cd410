use std::time::{Duration, Instant};

use e2e::{
    pair::{Options, PASSWORD, Pair},
    program::Program,
};
use holdfast_server_kit::healthcheck;
use rustix::process::Signal;

/// What the end of a service may take.
const PROMPT: Duration = Duration::from_secs(10);

/// More than what fits into a pipe and the queue before it, in requests.
const REQUESTS: usize = 600;

async fn ops_address(program: &mut Program) -> std::net::SocketAddr {
    let line = program.logged("listening").await;
    line["ops_address"].as_str().unwrap().parse().unwrap()
}

async fn stop(program: &mut Program) {
    let begun = Instant::now();
    program.signal(Signal::TERM);
    assert!(program.exit().await.success());
    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
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
        // It is not known, and has to be asked for.
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
            .printed("log lines were dropped, as nobody read them in time")
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
        "a request from a foreign page was refused",
        "a proxy asks with requirements that cannot be read; everybody is denied",
    ] {
        let output = pair.web.output();
        let lines = output.matches(text).count();
        // One at once, and one each ten seconds.
        assert!((1..5).contains(&lines), "{lines}: {text}");
    }
}
