//! Second factors by the pages, as a browser without scripts and an authenticator use them.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{AuthOptions, PASSWORD, Passkey, Site, TotpApp, cookie_of, form_token, header};

/// A step that a page asks for: of a sign-in whose password was verified, or of a reauthentication.
pub(crate) struct FactorStep {
    /// The cookies of the sign-in form or the session, and of the attempt.
    pub(crate) cookies: String,
    /// The CSRF token of the page.
    pub(crate) token: String,
    /// The address of the page.
    pub(crate) path: String,
    /// The page.
    pub(crate) page: String,
}

impl FactorStep {
    /// The step that the page of a response asks for in a session; its forms are sent to `path`.
    pub(crate) async fn in_session(session: &str, path: &str, asked: Response) -> Self {
        let attempt = cookie_of(&asked, "__Host-attempt").unwrap();
        let page = asked.text().await.unwrap();
        Self {
            cookies: format!("{session}; {attempt}"),
            token: form_token(&page),
            path: path.to_owned(),
            page,
        }
    }
}

impl Site {
    /// A site that uses passkeys, with an account.
    pub(crate) async fn with_passkeys(name: &str) -> Self {
        let options = AuthOptions {
            passkeys: true,
            ..AuthOptions::default()
        };
        let site = Self::start_for(options, |_| ()).await;
        site.add_user(name).await;
        site
    }

    /// A site with an account that has one-time codes; returns the cookie of its session, too.
    pub(crate) async fn with_totp(name: &str) -> (Self, TotpApp, String) {
        let site = Self::with_passkeys(name).await;
        let cookie = site.sign_in(name).await;
        let app = site.set_up_totp(&cookie).await;
        (site, app, cookie)
    }

    /// Begins to set up one-time codes; returns the cookies of the session and of the set-up, and the app.
    pub(crate) async fn begin_totp(&self, session: &str) -> (String, TotpApp) {
        let token = self.page_token("/account/totp", session).await;
        let fields = [("csrf_token", token.as_str())];
        let begun = self.post_form("/account/totp", session, &fields).await;
        assert_eq!(header(&begun, "location"), "/account/totp");
        let attempt = cookie_of(&begun, "__Host-attempt").unwrap();
        let cookies = format!("{session}; {attempt}");
        let page = self
            .get("/account/totp", &cookies)
            .await
            .text()
            .await
            .unwrap();
        (cookies, TotpApp::new(&secret_of(&page)))
    }

    /// Confirms the set-up of one-time codes.
    pub(crate) async fn confirm_totp(&self, cookies: &str, code: &str) -> Response {
        let token = self.page_token("/account/totp", cookies).await;
        let fields = [("csrf_token", token.as_str()), ("code", code)];
        self.post_form("/account/totp/confirm", cookies, &fields)
            .await
    }

    /// Sets up one-time codes. The clock goes on, so that the next code was not used.
    pub(crate) async fn set_up_totp(&self, session: &str) -> TotpApp {
        let (cookies, app) = self.begin_totp(session).await;
        let confirmed = self.confirm_totp(&cookies, &app.code(self)).await;
        assert_eq!(header(&confirmed, "location"), "/account/recovery-codes");
        self.clock.advance(Duration::from_mins(1));
        app
    }

