//! `POST /oauth2/introspect` (RFC 7662 §2.1).

use reqwest::Method;
use serde_json::Value;

use crate::support::{Site, header};

#[tokio::test]
async fn request_without_client_authentication_is_refused() {
    let site = Site::with_user("ada").await;
    let (access, refresh) = site.tokens("ada").await;
    for token in [access.as_str(), refresh.as_str(), "junk"] {
        for client in [&[][..], &[("client_id", "first-party")]] {
            let form = [&[("token", token)], client].concat();
            let request = site.request(Method::POST, "/oauth2/introspect");
            let answer = request.form(&form).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{client:?}");
            assert!(header(&answer, "www-authenticate").starts_with("Basic "));
            let error: Value = answer.json().await.unwrap();
            assert_eq!(error["error"], "invalid_client");
        }
    }
}
