use std::time::{Duration, Instant};

use e2e::{
    pair::{KEY_ENCRYPTION_KEY, Pair, SERVICE_SECRET},
    process,
    program::{Program, built},
    wait::until,
};
use rustix::process::Signal;
use tokio::process::Command;

const PROMPT: Duration = Duration::from_secs(10);

const IGNORED: [Signal; 8] = [
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
    Signal::XFSZ,
    Signal::POWER,
];

/// The commands that start each service.
fn services(directory: &std::path::Path) -> [Command; 2] {
    let key = KEY_ENCRYPTION_KEY;
    let mut auth = Command::new(built("auth-service"));
    auth.env("AUTH_LISTEN", "127.0.0.1:0")
        .env("AUTH_OPS_LISTEN", "127.0.0.1:0")
        .env("AUTH_DATA_DIR", directory)
        .env("AUTH_ISSUER", "https://id.example")
        .env("AUTH_KEY_ENCRYPTION_KEY", key);
    let mut web = Command::new(built("web-service"));
    web.env("WEB_LISTEN", "127.0.0.1:0")
        .env("WEB_OPS_LISTEN", "127.0.0.1:0")
        .env("WEB_DATA_DIR", directory)
        // No server listens there, so the start waits for it a little.
        .env("WEB_AUTH_URL", "http://127.0.0.1:1")
        .env("WEB_AUTH_SECRET", SERVICE_SECRET)
        .env("WEB_SECRET_KEY", key);
    [auth, web]
}

async fn until_handled(program: &Program, signal: Signal) {
    until("a handler", async || {
        process::handles(program.id(), signal).then_some(())
    })
    .await;
}

#[tokio::test]
async fn other_signals_are_ignored_from_the_start() {
    let directory = tempfile::tempdir().unwrap();
    for mut command in services(directory.path()) {
        let mut program = Program::start(&mut command);
        until_handled(&program, Signal::HUP).await;
        until("the start", async || {
            for signal in IGNORED.into_iter().chain([Signal::HUP]) {
                program.signal(signal);
            }
            program.output().contains(" listening ").then_some(())
        })
        .await;
        program.printed("SIGHUP received").await;
        assert!(program.stop().await.success());
    }
}

#[tokio::test]
async fn stop_signal_during_start_stops_the_service() {
    let directory = tempfile::tempdir().unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        for mut command in services(directory.path()) {
            let mut program = Program::start(&mut command);
            // The last signal that gets a handler.
            until_handled(&program, Signal::HUP).await;
            let begun = Instant::now();
            program.signal(signal);
            assert!(program.exit().await.success(), "{}", program.output());
            assert!(begun.elapsed() < PROMPT);
        }
    }
}

#[tokio::test]
async fn sighup_logs_certificate_state_and_fails_no_request() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    pair.web.signal(Signal::HUP);
    pair.auth.signal(Signal::HUP);
    pair.web.printed("the certificate is unchanged").await;
    pair.auth.printed("SIGHUP received").await;
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 200);
}
