//! The rows of Holdfast: release builds of both services, with Redis.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xtask::workspace;

use crate::{
    Contender, ContenderSpec, Kind, generator::Clients, h2load::Pace, load::Load, pair::Pair,
    scratch_directory,
};

/// Builds the programs and returns their directory.
pub(super) fn build() -> anyhow::Result<PathBuf> {
    workspace::cargo(&[
        "build",
        "--release",
        "--bin",
        "auth-service",
        "--bin",
        "web-service",
        "--bin",
        "load",
    ])?;
    Ok(workspace::target().join("release"))
}

/// Writes a framed `ValidateTokenRequest` (field 1 is the token) to a file.
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
    let file = scratch_directory()?.join("message.bin");
    fs::write(&file, framed)?;
    Ok(file)
}

/// The path of the RPC.
pub(super) const VALIDATE: &str = "/auth.v1.AuthService/ValidateToken";

/// The specifications of all rows.
pub(super) fn all(programs: &Path) -> Vec<ContenderSpec<'_>> {
    let row = |name, kind, start: fn(&Path) -> anyhow::Result<Contender>| ContenderSpec {
        name,
        kind,
        start: Box::new(move || start(programs)),
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

/// Checks of one session cookie.
pub(super) fn cookie_load(origin: &str, cookie: &str) -> Load {
    Load::Http {
        url: format!("{origin}/api/session"),
        headers: format!("Cookie: {cookie}"),
        cursor: None,
        body: "\"username\":\"ada\"",
        clients: Clients::saturating(),
    }
}

/// Checks of one bearer token.
pub(super) fn bearer_load(origin: &str, token: &str) -> Load {
    Load::Http {
        url: format!("{origin}/api/profile"),
        headers: format!("Authorization: Bearer {token}"),
        cursor: None,
        body: "\"logged_in_as\":\"ada\"",
        clients: Clients::saturating(),
    }
}

/// `ValidateToken` calls with one token.
pub(super) fn validate_load(auth_url: &str, token: &str, pace: Pace) -> anyhow::Result<Load> {
    Ok(Load::Grpc {
        url: format!("{auth_url}{VALIDATE}"),
        message: message(token)?,
        pace,
    })
}

fn cookie(name: &str, programs: &Path, tls: bool) -> anyhow::Result<Contender> {
    let pair = Pair::start(programs, tls)?;
    let load = cookie_load(&pair.web.origin, &pair.cookie()?);
    let redis = Some(pair.fixture.redis_port);
    Ok(Contender {
        name: name.to_owned(),
        kind: Kind::Cookie,
        load,
        servers: vec![pair.web.server, pair.fixture.into_redis()],
        background: vec![pair.auth],
        redis,
    })
}

fn bearer(name: &str, programs: &Path, tls: bool) -> anyhow::Result<Contender> {
    let pair = Pair::start(programs, tls)?;
    Ok(Contender {
        name: name.to_owned(),
        kind: Kind::Bearer,
        load: bearer_load(&pair.web.origin, &pair.web.token()?),
        redis: Some(pair.fixture.redis_port),
        servers: vec![pair.web.server, pair.auth],
        background: vec![pair.fixture.into_redis()],
    })
}

fn grpc(programs: &Path) -> anyhow::Result<Contender> {
    let pair = Pair::start(programs, false)?;
    Ok(Contender {
        name: "Holdfast, ValidateToken, one token".to_owned(),
        kind: Kind::Grpc,
        load: validate_load(
            &pair.fixture.auth_url(),
            &pair.web.token()?,
            Pace::ClosedLoop,
        )?,
        servers: vec![pair.auth],
        background: vec![pair.web.server, pair.fixture.into_redis()],
        redis: None,
    })
}
