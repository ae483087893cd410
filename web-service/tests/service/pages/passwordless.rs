//! Accounts without a password on the pages: its removal, a new one, and the way in by a recovery code.

use std::time::Duration;

use reqwest::Response;

use crate::support::{
    FactorStep, PASSWORD, Passkey, Site, cookie_of, form_token, header, options_of,
};

const REMOVE: &str = "/account/password/remove";
const NEW: &str = "/account/password/new";
const NEW_PASSWORD: &str = "seven green lamps on the pier";
const WRONG_CODE: &str = "0000-0000-0000-0000";

impl Site {
    async fn text(&self, path: &str, cookie: &str) -> String {
        self.get(path, cookie).await.text().await.unwrap()
    }

    /// The cookie of a session that a passkey began.
    async fn session_by(&self, passkey: &Passkey) -> String {
        cookie_of(&self.sign_in_by(passkey).await, "__Host-session").unwrap()
    }

    async fn remove_password(&self, session: &str) -> Response {
        let token = self.page_token("/account/security", session).await;
        let fields = [("csrf_token", token.as_str())];
        self.post_form(REMOVE, session, &fields).await
    }

    async fn add_password(&self, session: &str, password: &str, again: &str) -> Response {
        let token = self.page_token(NEW, session).await;
        let fields = [
            ("csrf_token", token.as_str()),
            ("new_password", password),
            ("new_password_again", again),
        ];
        self.post_form(NEW, session, &fields).await
    }

    /// Sends the form for a recovery code of the sign-in page; returns its cookie, too.
    async fn recover(&self, name: &str, code: &str) -> (String, Response) {
        let (cookie, token) = self.login_form().await;
        let fields = [
            ("csrf_token", token.as_str()),
            ("username", name),
            ("recovery_code", code),
            ("next", "/account/logins"),
        ];
        let answer = self.post_form("/login", &cookie, &fields).await;
        (cookie, answer)
    }

    /// An account without a password, with one passkey and recovery codes, and its session.
    pub(crate) async fn passwordless(name: &str) -> (Self, Passkey, Vec<String>, String) {
        let site = Self::with_passkeys(name).await;
        let session = site.sign_in(name).await;
        let passkey = site.register_passkey(&session).await;
        let session = site.session_by(&passkey).await;
        let codes = site.recovery_codes(&session).await;
        let removed = site.remove_password(&session).await;
        assert_eq!(header(&removed, "location"), "/account/security");
        (site, passkey, codes, session)
    }
}

#[tokio::test]
async fn password_is_removed_where_passkeys_are_enough() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let session = site.session_by(&passkey).await;
    let other = site.session_by(&passkey).await;
    let page = site.text("/account/security", &session).await;
    assert!(page.contains("It can be removed once you have"), "{page}");
    assert!(!page.contains(REMOVE), "{page}");
    let refused = site.remove_password(&session).await;
    assert_eq!(refused.status(), 409);
    let refused = refused.text().await.unwrap();
    assert!(refused.contains("two passkeys that ask for"), "{refused}");

    site.register_passkey(&session).await;
    let page = site.text("/account/security", &session).await;
    assert!(page.contains(REMOVE), "{page}");
    let removed = site.remove_password(&session).await;
    assert_eq!(header(&removed, "location"), "/account/security");
    assert!(!site.is_signed_in(&other).await);
    let page = site.text("/account/security", &session).await;
    assert!(page.contains("The account has no password"), "{page}");
    assert!(page.contains(NEW) && !page.contains(REMOVE), "{page}");
    assert!(
        site.text("/dashboard", &session)
            .await
            .contains("Set a password")
    );
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 401);
    site.session_by(&passkey).await;
}

#[tokio::test]
async fn removal_of_password_asks_for_a_passkey() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let session = site.session_by(&passkey).await;
    let codes = site.recovery_codes(&session).await;
    let step = site.after_password("ada").await;
    let fields = [("factor", "recovery_code"), ("code", codes[0].as_str())];
    let by_code = site.present(&step, &fields).await;
    let by_code = cookie_of(&by_code, "__Host-session").unwrap();
    let asked = site.remove_password(&by_code).await;
    assert_eq!(asked.status(), 403);
    let asked = FactorStep::in_session(&by_code, REMOVE, asked).await;
    let page = &asked.page;
    assert!(page.contains(&format!("action=\"{REMOVE}\"")), "{page}");
    assert!(!page.contains("Recovery code"), "{page}");
    let removed = site.present_passkey(&asked, &passkey).await;
    assert_eq!(header(&removed, "location"), "/account/security");
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 401);
}

