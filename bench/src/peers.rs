//! The alternatives, and the bare handlers that all are compared with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use xtask::{install::BenchTools, workspace};

use crate::{
    Contender, ContenderSpec, Kind, free_port,
    generator::Clients,
    h2load::Pace,
    http::{cookie_of, curl, status, token_of},
    load::Load,
    process::Server,
    redis,
    services::validate_load,
};

const WORKERS: &str = "2";
const SIGN_IN: &str = "username=ada&password=correct%20horse%20battery%20staple";

/// Builds the alternatives in Rust; the others need no build.
pub(super) fn build() -> anyhow::Result<PathBuf> {
    let manifest = workspace::root().join("bench/peers/rust/Cargo.toml");
    let target = workspace::target().join("peers");
    workspace::cargo(&[
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        &manifest.display().to_string(),
        "--target-dir",
        &target.display().to_string(),
    ])?;
    Ok(target.join("release/peers"))
}

/// The program of a peer.
#[derive(Clone, Copy)]
enum Program {
    /// A mode of the Rust program.
    Rust(&'static str),
    /// A directory of `bench/peers` with a Flask application.
    Flask(&'static str),
    /// A directory of `bench/peers` with a Node application.
    Node(&'static str),
}

/// Row name, kind, program, and whether it stores sessions in Redis.
const PEERS: [(&str, Kind, Program, bool); 10] = [
    ("bare axum", Kind::Cookie, Program::Rust("axum"), false),
    ("bare axum", Kind::Bearer, Program::Rust("axum"), false),
    ("bare tonic", Kind::Grpc, Program::Rust("tonic"), false),
    (
        "axum, tower-sessions, Redis",
        Kind::Cookie,
        Program::Rust("sessions"),
        true,
    ),
    (
        "axum, jsonwebtoken, HS256",
        Kind::Bearer,
        Program::Rust("jwt-hs256"),
        false,
    ),
    (
        "axum, jsonwebtoken, EdDSA",
        Kind::Bearer,
        Program::Rust("jwt-eddsa"),
        false,
    ),
    (
        "Flask, signed cookie",
        Kind::Cookie,
        Program::Flask("flask_session"),
        false,
    ),
    (
        "Flask-Session, Redis",
        Kind::Cookie,
        Program::Flask("flask_redis"),
        true,
    ),
    (
        "Express, connect-redis",
        Kind::Cookie,
        Program::Node("express_redis"),
        true,
    ),
    (
        "Flask-JWT-Extended",
        Kind::Bearer,
        Program::Flask("flask_jwt"),
        false,
    ),
];
const FASTIFY: (&str, Kind, Program, bool) = (
    "Fastify, @fastify/jwt",
    Kind::Bearer,
    Program::Node("fastify_jwt"),
    false,
);

/// The specifications of all alternatives.
pub(super) fn all<'a>(program: &'a Path, tools: &'a BenchTools) -> Vec<ContenderSpec<'a>> {
    PEERS
        .into_iter()
        .chain([FASTIFY])
        .map(|peer| ContenderSpec {
            name: peer.0,
            kind: peer.1,
            start: Box::new(move || start(peer, program, tools)),
        })
        .collect()
}

fn start(
    (name, kind, which, stores_sessions): (&str, Kind, Program, bool),
    program: &Path,
    tools: &BenchTools,
) -> anyhow::Result<Contender> {
    let port = free_port()?;
    let origin = format!("http://127.0.0.1:{port}");
    let mut command = command(which, program, tools);
    command
        .env("PORT", port.to_string())
        .env("WORKERS", WORKERS)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let store = if stores_sessions {
        Some(redis::start()?)
    } else {
        None
    };
    if let Some((_, port)) = &store {
        command.env("REDIS_URL", format!("redis://127.0.0.1:{port}/0"));
    }
    let server = Server::start(&mut command, || is_up(kind, which, port))?;
    let (store, redis) = store.map_or((None, None), |(server, port)| (Some(server), Some(port)));
    Ok(Contender {
        name: name.to_owned(),
        kind,
        load: load(kind, which, &origin)?,
        servers: [server].into_iter().chain(store).collect(),
        background: Vec::new(),
        redis,
    })
}

fn command(which: Program, program: &Path, tools: &BenchTools) -> Command {
    let peers = workspace::root().join("bench/peers");
    match which {
        Program::Rust(mode) => {
            let mut command = Command::new(program);
            command.arg(mode);
            command
        }
        Program::Flask(directory) => {
            let mut command = Command::new("python3");
            command
                .args([
                    "-m",
                    "gunicorn",
                    "--config",
                    "../gunicorn.conf.py",
                    "app:app",
                ])
                .current_dir(peers.join(directory))
                .env("PYTHONPATH", &tools.python);
            command
        }
        Program::Node(directory) => {
            let mut command = Command::new("node");
            command
                .arg("app.cjs")
                .current_dir(peers.join(directory))
                .env("NODE_PATH", tools.node.join("node_modules"));
            command
        }
    }
}

/// Whether the server is ready. Servers listen before their workers run, so it is ready at the first response below 500.
fn is_up(kind: Kind, which: Program, port: u16) -> bool {
    match (kind, which) {
        (Kind::Grpc, _) => std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(),
        (_, Program::Rust("axum")) => status(port, "/profile") == Some(200),
        _ => status(port, "/login").is_some_and(|status| status < 500),
    }
}

fn load(kind: Kind, which: Program, origin: &str) -> anyhow::Result<Load> {
    let http = |path: &str, headers: String, body| Load::Http {
        url: format!("{origin}{path}"),
        headers,
        cursor: None,
        body,
        clients: Clients::saturating(),
    };
    Ok(match (kind, which) {
        (Kind::Grpc, _) => validate_load(origin, &"x".repeat(600), Pace::ClosedLoop)?,
        (_, Program::Rust("axum")) => http("/profile", String::new(), "\"logged_in_as\":\"ada\""),
        (Kind::Cookie, _) => {
            let answer = curl(&["--data", SIGN_IN, &format!("{origin}/login")])?;
            let cookie = ["session", "id", "connect.sid"]
                .iter()
                .find_map(|name| cookie_of(&answer, name));
            let cookie = anyhow::Context::context(cookie, "the response sets no session cookie")?;
            let headers = format!("Cookie: {cookie}");
            http("/session", headers, "\"username\":\"ada\"")
        }
        (Kind::Bearer, _) => {
            let token = token_of(&format!("{origin}/login"))?;
            let headers = format!("Authorization: Bearer {token}");
            http("/profile", headers, "\"logged_in_as\":\"ada\"")
        }
    })
}
