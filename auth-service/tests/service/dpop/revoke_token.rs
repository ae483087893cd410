//! Revocation of bound tokens: `AuthService/RevokeToken` with a proof of possession.

use auth_proto::v1::{DpopProof, RevokeTokenRequest};
use serde_json::Value;
use tonic::{Code, Status};

use super::{Key, assert_status, bound_tokens, issue_claims, service, with_proof};
use crate::support::{ISSUER, TestService, minutes, with_refresh};

/// The claims of a proof for a direct call of `RevokeToken`.
fn revocation_claims(service: &TestService, nonce: &str) -> Value {
    let mut claims = issue_claims(service, Some(nonce));
    claims["htu"] = format!("{ISSUER}/auth.v1.AuthService/RevokeToken").into();
    claims
}

async fn revoke(
    service: &TestService,
    (token, end_login): (&str, bool),
    jwt: Option<String>,
) -> Result<(), Status> {
    let request = RevokeTokenRequest {
        token: token.to_owned(),
        end_login,
        dpop: jwt.map(|jwt| DpopProof {
            jwt,
            ..Default::default()
        }),
        ..Default::default()
    };
    service.auth().revoke_token(request).await?;
    Ok(())
}

#[tokio::test]
async fn bound_token_without_key_revokes_nothing() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let nonce = issued.dpop_nonce.as_str();
    let (access, refresh) = (issued.access_token.as_str(), issued.refresh_token.as_str());
    for what in [
        (refresh, false),
        (refresh, true),
        (access, false),
        (access, true),
    ] {
        let bare = revoke(&service, what, None).await.unwrap_err();
        assert_status(&bare, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
        let others = Key::p256().proof(&revocation_claims(&service, nonce));
        let refused = revoke(&service, what, Some(others)).await.unwrap_err();
        assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
        let elsewhere = key.proof(&issue_claims(&service, Some(nonce)));
        let refused = revoke(&service, what, Some(elsewhere)).await.unwrap_err();
        assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    }
    // The login is alive, and its owner ends it.
    let jwt = key.proof(&issue_claims(&service, Some(nonce)));
    let next = with_proof(with_refresh(refresh), jwt);
    service.try_issue(next).await.unwrap();
    let jwt = key.proof(&revocation_claims(&service, nonce));
    revoke(&service, (refresh, false), Some(jwt.clone()))
        .await
        .unwrap();
    let jwt_at_issue = key.proof(&issue_claims(&service, Some(nonce)));
    let ended = with_proof(with_refresh(refresh), jwt_at_issue);
    let ended = service.try_issue(ended).await.unwrap_err();
    assert_status(&ended, Code::Unauthenticated, "LOGIN_ENDED");
    // Without the key, the answer does not disclose that the login has ended.
    let bare = revoke(&service, (refresh, false), None).await.unwrap_err();
    assert_status(&bare, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    revoke(&service, (refresh, false), Some(jwt)).await.unwrap();
}

#[tokio::test]
async fn proof_is_valid_for_one_revocation() {
    let service = service().await;
    let key = Key::p256();
    let (one, other) = (
        bound_tokens(&service, &key).await,
        bound_tokens(&service, &key).await,
    );
    let jwt = key.proof(&revocation_claims(&service, &other.dpop_nonce));
    revoke(&service, (&one.access_token, false), Some(jwt.clone()))
        .await
        .unwrap();
    let replayed = revoke(&service, (&other.refresh_token, false), Some(jwt)).await;
    assert_status(
        &replayed.unwrap_err(),
        Code::Unauthenticated,
        "DPOP_PROOF_INVALID",
    );
}

#[tokio::test]
async fn expired_bound_token_signs_out_with_its_key_only() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    service.clock.advance(minutes(16));
    let nonce = bound_tokens(&service, &key).await.dpop_nonce;
    let what = (issued.access_token.as_str(), true);
    let bare = revoke(&service, what, None).await.unwrap_err();
    assert_status(&bare, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let jwt = key.proof(&revocation_claims(&service, &nonce));
    revoke(&service, what, Some(jwt)).await.unwrap();
    let jwt = key.proof(&issue_claims(&service, Some(&nonce)));
    let ended = with_proof(with_refresh(&issued.refresh_token), jwt);
    let ended = service.try_issue(ended).await.unwrap_err();
    assert_status(&ended, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn bound_token_without_key_ends_no_login() {
    let service = service().await;
    let issued = bound_tokens(&service, &Key::p256()).await;
    let request = RevokeTokenRequest {
        token: issued.access_token,
        end_login: true,
        ..Default::default()
    };
    let refused = service.auth().revoke_token(request).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
}
