//! Chromium, driven through chromedriver and the `DevTools` protocol.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{By, ChromiumLikeCapabilities as _, DesiredCapabilities, WebDriver};
use tokio::process::Command;

use crate::{pair::Pair, program::Program, wait::until};

/// Lifetime of a proof cookie, in seconds.
const PROOF_TTL: f64 = 300.0;

/// A browser with an empty profile of its own.
pub struct Browser {
    /// The `WebDriver` session.
    pub driver: WebDriver,
    _chromedriver: Program,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser that accepts the certificate of `pair`, as if its authority were trusted.
    pub async fn start(pair: &Pair) -> Self {
        Self::start_with(pair, &[]).await
    }

    /// Starts a browser that supports device-bound sessions (DBSC) with software keys; without `quota` it refreshes without a limit.
    pub async fn start_with_device(pair: &Pair, quota: bool) -> Self {
        let sessions = if quota {
            "DeviceBoundSessions"
        } else {
            "DeviceBoundSessions:RefreshQuota/false"
        };
        let features = format!(
            "--enable-features={sessions},EnableBoundSessionCredentialsSoftwareKeysForManualTesting"
        );
        let browser = Self::start_with(pair, &[features.as_str()]).await;
        // The pages of web-service run no scripts; those of an application on the same host do.
        let cdp = browser.driver.cdp();
        let bypassed = cdp.send_raw("Page.setBypassCSP", json!({"enabled": true}));
        bypassed.await.unwrap();
        browser
    }

    async fn start_with(pair: &Pair, further: &[&str]) -> Self {
        let (chromedriver, port) = start_chromedriver().await;
        let profile = tempfile::tempdir().unwrap();
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1100,800",
            "--lang=en",
            &format!("--user-data-dir={}", profile.path().display()),
            &format!(
                "--ignore-certificate-errors-spki-list={}",
                pin(pair.directory.path())
            ),
        ] {
            capabilities.add_arg(argument).unwrap();
        }
        for argument in further {
            capabilities.add_arg(argument).unwrap();
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .unwrap();
        Self {
            driver,
            _chromedriver: chromedriver,
            _profile: profile,
        }
    }

    /// Replaces the content of the field with this `name`.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.driver.find(By::Name(name)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses the button with this label, and waits for the next page.
    pub async fn press(&self, label: &str) {
        let button = By::XPath(format!("//button[normalize-space()='{label}']"));
        self.script("window.isOld = true").await;
        self.driver
            .find(button)
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        until("the next page", async || {
            let is_next = "return !window.isOld && document.readyState === 'complete'";
            (self.script(is_next).await == true).then_some(())
        })
        .await;
    }

    /// Waits for the page at this path, to which another page may lead by itself.
    pub async fn arrives_at(&self, path: &str) {
        let is_there =
            format!("return location.pathname === '{path}' && document.readyState === 'complete'");
        until(path, async || {
            (self.script(&is_there).await == true).then_some(())
        })
        .await;
    }

    /// The result of a script in the page; null while the page changes.
    pub async fn script(&self, script: &str) -> Value {
        let answer = self.driver.execute(script, vec![]).await;
        answer.map(|value| value.json().clone()).unwrap_or_default()
    }

    /// The visible text of the page. One script reads it: an element that was found may be gone with its page.
    pub async fn text(&self) -> String {
        until("the text of the page", async || {
            let text = self.script("return document.body.innerText").await;
            text.as_str().map(str::to_owned)
        })
        .await
    }

    /// The path of the current URL.
    pub async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// All cookies of the browser, with their attributes.
    pub async fn cookies(&self) -> Vec<Value> {
        let answer = self
            .driver
            .cdp()
            .send_raw("Network.getAllCookies", json!({}))
            .await;
        answer.unwrap()["cookies"].as_array().unwrap().clone()
    }

    /// The cookie of this name.
    pub async fn cookie(&self, name: &str) -> Option<Value> {
        let cookies = self.cookies().await;
        cookies.into_iter().find(|cookie| cookie["name"] == name)
    }

    /// Deletes a cookie, as if it had expired.
    pub async fn delete_cookie(&self, name: &str, url: &str) {
        let which = json!({"name": name, "url": url});
        let cdp = self.driver.cdp();
        cdp.send_raw("Network.deleteCookies", which).await.unwrap();
    }

    /// Changes the expiry of a fresh proof cookie to `seconds` from now, as if the rest of its lifetime had passed.
    pub async fn shorten_proof(&self, name: &str, url: &str, seconds: f64) {
        let cookie = self.cookie(name).await.unwrap();
        let end = cookie["expires"].as_f64().unwrap() - PROOF_TTL + seconds;
        let shortened = json!({
            "name": name, "value": cookie["value"], "url": url, "path": "/", "expires": end,
            "secure": true, "httpOnly": true, "sameSite": "Lax",
        });
        let cdp = self.driver.cdp();
        cdp.send_raw("Network.setCookie", shortened).await.unwrap();
    }

    /// Signs in with the form.
    pub async fn sign_in(&self, url: &str, username: &str, password: &str) {
        self.driver.goto(url).await.unwrap();
        self.fill("username", username).await;
        self.fill("password", password).await;
        self.press("Sign in").await;
    }

    /// Emulates the screen of a phone with this colour scheme.
    pub async fn emulate_phone(&self, scheme: &str) {
        let screen = json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        for (command, arguments) in [
            ("Emulation.setDeviceMetricsOverride", screen),
            ("Emulation.setEmulatedMedia", scheme),
        ] {
            self.driver
                .cdp()
                .send_raw(command, arguments)
                .await
                .unwrap();
        }
    }

    /// Saves a screenshot of the page if `cargo xtask test --pictures` was given.
    pub async fn picture(&self, name: &str) {
        if let Some(directory) = std::env::var_os("HOLDFAST_TEST_PICTURES") {
            let file = PathBuf::from(directory).join(format!("{name}.png"));
            self.driver.screenshot(&file).await.unwrap();
        }
    }

    /// Closes the browser.
    pub async fn quit(self) {
        self.driver.quit().await.unwrap();
    }
}

/// Starts chromedriver, and returns its port. It takes a port that is free for IPv6, and exits if another program has it for IPv4; then it is
/// started again.
async fn start_chromedriver() -> (Program, u16) {
    let mut chromedriver = None;
    until("chromedriver", async || {
        let start = || Program::start(Command::new("chromedriver").arg("--port=0"));
        let mut program = chromedriver.take().unwrap_or_else(start);
        if let Some(port) = port(&program.output()) {
            return Some((program, port));
        }
        chromedriver = program.is_running().then_some(program);
        None
    })
    .await
}

fn port(output: &str) -> Option<u16> {
    let (_, rest) = output.split_once("started successfully on port ")?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The SHA-256 of the certificate's public key in base64, for `--ignore-certificate-errors-spki-list`.
fn pin(directory: &Path) -> String {
    let key = std::fs::read_to_string(directory.join("localhost.key")).unwrap();
    let public_key = KeyPair::from_pem(&key).unwrap().subject_public_key_info();
    STANDARD.encode(digest::digest(&digest::SHA256, &public_key))
}
