//! A relying party without a browser: the requests of the authorization code flow.

use reqwest::Response;
use serde_json::Value;
use url::Url;

use crate::{pair::Pair, site::Site};

const REDIRECT: &str = "https://forum.example/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A public first-party client.
pub struct RelyingParty;

impl RelyingParty {
    /// Its `client_id`.
    pub const ID: &str = "forum";

    /// Registers it, with further flags of `client add`.
    pub async fn register(pair: &Pair, flags: &[&str]) {
        pair.command(&Self::registration(flags), "").await;
    }

    /// The arguments of auth-service that register it, with further flags of `client add`.
    #[must_use]
    pub fn registration<'a>(flags: &[&'a str]) -> Vec<&'a str> {
        let add = ["client", "add", Self::ID, "--public", "--first-party"];
        [&add[..], &["--redirect-uri", REDIRECT], flags].concat()
    }

    /// An authorization code for the person whose session cookie this is.
    pub async fn code(site: &Site, cookie: &str) -> String {
        let parameters = [
            ("response_type", "code"),
            ("client_id", Self::ID),
            ("redirect_uri", REDIRECT),
            ("scope", "openid offline_access"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let endpoint = site.url("/oauth2/authorize");
        let url = Url::parse_with_params(&endpoint, parameters).unwrap();
        let request = site.client().get(url).header("cookie", cookie);
        let done = request.send().await.unwrap();
        assert_eq!(done.status(), 303);
        let location = Url::parse(done.headers()["location"].to_str().unwrap()).unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("{location}")).1.into_owned()
    }

    /// Exchanges a code at the token endpoint.
    pub async fn exchange(site: &Site, code: &str) -> Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        token_request(site, &form).await
    }

    /// Refreshes at the token endpoint.
    pub async fn refresh(site: &Site, refresh_token: &str) -> Response {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        token_request(site, &form).await
    }

    /// Signs the person in and returns the refresh token.
    pub async fn sign_in(site: &Site, cookie: &str) -> String {
        let code = Self::code(site, cookie).await;
        refresh_token(Self::exchange(site, &code).await).await
    }
}

async fn token_request(site: &Site, form: &[(&str, &str)]) -> Response {
    let form = [form, &[("client_id", RelyingParty::ID)]].concat();
    let request = site.client().post(site.url("/oauth2/token")).form(&form);
    request.send().await.unwrap()
}

/// The refresh token of a successful response of the token endpoint.
///
/// # Panics
///
/// If the response is an error.
pub async fn refresh_token(response: Response) -> String {
    let (status, body) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, 200, "{body}");
    let tokens: Value = serde_json::from_str(&body).unwrap();
    tokens["refresh_token"].as_str().unwrap().to_owned()
}
