//! A web-service under measure.

use std::{path::Path, process::Command};

use crate::{
    free_port,
    http::{status, token_of},
    pair::{Ground, SECRET, key},
    process::Server,
};

/// A web-service.
pub(super) struct Web {
    pub(super) server: Server,
    pub(super) origin: String,
    ops: u16,
}

impl Web {
    pub(super) fn spawn(ground: &Ground, port: u16, directory: &Path) -> anyhow::Result<Self> {
        let ops = free_port()?;
        let mut command = Command::new(ground.programs.join("web-service"));
        command
            .env("WEB_LISTEN", format!("127.0.0.1:{port}"))
            .env("WEB_OPS_LISTEN", format!("127.0.0.1:{ops}"))
            .env("WEB_DATA_DIR", directory)
            .env("WEB_PUBLIC_URL", ground.public_url())
            .env("WEB_AUTH_URL", ground.auth_url())
            .env("WEB_AUTH_SECRET", SECRET)
            .env("WEB_SECRET_KEY", key(8))
            .env("WEB_SESSION_STORE", ground.redis_url())
            .env("WEB_TLS", if ground.tls { "on" } else { "off" })
            .env("WEB_LOG", "warn");
        if !ground.tls {
            command.env("WEB_TRUSTED_PROXIES", "127.0.0.1");
        }
        Ok(Self {
            server: Server::spawn(&mut command)?,
            origin: format!("{}://localhost:{port}", ground.scheme()),
            ops,
        })
    }

    /// Whether it is ready now, or was before.
    pub(super) fn look(&mut self) -> anyhow::Result<bool> {
        let ops = self.ops;
        self.server.look(|| status(ops, "/readyz") == Some(200))
    }

    /// An access token of `ada`.
    pub(super) fn token(&self) -> anyhow::Result<String> {
        token_of(&format!("{}/api/login", self.origin))
    }

    pub(super) fn ready(self) -> anyhow::Result<Self> {
        let ops = self.ops;
        let server = self.server.ready(|| status(ops, "/readyz") == Some(200))?;
        Ok(Self { server, ..self })
    }
}
