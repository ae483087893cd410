//! What a person does in the browser, with one application.

use e2e::{
    browser::Browser,
    pair::{Options, PASSWORD, Pair},
};
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::application::{Application, DEADLINE, INTERVAL, Running};

/// A browser, both services and an application.
pub(crate) struct Journey<'a> {
    application: &'a Application,
    pair: Pair,
    running: Running,
    browser: Browser,
}

impl<'a> Journey<'a> {
    pub(crate) async fn start(application: &'a Application) -> Self {
        let mut options = Options::default();
        let access_ttl = application.access_ttl.to_owned();
        options.auth.push(("AUTH_ACCESS_TTL", access_ttl));
        if application.id_token_algorithm == "RS256" {
            let algorithms = ("AUTH_ID_TOKEN_ALGORITHMS", "EdDSA,ES256,RS256".to_owned());
            options.auth.push(algorithms);
        }
        let pair = Pair::start_with(options).await;
        pair.add_user("ada", &[]).await;
        let (running, browser) = tokio::join!(application.start(&pair), Browser::start(&pair));
        Self {
            application,
            pair,
            running,
            browser,
        }
    }

    /// Signs in, uses the tokens until the login ends elsewhere, signs in again and out.
    pub(crate) async fn complete(self) {
        self.start_sign_in().await;
        self.enter_password().await;
        self.allow().await;
        self.shows("Signed in as ada").await;
        self.open(self.application.userinfo).await;
        self.shows("ada").await;
        self.open(self.application.refresh).await;
        self.shows(self.application.refreshed).await;
        self.open(self.application.userinfo).await;
        self.shows("ada").await;
        self.end_login_elsewhere().await;
        let Application {
            userinfo, refresh, ..
        } = self.application;
        for (path, refused) in [userinfo, refresh]
            .into_iter()
            .zip(self.application.refused)
        {
            self.open(path).await;
            self.shows(refused).await;
        }
        self.start_sign_in().await;
        self.enter_password().await;
        // The consent is remembered.
        if self.application.requires_consent {
            self.allow().await;
        }
        self.shows("Signed in as ada").await;
        self.sign_out().await;
        self.browser.quit().await;
    }

    /// Signs in and denies the consent.
    pub(crate) async fn deny_consent(&self) {
        self.start_sign_in().await;
        self.enter_password().await;
        self.browser.press("Deny").await;
        self.shows("Failed: access_denied").await;
        self.browser
            .delete_cookie("__Host-session", &self.pair.site.origin)
            .await;
    }

    async fn open(&self, path: &str) {
        let base_url = &self.running.base_url;
        let path = path.replace("{BASE_URL}", base_url);
        let url = format!("{base_url}{path}");
        self.browser.driver.goto(url).await.unwrap();
    }

    async fn start_sign_in(&self) {
        self.open(self.application.sign_in).await;
        if let Some(button) = self.application.button {
            self.browser.press(button).await;
        }
    }

    async fn enter_password(&self) {
        self.shows("Username").await;
        self.browser.fill("username", "ada").await;
        self.browser.fill("password", PASSWORD).await;
        self.browser.press("Sign in").await;
    }

    async fn allow(&self) {
        self.shows("Order desk asks for access").await;
        self.browser.picture("consent").await;
        self.browser.press("Allow").await;
    }

    async fn end_login_elsewhere(&self) {
        let site = &self.pair.site;
        let other = site.form_login("ada").await;
        let nothing = json!({});
        let ended = site.send_json(Method::DELETE, "/api/logins", &other, &nothing);
        assert_eq!(ended.await.status(), 204);
    }

    /// Signs out at the application and with it at the provider, where the library does that.
    async fn sign_out(&self) {
        let Some(path) = self.application.sign_out else {
            return;
        };
        self.open(path).await;
        self.shows("Signed out").await;
        let dashboard = self.pair.site.url("/dashboard");
        self.browser.driver.goto(dashboard).await.unwrap();
        assert_eq!(self.browser.path().await, "/login");
    }

    /// Waits for a page with this text.
    async fn shows(&self, text: &str) {
        let begun = Instant::now();
        loop {
            let shown = self.browser.script("return document.body.innerText").await;
            let shown = shown.as_str().unwrap_or_default();
            if shown.contains(text) {
                return;
            }
            if begun.elapsed() > DEADLINE {
                let url = self.browser.driver.current_url().await.unwrap();
                let output = self.running.program.output();
                panic!("{url} does not show {text:?}:\n{shown}\n{output}");
            }
            sleep(INTERVAL).await;
        }
    }
}
