//! Single requests: probes and sign-in.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};

pub(super) const PASSWORD: &str = "correct horse battery staple";

const TIMEOUT: Duration = Duration::from_secs(5);

/// The status of a plain `GET` on this machine, if there is a response. The probe starts no process, as it measures start times.
pub(super) fn status(port: u16, path: &str) -> Option<u16> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    connection.set_read_timeout(Some(TIMEOUT)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    let line = String::from_utf8_lossy(&answer);
    line.split(' ').nth(1)?.parse().ok()
}

/// The output of `curl`, with the response headers.
pub(super) fn curl(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("curl")
        .args(["--silent", "--include", "--insecure", "--max-time", "5"])
        .args(arguments)
        .output()
        .context("cannot run curl")?;
    ensure!(output.status.success(), "curl fails");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A cookie that a response sets, as `name=value`.
pub(super) fn cookie_of(answer: &str, name: &str) -> Option<String> {
    let lines = answer.lines().filter_map(|line| {
        let (header, value) = line.split_once(": ")?;
        header.eq_ignore_ascii_case("set-cookie").then_some(value)
    });
    lines
        .filter_map(|value| value.split(';').next())
        .find(|pair| pair.starts_with(&format!("{name}=")))
        .map(str::to_owned)
}

/// Signs in as `ada` at a JSON endpoint and returns the access token.
pub(super) fn token_of(url: &str) -> anyhow::Result<String> {
    let body = format!("{{\"username\":\"ada\",\"password\":\"{PASSWORD}\"}}");
    let answer = curl(&[
        "--header",
        "Content-Type: application/json",
        "--data",
        &body,
        url,
    ])?;
    let token = answer.split("\"access_token\":\"").nth(1);
    let token = token.and_then(|rest| rest.split('"').next());
    Ok(token.context("the response contains no token")?.to_owned())
}
