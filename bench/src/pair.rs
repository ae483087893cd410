//! A running auth-service and web-service with their fixture.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    fixture::Fixture,
    http::{PASSWORD, cookie_of, curl},
    process::Server,
    scratch_directory,
    web::Web,
};

/// Both services, ready, with an account `ada`.
pub(super) struct Pair {
    pub(super) auth: Server,
    pub(super) web: Web,
    pub(super) fixture: Fixture,
}

impl Pair {
    pub(super) fn start(programs: &Path, tls: bool) -> anyhow::Result<Self> {
        let fixture = Fixture::new(programs, tls)?;
        let auth = fixture.auth()?;
        // Tokens of the first second of a new epoch are looked up in the database.
        thread::sleep(Duration::from_millis(1100));
        fixture.add_user("ada")?;
        Ok(Self {
            auth,
            web: fixture.first_web()?.wait_ready()?,
            fixture,
        })
    }

    /// Signs in with the form, as a browser does, and returns the session cookie.
    pub(super) fn cookie(&self) -> anyhow::Result<String> {
        let url = format!("{}/login", self.web.origin);
        let page = curl(&[&url])?;
        let login =
            cookie_of(&page, "__Host-login").context("the response sets no sign-in cookie")?;
        let token = page.split("name=\"csrf_token\" value=\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        let token = token.context("the page contains no form token")?;
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
        cookie_of(&answer, "__Host-session").context("the response sets no session cookie")
    }

    /// Writes distinct access tokens of one login to a file, one on each line.
    pub(super) fn tokens(&self, count: u64) -> anyhow::Result<PathBuf> {
        let file = scratch_directory()?.join("tokens");
        let mut command = self.fixture.load("tokens");
        command.args(["--count", &count.to_string(), "--out"]);
        crate::generator::output(command.arg(&file))?;
        Ok(file)
    }
}
