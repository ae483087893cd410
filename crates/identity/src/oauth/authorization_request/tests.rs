use time::OffsetDateTime;

use super::*;
use crate::{
    key::Algorithm,
    oauth::{ClientAuthMethod, GrantType, RelyingParty},
};

const REDIRECT: &str = "https://app.example/callback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client() -> OauthClient {
    OauthClient {
        id: "app".parse().unwrap(),
        auth_method: ClientAuthMethod::Public,
        scopes: "orders:read".parse().unwrap(),
        audiences: vec!["https://api.example".to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        dpop_required: false,
        relying_party: Some(RelyingParty {
            name: "App".parse().unwrap(),
            redirect_uris: vec![REDIRECT.parse().unwrap()],
            post_logout_redirect_uris: Vec::new(),
            id_token_algorithm: Algorithm::EdDsa,
            is_first_party: false,
            must_push: false,
            backchannel_logout_uri: None,
            sector: None,
        }),
        protected: false,
        disabled: false,
        created_at: OffsetDateTime::UNIX_EPOCH,
    }
}

/// The parameters of a valid request, with these in addition or in place of its own; an empty value removes one.
fn parameters(changes: &[(&str, &str)]) -> Parameters {
    let valid = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid profile"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let is_kept = |(name, _): &(&str, &str)| !changes.iter().any(|(other, _)| other == name);
    let pairs = valid
        .into_iter()
        .filter(is_kept)
        .chain(changes.iter().copied());
    Parameters::collect(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

fn parse(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, &'static str> {
    let audience =
        |resource: &str| (resource == "https://api.example").then(|| resource.to_owned());
    let subject = |hint: &str| hint.parse().ok();
    AuthorizationRequest::parse(&parameters(changes), REDIRECT, &client(), audience, subject)
        .map_err(|error| error.code)
}

#[test]
fn request_with_defaults() {
    let request = parse(&[]).unwrap();
    assert_eq!(request.redirect_uri, REDIRECT);
    assert_eq!(request.response_mode, ResponseMode::Query);
    assert_eq!(request.scopes.to_string(), "profile openid");
    assert_eq!(request.prompt, Prompt::AsNeeded);
    assert_eq!(
        (request.state, request.nonce, request.max_age),
        (None, None, None)
    );
    assert_eq!(
        (request.audience, request.key, request.min_level),
        (None, None, None)
    );
}

#[test]
fn parameters_are_taken_over() {
    let thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    let request = parse(&[
        ("state", "a b&c"),
        ("nonce", "n"),
        ("response_mode", "form_post"),
        ("max_age", "0"),
        ("acr_values", "urn:other phr aal2"),
        ("login_hint", "ada"),
        ("prompt", "login consent"),
        ("resource", "https://api.example"),
        ("dpop_jkt", thumbprint),
        ("ui_locales", "de fr"),
        ("display", "popup"),
        ("claims", "{}"),
    ])
    .unwrap();
    assert_eq!(request.state.as_deref(), Some("a b&c"));
    assert_eq!(request.response_mode, ResponseMode::FormPost);
    assert_eq!(request.max_age, Some(Duration::ZERO));
    assert_eq!(request.min_level, Some(AssuranceLevel::Aal2));
    let interactions = request.prompt.interactions();
    assert!(interactions.login && interactions.consent && !interactions.select_account);
    assert_eq!(request.audience.as_deref(), Some("https://api.example"));
    assert_eq!(request.key.unwrap().to_string(), thumbprint);
}

#[test]
fn unknown_and_foreign_scopes_are_ignored() {
    for (requested, granted) in [
        ("openid email phone", "openid"),
        ("openid account admin", "openid"),
        ("openid orders:read orders:write", "openid orders:read"),
        ("openid offline_access", "openid offline_access"),
        ("orders:read", "orders:read"),
    ] {
        let request = parse(&[("scope", requested)]).unwrap();
        assert_eq!(request.scopes.to_string(), granted, "{requested}");
    }
    for none in ["", "email", "account admin"] {
        assert_eq!(
            parse(&[("scope", none)]).unwrap_err(),
            "invalid_scope",
            "{none}"
        );
    }
}

#[test]
fn invalid_parameter_is_an_error_for_the_client() {
    let long = "x".repeat(1025);
    for (name, value, code) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        (
            "response_type",
            "code id_token",
            "unsupported_response_type",
        ),
        ("response_type", "none", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("response_mode", "query.jwt", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
        ("request", "eyJ", "request_not_supported"),
        (
            "request_uri",
            "https://app.example/request",
            "request_uri_not_supported",
        ),
        ("registration", "{}", "registration_not_supported"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "create", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "+1", "invalid_request"),
        ("max_age", "1.5", "invalid_request"),
        ("max_age", "4294967296", "invalid_request"),
        ("resource", "https://other.example", "invalid_target"),
        ("dpop_jkt", "short", "invalid_request"),
        ("id_token_hint", "other", "invalid_request"),
        ("state", "a\nb", "invalid_request"),
        ("nonce", "\u{7f}", "invalid_request"),
        ("state", &long, "invalid_request"),
        ("nonce", &long, "invalid_request"),
    ] {
        assert_eq!(parse(&[(name, value)]).unwrap_err(), code, "{name}={value}");
    }
}

#[test]
fn repeated_parameter_is_refused() {
    let pair = ("state".to_owned(), "a".to_owned());
    let repeated = Parameters::collect([pair.clone(), pair]);
    assert_eq!(repeated.unwrap_err(), RepeatedParameter);
    let once = Parameters::collect([("state".to_owned(), String::new())]).unwrap();
    assert_eq!(
        once.get("state"),
        None,
        "a parameter without a value is absent"
    );
}