#[tokio::test]
async fn removal_of_password_needs_the_token_of_the_session() {
    let (site, _, _, session) = Site::passwordless("ada").await;
    for path in [REMOVE, NEW] {
        let fields = [("csrf_token", "x"), ("new_password", NEW_PASSWORD)];
        let refused = site.post_form(path, &session, &fields).await;
        assert_eq!(refused.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn password_is_set_again() {
    let (site, passkey, _, session) = Site::passwordless("ada").await;
    let redirect = site.get("/account/password", &session).await;
    assert_eq!(header(&redirect, "location"), NEW);
    let unequal = site.add_password(&session, NEW_PASSWORD, PASSWORD).await;
    assert_eq!(unequal.status(), 422);
    let weak = site.add_password(&session, "ada ada ada ada", "ada ada ada ada");
    assert_eq!(weak.await.status(), 422);

    site.clock.advance(Duration::from_mins(10));
    let asked = site
        .add_password(&session, NEW_PASSWORD, NEW_PASSWORD)
        .await;
    assert_eq!(asked.status(), 403);
    let confirm = "/account/confirm?next=%2Faccount%2Fpassword%2Fnew";
    let asked = FactorStep::in_session(&session, confirm, asked).await;
    let page = &asked.page;
    assert!(!page.contains(NEW_PASSWORD), "{page}");
    assert!(!page.contains("confirm_password"), "{page}");
    assert!(page.contains(confirm), "{page}");
    let confirmed = site.present_passkey(&asked, &passkey).await;
    assert_eq!(header(&confirmed, "location"), NEW);
    let session = cookie_of(&confirmed, "__Host-session").unwrap();
    let added = site
        .add_password(&session, NEW_PASSWORD, NEW_PASSWORD)
        .await;
    assert_eq!(header(&added, "location"), "/account/security");
    let twice = site.add_password(&session, PASSWORD, PASSWORD).await;
    assert_eq!(twice.status(), 409);
    // A passkey follows it.
    let answer = site.api_login("ada", NEW_PASSWORD).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().contains("ADDITIONAL_FACTOR"));
}

#[tokio::test]
async fn recovery_code_leads_to_a_new_passkey() {
    let (site, _, codes, lost) = Site::passwordless("ada").await;
    let (cookie, asked) = site.recover("ada", &codes[0]).await;
    assert_eq!(asked.status(), 303);
    let path = header(&asked, "location").to_owned();
    assert!(path.starts_with("/login/factor?next="), "{path}");
    let attempt = cookie_of(&asked, "__Host-attempt").unwrap();
    let cookies = format!("{cookie}; {attempt}");
    let page = site.get(&path, &cookies).await;
    assert!(header(&page, "content-security-policy").contains("script-src 'self'"));
    let page = page.text().await.unwrap();
    assert!(page.contains("Create a new passkey"), "{page}");
    assert!(!page.contains("enrol-code"), "{page}");
    let (passkey, response) = Passkey::create(&options_of(&page));
    let (token, response) = (form_token(&page), response.to_string());
    let fields = [
        ("csrf_token", token.as_str()),
        ("factor", "enrol_passkey"),
        ("passkey", response.as_str()),
    ];
    let done = site.post_form(&path, &cookies, &fields).await;
    let next = header(&done, "location").to_owned();
    assert_eq!(next, "/account/security?next=%2Faccount%2Flogins");
    let session = cookie_of(&done, "__Host-session").unwrap();
    let page = site.text(&next, &session).await;
    assert!(page.contains("9 of them are left"), "{page}");
    assert_eq!(site.session(&session).await["acr"], "phr");
    assert!(!site.is_signed_in(&lost).await);
    site.session_by(&passkey).await;
}

#[tokio::test]
async fn refused_recovery_code_is_the_same_for_every_name() {
    let (site, ..) = Site::passwordless("ada").await;
    site.add_user("bob").await;
    let mut pages = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let (_, refused) = site.recover(name, WRONG_CODE).await;
        assert_eq!(refused.status(), 401, "{name}");
        assert!(refused.headers().get("set-cookie").is_none());
        let page = refused.text().await.unwrap();
        assert!(page.contains("<details open>"), "{page}");
        assert!(!page.contains(WRONG_CODE), "{page}");
        let page = page.replace(&form_token(&page), "");
        pages.push(page.replace(&format!("value=\"{name}\""), ""));
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
    assert!(pages[0].contains("The username or the recovery code is wrong"));
}

#[tokio::test]
async fn recovery_code_is_refused_where_passkeys_are_off() {
    let site = Site::with_user("ada").await;
    let (_, refused) = site.recover("ada", WRONG_CODE).await;
    assert_eq!(refused.status(), 403);
    let page = refused.text().await.unwrap();
    assert!(page.contains("Passkeys are not used here"), "{page}");
    let session = site.sign_in("ada").await;
    let page = site.text("/account/security", &session).await;
    assert!(!page.contains(REMOVE), "{page}");
}
