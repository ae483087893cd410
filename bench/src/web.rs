//! A running web-service.

use std::{path::Path, process::Command};

use crate::{
    fixture::{Fixture, SECRET, key},
    free_port,
    http::{status, token_of},
    process::Server,
};

/// A web-service, with its origin.
pub(super) struct Web {
    pub(super) server: Server,
    pub(super) origin: String,
    ops: u16,
}

impl Web {
    pub(super) fn spawn(
        fixture: &Fixture,
        (port, directory): (u16, &Path),
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let ops = free_port()?;
        let mut command = Command::new(fixture.programs.join("web-service"));
        command
            .env("WEB_LISTEN", format!("127.0.0.1:{port}"))
            .env("WEB_OPS_LISTEN", format!("127.0.0.1:{ops}"))
            .env("WEB_DATA_DIR", directory)
            .env("WEB_PUBLIC_URL", fixture.public_url())
            .env("WEB_AUTH_URL", fixture.auth_url())
            .env("WEB_AUTH_SECRET", SECRET)
            .env("WEB_SECRET_KEY", key(8))
            .env("WEB_SESSION_STORE", fixture.redis_url())
            .env("WEB_TLS", if fixture.tls { "on" } else { "off" })
            .env("WEB_LOG", "warn")
            .envs(settings.iter().copied());
        if !fixture.tls {
            command.env("WEB_TRUSTED_PROXIES", "127.0.0.1");
        }
        Ok(Self {
            server: Server::spawn(&mut command)?,
            origin: format!("{}://localhost:{port}", fixture.scheme()),
            ops,
        })
    }

    /// Whether the service is ready now, or was before.
    pub(super) fn poll_ready(&mut self) -> anyhow::Result<bool> {
        let ops = self.ops;
        self.server
            .poll_ready(|| status(ops, "/readyz") == Some(200))
    }

    /// Signs in as `ada` and returns an access token.
    pub(super) fn token(&self) -> anyhow::Result<String> {
        token_of(&format!("{}/api/login", self.origin))
    }

    /// Waits until the service is ready.
    pub(super) fn wait_ready(self) -> anyhow::Result<Self> {
        let ops = self.ops;
        let server = self
            .server
            .wait_ready(|| status(ops, "/readyz") == Some(200))?;
        Ok(Self { server, ..self })
    }
}

impl Fixture {
    /// Starts the only web-service, or the first of several, without waiting.
    pub(super) fn first_web(&self) -> anyhow::Result<Web> {
        Web::spawn(self, (self.https, &self.directory), &[])
    }

    /// Starts another web-service with further settings beside the first, and waits until it is ready.
    pub(super) fn another_web(&self, settings: &[(&str, &str)]) -> anyhow::Result<Web> {
        let port = free_port()?;
        let web = Web::spawn(
            self,
            (port, &self.directory.join(port.to_string())),
            settings,
        )?;
        web.wait_ready()
    }
}
