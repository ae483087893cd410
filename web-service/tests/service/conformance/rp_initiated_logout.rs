//! `oidcc-rp-initiated-logout-certification-test-plan`.

use reqwest::Response;
use serde_json::Value;
use url::form_urlencoded;

use super::relying_party::Provider;
use crate::support::{SIGNED_OUT, form_token, header, refresh_target, response_of};

/// A provider after a sign-in to the relying party, and the ID token.
async fn signed_in() -> (Provider, String) {
    let provider = Provider::start().await;
    let tokens = provider.tokens(&[]).await;
    let id_token = tokens["id_token"].as_str().unwrap().to_owned();
    (provider, id_token)
}

impl Provider {
    async fn logout(&self, parameters: &[(&str, &str)]) -> Response {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let path = format!("/oauth2/logout?{query}");
        self.site.get(&path, &self.cookie).await
    }

    /// Confirms the sign-out on the page that asks for it; returns the page after it.
    async fn confirm(&self, asked: Response, parameters: &[(&str, &str)]) -> String {
        assert_eq!(asked.status(), 200);
        assert!(self.is_signed_in().await, "nothing ends before the answer");
        let token = form_token(&asked.text().await.unwrap());
        let form = [&[("csrf_token", &*token)], parameters].concat();
        let path = "/oauth2/logout/confirm";
        let done = self.site.post_form(path, &self.cookie, &form).await;
        done.text().await.unwrap()
    }

    async fn is_signed_in(&self) -> bool {
        self.site.is_signed_in(&self.cookie).await
    }

    /// The plan asks again with `prompt=none` after each sign-out.
    async fn assert_signed_out(&self) {
        assert!(!self.is_signed_in().await);
        let error = self.error(&[("prompt", "none")]).await;
        assert_eq!(error, "login_required");
    }

    async fn assert_refused(&self, parameters: &[(&str, &str)]) {
        let refused = self.logout(parameters).await;
        assert_eq!(refused.status(), 400, "{parameters:?}");
        assert_eq!(header(&refused, "location"), "");
        assert!(self.is_signed_in().await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let provider = Provider::start().await;
    let path = "/.well-known/openid-configuration";
    let metadata: Value = provider.site.get(path, "").await.json().await.unwrap();
    let endpoint = metadata["end_session_endpoint"].as_str().unwrap();
    assert!(endpoint.starts_with("https://"), "{endpoint}");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let (provider, id_token) = signed_in().await;
    let parameters = [
        ("id_token_hint", &*id_token),
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "a state"),
    ];
    let done = provider.logout(&parameters).await;
    assert_eq!(done.status(), 303);
    let location = header(&done, "location");
    assert!(location.starts_with(SIGNED_OUT), "{location}");
    assert_eq!(response_of(location)["state"], "a state");
    provider.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let (provider, id_token) = signed_in().await;
    let parameters = [
        ("id_token_hint", &*id_token),
        ("post_logout_redirect_uri", SIGNED_OUT),
    ];
    let done = provider.logout(&parameters).await;
    assert_eq!(header(&done, "location"), SIGNED_OUT);
    provider.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let (provider, id_token) = signed_in().await;
    let uri = format!("{SIGNED_OUT}/other");
    let parameters = [
        ("id_token_hint", &*id_token),
        ("post_logout_redirect_uri", &uri),
        ("state", "a state"),
    ];
    provider.assert_refused(&parameters).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let (provider, id_token) = signed_in().await;
    let uri = format!("{SIGNED_OUT}?extra=1");
    let parameters = [
        ("id_token_hint", &*id_token),
        ("post_logout_redirect_uri", &uri),
    ];
    provider.assert_refused(&parameters).await;
}

/// An ID token with a wrong signature is none, and names no relying party that an address would be registered for.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let (provider, id_token) = signed_in().await;
    let (message, signature) = id_token.rsplit_once('.').unwrap();
    let reversed: String = signature.chars().rev().collect();
    let modified = format!("{message}.{reversed}");
    let parameters = [
        ("id_token_hint", &*modified),
        ("post_logout_redirect_uri", SIGNED_OUT),
    ];
    provider.assert_refused(&parameters).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let (provider, _) = signed_in().await;
    let parameters = [
        ("id_token_hint", "not an ID token"),
        ("post_logout_redirect_uri", SIGNED_OUT),
    ];
    provider.assert_refused(&parameters).await;
}

/// Without the relying party no address is registered.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let (provider, _) = signed_in().await;
    let parameters = [
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "a state"),
    ];
    provider.assert_refused(&parameters).await;
    let named = [&[("client_id", "shop")], &parameters[..]].concat();
    let asked = provider.logout(&named).await;
    let page = provider.confirm(asked, &named).await;
    let target = refresh_target(&page);
    assert!(target.starts_with(SIGNED_OUT), "{target}");
    provider.assert_signed_out().await;
}

/// The person is asked, and a page of the provider follows.
async fn stays_at_the_provider(parameters: &[(&str, &str)]) {
    let (provider, _) = signed_in().await;
    let asked = provider.logout(parameters).await;
    let page = provider.confirm(asked, parameters).await;
    assert!(page.contains("You are signed out"), "{page}");
    assert!(!page.contains("http-equiv=\"refresh\""), "{page}");
    provider.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    stays_at_the_provider(&[]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    stays_at_the_provider(&[("state", "a state")]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let (provider, id_token) = signed_in().await;
    let done = provider.logout(&[("id_token_hint", &id_token)]).await;
    assert_eq!(done.status(), 200);
    let page = done.text().await.unwrap();
    assert!(page.contains("You are signed out"), "{page}");
    provider.assert_signed_out().await;
}