    /// Creates recovery codes in a session whose authentication is recent and strong enough.
    pub(crate) async fn recovery_codes(&self, session: &str) -> Vec<String> {
        let path = "/account/recovery-codes";
        let token = self.page_token(path, session).await;
        let fields = [("csrf_token", token.as_str())];
        let created = self.post_form(path, session, &fields).await;
        assert_eq!(created.status(), 200);
        let page = created.text().await.unwrap();
        let (_, list) = page.split_once(r#"<ul class="codes">"#).unwrap();
        let codes = list.split("<code>").skip(1);
        codes
            .map(|code| code.split('<').next().unwrap().to_owned())
            .collect()
    }

    /// Registers a passkey in a session whose authentication is recent and strong enough.
    pub(crate) async fn register_passkey(&self, session: &str) -> Passkey {
        let token = self.page_token("/account/passkeys", session).await;
        let fields = [("csrf_token", token.as_str())];
        let begun = self
            .post_form("/account/passkeys/new", session, &fields)
            .await;
        assert_eq!(begun.status(), 200);
        let page = begun.text().await.unwrap();
        let (passkey, response) = Passkey::create(&options_of(&page));
        let fields = [
            ("csrf_token", form_token(&page)),
            ("registration", field_of(&page, "registration")),
            ("passkey", response.to_string()),
            ("label", "phone".to_owned()),
        ];
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let added = self.post_form("/account/passkeys", session, &fields).await;
        assert_eq!(header(&added, "location"), "/account/passkeys");
        passkey
    }

    /// Presents the password of an account that has a second factor.
    pub(crate) async fn after_password(&self, name: &str) -> FactorStep {
        self.after_password_with(name, "").await
    }

    /// The same in a browser with further cookies.
    pub(crate) async fn after_password_with(&self, name: &str, further: &str) -> FactorStep {
        let (cookie, token) = self.login_form().await;
        let fields = [
            ("csrf_token", token.as_str()),
            ("username", name),
            ("password", PASSWORD),
        ];
        let cookies = format!("{cookie}; {further}");
        let asked = self.post_form("/login", &cookies, &fields).await;
        assert_eq!(asked.status(), 303);
        let path = header(&asked, "location").to_owned();
        assert!(path.starts_with("/login/factor"), "{path}");
        let attempt = cookie_of(&asked, "__Host-attempt").unwrap();
        let cookies = format!("{cookies}; {attempt}");
        let page = self.get(&path, &cookies).await.text().await.unwrap();
        FactorStep {
            token: form_token(&page),
            cookies,
            path,
            page,
        }
    }

    /// Presents a passkey.
    pub(crate) async fn present_passkey(&self, step: &FactorStep, passkey: &Passkey) -> Response {
        let answer = passkey.answer(&options_of(&step.page)).to_string();
        let fields = [("factor", "passkey"), ("passkey", answer.as_str())];
        self.present(step, &fields).await
    }

    /// Presents a factor.
    pub(crate) async fn present(&self, step: &FactorStep, fields: &[(&str, &str)]) -> Response {
        let token = [("csrf_token", step.token.as_str())];
        let fields: Vec<_> = token.iter().chain(fields).copied().collect();
        self.post_form(&step.path, &step.cookies, &fields).await
    }

    /// Signs in with password and code; returns the session cookie. The clock goes on, so that the next code was not used.
    pub(crate) async fn sign_in_with(&self, name: &str, app: &TotpApp) -> String {
        let step = self.after_password(name).await;
        let code = app.code(self);
        let fields = [("factor", "totp"), ("code", code.as_str())];
        let done = self.present(&step, &fields).await;
        assert_eq!(done.status(), 303);
        self.clock.advance(Duration::from_secs(30));
        cookie_of(&done, "__Host-session").unwrap()
    }

    /// Signs in with a passkey alone.
    pub(crate) async fn sign_in_by(&self, passkey: &Passkey) -> Response {
        let (cookie, token) = self.login_form().await;
        let challenge = self.passkey_challenge(&cookie, &token).await;
        let response = passkey.answer(&challenge["options"]).to_string();
        let fields = [
            ("csrf_token", token.as_str()),
            ("attempt", challenge["attempt"].as_str().unwrap()),
            ("passkey", &response),
        ];
        self.post_form("/login", &cookie, &fields).await
    }

    /// The challenge for a passkey on the sign-in page.
    pub(crate) async fn passkey_challenge(&self, cookie: &str, token: &str) -> Value {
        let fields = [("csrf_token", token)];
        let challenge = self.post_form("/login/passkey", cookie, &fields).await;
        assert_eq!(challenge.status(), 200);
        challenge.json().await.unwrap()
    }

    /// Sends a JSON body with a session cookie, as a script of a page does.
    pub(crate) async fn send_json(
        &self,
        (method, path): (Method, &str),
        session: &str,
        body: &Value,
    ) -> Response {
        let request = self.same_origin(method, path, session).json(body);
        request.send().await.unwrap()
    }

    /// The session, as `GET /api/session` shows it.
    pub(crate) async fn session(&self, cookie: &str) -> Value {
        let shown = self.get("/api/session", cookie).await;
        assert_eq!(shown.status(), 200);
        shown.json().await.unwrap()
    }
}

/// The secret of one-time codes that a page shows.
pub(crate) fn secret_of(page: &str) -> String {
    let (_, rest) = page.split_once(r#"<p class="secret"><code>"#).unwrap();
    rest.split('<').next().unwrap().to_owned()
}

/// The options of the passkey that a page asks for.
pub(crate) fn options_of(page: &str) -> Value {
    let (_, rest) = page.split_once("data-options=\"").unwrap();
    let options = rest.split('"').next().unwrap();
    let options = options.replace("&#34;", "\"").replace("&quot;", "\"");
    serde_json::from_str(&options).unwrap_or_else(|error| panic!("{error}: {options}"))
}

/// The value of a hidden field.
fn field_of(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// The body of a step in JSON.
pub(crate) fn step(attempt: &Value, step: &Value) -> Value {
    json!({"attempt": attempt, "step": step})
}
