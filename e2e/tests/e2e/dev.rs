use std::{net::TcpListener, path::Path};

use e2e::{
    port, process,
    program::{Program, built, cargo_dev},
    wait::until,
};
use rustix::process::Signal;
use tokio::process::Command;

/// Starts `cargo dev` on these ports.
fn dev(directory: &Path, ports: [u16; 5]) -> Program {
    let names = [
        "--web-port",
        "--auth-port",
        "--web-ops-port",
        "--auth-ops-port",
        "--app-port",
    ];
    let mut command = cargo_dev(directory);
    for (name, port) in names.into_iter().zip(ports) {
        command.args([name, &port.to_string()]);
    }
    Program::start(&mut command).with_children()
}

fn free_ports() -> [u16; 5] {
    [(); 5].map(|()| port::free())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[tokio::test]
async fn second_start_keeps_data_and_sigint_stops_both() {
    let directory = tempfile::tempdir().unwrap();
    let ports = free_ports();
    let mut passwords = Vec::new();
    for _start in 0..2 {
        let mut dev = dev(directory.path(), ports);
        dev.printed("Ctrl-C ends both services").await;
        let output = dev.output();
        let (_, rest) = output.split_once("Password    ").unwrap();
        passwords.push(rest.lines().next().unwrap().to_owned());
        dev.signal(Signal::INT);
        assert!(dev.exit().await.success());
        assert!(ports.into_iter().all(is_free));
    }
    assert_eq!(passwords[0], passwords[1]);
    assert!(passwords[0].len() > 20);
}

#[tokio::test]
async fn stop_signals_stop_both_at_any_time_and_other_signals_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let ports = free_ports();
    for (signal, is_started) in [
        (Signal::HUP, true),
        (Signal::QUIT, true),
        (Signal::HUP, false),
        (Signal::TERM, false),
    ] {
        let mut dev = dev(directory.path(), ports);
        until("its handlers", async || {
            process::handles(dev.id(), Signal::HUP).then_some(())
        })
        .await;
        dev.signal(Signal::USR1);
        if is_started {
            dev.printed("Ctrl-C ends both services").await;
            dev.signal(Signal::USR2);
        }
        dev.signal(signal);
        assert!(dev.exit().await.success(), "{}", dev.output());
        assert!(ports.into_iter().all(is_free));
    }
}

#[tokio::test]
async fn port_in_use_fails_with_its_flag_and_leaves_nothing_running() {
    let directory = tempfile::tempdir().unwrap();
    let flags = [
        "--web-port",
        "--auth-port",
        "--web-ops-port",
        "--auth-ops-port",
        "--app-port",
    ];
    for (taken, flag) in flags.into_iter().enumerate() {
        let ports = free_ports();
        let _occupied = TcpListener::bind(("127.0.0.1", ports[taken])).unwrap();
        let mut dev = dev(directory.path(), ports);
        assert!(!dev.exit().await.success());
        let output = dev.output();
        let expected = format!(
            "port {} cannot be used; choose another with {flag}",
            ports[taken]
        );
        assert!(output.contains(&expected), "{output}");
        assert!(
            ports
                .into_iter()
                .filter(|port| *port != ports[taken])
                .all(is_free)
        );
    }
}

#[tokio::test]
async fn data_directory_not_writable_fails_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".holdfast"), "a file").unwrap();
    let mut dev = dev(directory.path(), free_ports());
    assert!(!dev.exit().await.success());
    assert!(
        dev.output()
            .contains("cannot create the data directory .holdfast"),
        "{}",
        dev.output()
    );
}

#[tokio::test]
async fn failure_of_one_service_stops_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let ports = free_ports();
    let mut dev = dev(directory.path(), ports);
    dev.printed("Ctrl-C ends both services").await;

    let pattern = format!(
        "{}/auth-service serve",
        built("xtask").parent().unwrap().display()
    );
    let children = Command::new("pgrep")
        .args(["-P", &dev.id().to_string(), "-f", &pattern])
        .output();
    let pid: i32 = String::from_utf8(children.await.unwrap().stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::KILL)
        .unwrap();

    assert!(!dev.exit().await.success());
    assert!(
        dev.output().contains("auth-service ended unexpectedly"),
        "{}",
        dev.output()
    );
    assert!(ports.into_iter().all(is_free));
}

#[tokio::test]
async fn demo_application_leads_to_the_authorization_endpoint() {
    let directory = tempfile::tempdir().unwrap();
    let ports = free_ports();
    for _start in 0..2 {
        let mut dev = dev(directory.path(), ports);
        dev.printed("Ctrl-C ends both services").await;
        let (web, app) = (ports[0], ports[4]);
        let address = format!("http://127.0.0.1:{app}");
        assert!(dev.output().contains(&address), "{}", dev.output());
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client.build().unwrap();
        let started = client.get(&address).send().await.unwrap();
        let location = started.headers()["location"].to_str().unwrap();
        let endpoint = format!("https://localhost:{web}/oauth2/authorize?response_type=code&");
        assert!(location.starts_with(&endpoint), "{location}");
        // A response that belongs to no sign-in is refused.
        let forged = format!("{address}/callback?code=a&state=b&iss=https://localhost:{web}");
        let forged = client.get(forged).send().await.unwrap();
        assert_eq!(forged.status(), 400);
        dev.signal(Signal::INT);
        assert!(dev.exit().await.success());
    }
}
