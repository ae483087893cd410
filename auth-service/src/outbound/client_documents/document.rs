//! The text of a document.

use holdfast_identity::oauth::ClientDocument;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use url::Url;

/// Client metadata (RFC 7591 §2) as far as it has consequences. Other members are ignored.
#[derive(Deserialize)]
struct Metadata {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
    #[serde(default = "none")]
    token_endpoint_auth_method: String,
    #[serde(default)]
    grant_types: Vec<String>,
    #[serde(default)]
    response_types: Vec<String>,
    id_token_signed_response_alg: Option<String>,
    #[serde(default = "public")]
    subject_type: String,
    jwks: Option<KeySet>,
    backchannel_logout_uri: Option<String>,
    sector_identifier_uri: Option<IgnoredAny>,
    client_secret: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
    #[serde(default)]
    require_pushed_authorization_requests: bool,
    #[serde(default)]
    dpop_bound_access_tokens: bool,
}

/// A JWK Set (RFC 7517 §5).
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

fn none() -> String {
    "none".to_owned()
}

fn public() -> String {
    "public".to_owned()
}

/// Parses the document at a URL. The error says what is wrong with it.
pub(super) fn parse(text: &[u8], url: &Url) -> Result<ClientDocument, String> {
    let metadata: Metadata = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if metadata.client_id != url.as_str() {
        return Err("client_id is not the address of the document".to_owned());
    }
    if metadata.client_secret.is_some() || metadata.client_secret_expires_at.is_some() {
        return Err("it contains a client secret".to_owned());
    }
    if !metadata.grant_types.is_empty()
        && !metadata
            .grant_types
            .iter()
            .any(|it| it == "authorization_code")
    {
        return Err("grant_types lacks authorization_code".to_owned());
    }
    if !metadata.response_types.is_empty() && !metadata.response_types.iter().any(|it| it == "code")
    {
        return Err("response_types lacks code".to_owned());
    }
    if !["public", "pairwise"].contains(&&*metadata.subject_type) {
        return Err("subject_type has to be public or pairwise".to_owned());
    }
    if metadata.sector_identifier_uri.is_some() {
        return Err("sector_identifier_uri is not supported".to_owned());
    }
    Ok(ClientDocument {
        key: key(&metadata)?,
        name: metadata.client_name,
        redirect_uris: metadata.redirect_uris,
        post_logout_redirect_uris: metadata.post_logout_redirect_uris,
        id_token_algorithm: metadata.id_token_signed_response_alg,
        pairwise_subjects: metadata.subject_type == "pairwise",
        must_push: metadata.require_pushed_authorization_requests,
        backchannel_logout_uri: metadata.backchannel_logout_uri,
        dpop_required: metadata.dpop_bound_access_tokens,
    })
}

/// The key of the client. A secret cannot be shared by a document (§4.1).
fn key(metadata: &Metadata) -> Result<Option<String>, String> {
    match (&*metadata.token_endpoint_auth_method, &metadata.jwks) {
        ("none", _) => Ok(None),
        ("private_key_jwt", Some(KeySet { keys })) if keys.len() == 1 => {
            Ok(Some(keys[0].to_string()))
        }
        ("private_key_jwt", _) => Err("private_key_jwt needs jwks with one key".to_owned()),
        _ => Err("token_endpoint_auth_method has to be none or private_key_jwt".to_owned()),
    }
}
