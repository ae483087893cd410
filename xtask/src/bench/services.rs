//! Holdfast's own rows: the programs as they are built for release, with a real Redis.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Contender, Kind, Start, load::Load, process::Server};
use crate::workspace;

const PASSWORD: &str = "correct horse battery staple";
const SECRET: &str = "the secret between the two services";

/// Where the built programs are.
pub(super) fn build() -> anyhow::Result<PathBuf> {
    workspace::cargo(&[
        "build",
        "--release",
        "--bin",
        "auth-service",
        "--bin",
        "web-service",
    ])?;
    Ok(workspace::root().join("target/release"))
}

/// A directory for files that nobody needs afterwards.
pub(super) fn scratch() -> anyhow::Result<PathBuf> {
    let directory = workspace::root().join("target/bench");
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether something answers there with 2xx.
pub(super) fn answers(url: &str) -> bool {
    curl(&["--fail", url]).is_ok()
}

/// What `curl` prints, head included.
pub(super) fn curl(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("curl")
        .args(["--silent", "--include", "--insecure", "--max-time", "5"])
        .args(arguments)
        .output()
        .context("cannot run curl")?;
    ensure!(output.status.success(), "curl fails");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A Redis of this benchmark's own, and its port.
pub(super) fn redis() -> anyhow::Result<(Server, u16)> {
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .current_dir(scratch()?);
    let server = Server::start(&mut command, || redis_cli(port, &["PING"]).is_ok())?;
    Ok((server, port))
}

fn redis_cli(port: u16, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("redis-cli")
        .args(["-p", &port.to_string()])
        .args(arguments)
        .output()
        .context("cannot run redis-cli")?;
    ensure!(output.status.success(), "Redis does not answer");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How many commands a Redis has worked on so far; asking is not counted.
pub(super) fn redis_commands(port: u16) -> anyhow::Result<i64> {
    let stats = redis_cli(port, &["INFO", "commandstats"])?;
    let calls = stats.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let is_ours = !["info", "ping", "config", "command"].contains(&name);
        is_ours.then(|| rest.split(',').next()?.parse::<i64>().ok())?
    });
    Ok(calls.sum())
}

/// Both services and what they need.
struct Pair {
    auth: Server,
    web: Server,
    redis: Server,
    redis_port: u16,
    auth_url: String,
    origin: String,
}

impl Pair {
    fn start(programs: &Path, tls: bool) -> anyhow::Result<Self> {
        let directory = scratch()?.join("data");
        let _ = fs::remove_dir_all(&directory);
        let ports = [free_port()?, free_port()?, free_port()?, free_port()?];
        let [grpc, auth_ops, https, web_ops] = ports;
        let scheme = if tls { "https" } else { "http" };
        let (origin, public) = (
            format!("{scheme}://localhost:{https}"),
            format!("https://localhost:{https}"),
        );
        let key = |byte: u8| STANDARD.encode([byte; 32]);
        let mut command = Command::new(programs.join("auth-service"));
        command
            .env("AUTH_LISTEN", format!("127.0.0.1:{grpc}"))
            .env("AUTH_OPS_LISTEN", format!("127.0.0.1:{auth_ops}"))
            .env("AUTH_DATA_DIR", &directory)
            .env("AUTH_ISSUER", &public)
            .env("AUTH_KEY_ENCRYPTION_KEY", key(7))
            .env("AUTH_SERVICE_SECRET", SECRET)
            .env("AUTH_LOG", "warn");
        let ready = format!("http://127.0.0.1:{auth_ops}/readyz");
        let auth = Server::start(&mut command, || answers(&ready))?;
        // Tokens of a new database's very first second are looked up there, as it might be a restored one.
        thread::sleep(Duration::from_millis(1100));
        add_user(programs, &directory)?;
        let (redis, redis_port) = redis()?;
        let mut command = Command::new(programs.join("web-service"));
        command
            .env("WEB_LISTEN", format!("127.0.0.1:{https}"))
            .env("WEB_OPS_LISTEN", format!("127.0.0.1:{web_ops}"))
            .env("WEB_DATA_DIR", &directory)
            .env("WEB_PUBLIC_URL", &public)
            .env("WEB_AUTH_URL", format!("http://127.0.0.1:{grpc}"))
            .env("WEB_AUTH_SECRET", SECRET)
            .env("WEB_SECRET_KEY", key(8))
            .env(
                "WEB_SESSION_STORE",
                format!("redis://127.0.0.1:{redis_port}"),
            )
            .env("WEB_TLS", if tls { "on" } else { "off" })
            .env("WEB_LOG", "warn");
        if !tls {
            command.env("WEB_TRUSTED_PROXIES", "127.0.0.1");
        }
        let ready = format!("http://127.0.0.1:{web_ops}/readyz");
        Ok(Self {
            web: Server::start(&mut command, || answers(&ready))?,
            auth,
            redis,
            redis_port,
            auth_url: format!("http://127.0.0.1:{grpc}"),
            origin,
        })
    }

    /// A session's cookie, from the form as a browser sends it.
    fn cookie(&self) -> anyhow::Result<String> {
        let url = format!("{}/login", self.origin);
        let page = curl(&[&url])?;
        let login = cookie_of(&page, "__Host-login").context("no sign-in cookie")?;
        let token = page.split("name=\"csrf_token\" value=\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        let token = token.context("no form token")?;
        let answer = curl(&[
            "--header",
            &format!("Cookie: {login}"),
            "--header",
            "Sec-Fetch-Site: same-origin",
            "--data-urlencode",
            &format!("csrf_token={token}"),
            "--data-urlencode",
            "username=ada",
            "--data-urlencode",
            &format!("password={PASSWORD}"),
            &url,
        ])?;
        cookie_of(&answer, "__Host-session").context("nobody is signed in")
    }

    /// An access token.
    fn token(&self) -> anyhow::Result<String> {
        token_of(&format!("{}/api/login", self.origin))
    }
}

fn add_user(programs: &Path, directory: &Path) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut child = Command::new(programs.join("auth-service"))
        .args(["user", "add", "ada", "--password-stdin"])
        .env("AUTH_DATA_DIR", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "{PASSWORD}")?;
    }
    ensure!(child.wait()?.success(), "no account could be made");
    Ok(())
}

