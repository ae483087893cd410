//! `oidcc-config-certification-test-plan`.

use serde_json::{Value, json};

use crate::support::{Site, header};

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let site = Site::start().await;
    let response = site.get("/.well-known/openid-configuration", "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    let metadata: Value = response.json().await.unwrap();
    let issuer = metadata["issuer"].as_str().unwrap();
    assert!(issuer.starts_with("https://") && !issuer.contains(['?', '#']));
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ] {
        let url = metadata[endpoint].as_str().unwrap();
        assert!(url.starts_with("https://"), "{endpoint}: {url}");
    }
    let lists = |name: &str, value: &str| {
        let values = metadata[name].as_array();
        values.is_some_and(|values| values.contains(&json!(value)))
    };
    assert!(lists("response_types_supported", "code"));
    assert!(lists("subject_types_supported", "public"));
    assert!(lists("scopes_supported", "openid"));
    assert!(lists("claims_supported", "sub"));
    assert!(lists("grant_types_supported", "authorization_code"));
    assert!(lists(
        "token_endpoint_auth_methods_supported",
        "client_secret_basic"
    ));
    assert_eq!(metadata["request_uri_parameter_supported"], false);

    let keys = site.get("/.well-known/jwks.json", "").await;
    let keys: Value = keys.json().await.unwrap();
    let keys = keys["keys"].as_array().unwrap();
    assert!(!keys.is_empty());
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(key["use"], "sig", "{key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key[private].is_null(), "{key}");
        }
        let is_other = |other: &Value| other["kid"] != key["kid"];
        assert!(keys[number + 1..].iter().all(is_other), "{key}");
    }
}
