//! `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.

use serde_json::{Value, json};

use crate::support::{Site, header};

#[tokio::test]
async fn both_documents_describe_the_provider() {
    let site = Site::start().await;
    let openid = site.get("/.well-known/openid-configuration", "").await;
    assert_eq!(openid.status(), 200);
    assert_eq!(header(&openid, "content-type"), "application/json");
    let openid: Value = openid.json().await.unwrap();
    let oauth = site
        .get("/.well-known/oauth-authorization-server", "")
        .await;
    assert_eq!(oauth.json::<Value>().await.unwrap(), openid);

    assert_eq!(openid["issuer"], "https://id.example");
    for (name, path) in [
        ("authorization_endpoint", "/oauth2/authorize"),
        ("token_endpoint", "/oauth2/token"),
        ("userinfo_endpoint", "/oauth2/userinfo"),
        ("end_session_endpoint", "/oauth2/logout"),
        ("pushed_authorization_request_endpoint", "/oauth2/par"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(openid[name], format!("{}{path}", site.origin), "{name}");
    }
    for (name, value) in [
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query", "form_post"])),
        ("subject_types_supported", json!(["public", "pairwise"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("acr_values_supported", json!(["aal1", "aal2", "phr"])),
        (
            "authorization_response_iss_parameter_supported",
            json!(true),
        ),
        ("claims_parameter_supported", json!(false)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
    ] {
        assert_eq!(openid[name], value, "{name}");
    }
    let keys: Value = site
        .get("/.well-known/jwks.json", "")
        .await
        .json()
        .await
        .unwrap();
    let algorithms = openid["id_token_signing_alg_values_supported"]
        .as_array()
        .unwrap();
    for key in keys["keys"].as_array().unwrap() {
        assert!(algorithms.contains(&key["alg"]), "{key}");
    }
    assert!(!algorithms.is_empty());
}