/// A cookie that an answer sets, as `name=value`.
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

/// The access token for a name and a password.
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
    Ok(token.context("no token")?.to_owned())
}

/// A framed `ValidateTokenRequest` (field 1 is the token), in a file.
pub(super) fn message(token: &str) -> anyhow::Result<PathBuf> {
    let mut encoded = vec![0x0a];
    let mut length = token.len();
    while length >= 0x80 {
        encoded.push(u8::try_from(length & 0x7f)? | 0x80);
        length >>= 7;
    }
    encoded.push(u8::try_from(length)?);
    encoded.extend_from_slice(token.as_bytes());
    let mut framed = vec![0];
    framed.extend_from_slice(&u32::try_from(encoded.len())?.to_be_bytes());
    framed.extend(encoded);
    let file = scratch()?.join("message.bin");
    fs::write(&file, framed)?;
    Ok(file)
}

/// The path of the call.
pub(super) const VALIDATE: &str = "/auth.v1.AuthService/ValidateToken";

/// Every row.
pub(super) fn all(programs: &Path) -> Vec<Start<'_>> {
    let row = |name, kind, begin: fn(&Path) -> anyhow::Result<Contender>| Start {
        name,
        kind,
        begin: Box::new(move || begin(programs)),
    };
    vec![
        row("Holdfast, cookie", Kind::Cookie, |programs| {
            cookie("Holdfast, cookie", programs, false)
        }),
        row("Holdfast, cookie, with TLS", Kind::Cookie, |programs| {
            cookie("Holdfast, cookie, with TLS", programs, true)
        }),
        row("Holdfast, bearer", Kind::Bearer, |programs| {
            bearer("Holdfast, bearer", programs, false)
        }),
        row("Holdfast, bearer, with TLS", Kind::Bearer, |programs| {
            bearer("Holdfast, bearer, with TLS", programs, true)
        }),
        row("Holdfast, ValidateToken, one token", Kind::Grpc, grpc),
    ]
}

fn cookie(name: &str, programs: &Path, tls: bool) -> anyhow::Result<Contender> {
    let pair = Pair::start(programs, tls)?;
    Ok(Contender {
        name: name.to_owned(),
        kind: Kind::Cookie,
        load: Load::Http {
            url: format!("{}/api/session", pair.origin),
            headers: format!("Cookie: {}", pair.cookie()?),
            body: "\"username\":\"ada\"",
        },
        servers: vec![pair.web, pair.redis],
        beside: vec![pair.auth],
        redis: Some(pair.redis_port),
    })
}

fn bearer(name: &str, programs: &Path, tls: bool) -> anyhow::Result<Contender> {
    let pair = Pair::start(programs, tls)?;
    Ok(Contender {
        name: name.to_owned(),
        kind: Kind::Bearer,
        load: Load::Http {
            url: format!("{}/api/profile", pair.origin),
            headers: format!("Authorization: Bearer {}", pair.token()?),
            body: "\"logged_in_as\":\"ada\"",
        },
        servers: vec![pair.web, pair.auth],
        beside: vec![pair.redis],
        redis: Some(pair.redis_port),
    })
}

fn grpc(programs: &Path) -> anyhow::Result<Contender> {
    let pair = Pair::start(programs, false)?;
    Ok(Contender {
        name: "Holdfast, ValidateToken, one token".to_owned(),
        kind: Kind::Grpc,
        load: Load::Grpc {
            url: format!("{}{VALIDATE}", pair.auth_url),
            message: message(&pair.token()?)?,
        },
        servers: vec![pair.auth],
        beside: vec![pair.web, pair.redis],
        redis: None,
    })
}
