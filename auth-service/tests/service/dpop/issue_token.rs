//! A login is bound to a key with its first token, or never (RFC 9449 §5).

use holdfast_identity::oauth::DpopPolicy;
use tonic::Code;

use super::{Key, assert_status, bound_tokens, issue_claims, service, service_with, with_proof};
use crate::support::{for_browser_use, from_web_service, seconds, with_refresh, with_ticket};

#[tokio::test]
async fn bound_refresh_token_requires_its_key() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let refresh = |jwt| with_proof(with_refresh(&issued.refresh_token), jwt);

    let stolen = service
        .try_refresh(&issued.refresh_token)
        .await
        .unwrap_err();
    assert_status(&stolen, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let nonce = issued.dpop_nonce.as_str();
    let others = Key::p256().proof(&issue_claims(&service, Some(nonce)));
    let refused = service.try_issue(refresh(others)).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    let without = key.proof(&issue_claims(&service, None));
    let refused = service.try_issue(refresh(without)).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");

    let jwt = key.proof(&issue_claims(&service, Some(nonce)));
    let next = service.try_issue(refresh(jwt)).await.unwrap();
    assert_eq!(next.token_type, "DPoP");
    // The used refresh token does not end the login without the key.
    service.clock.advance(seconds(11));
    let used_up = service
        .try_refresh(&issued.refresh_token)
        .await
        .unwrap_err();
    assert_status(&used_up, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let jwt = key.proof(&issue_claims(&service, Some(nonce)));
    let request = with_proof(with_refresh(&next.refresh_token), jwt);
    service.try_issue(request).await.unwrap();
}

#[tokio::test]
async fn unbound_login_is_not_bound_later_and_reuse_ends_it() {
    let service = service().await;
    let key = Key::p256();
    let nonce = bound_tokens(&service, &key).await.dpop_nonce;
    let plain = service.tokens("ada", "profile").await;
    let jwt = key.proof(&issue_claims(&service, Some(&nonce)));
    let request = with_proof(with_refresh(&plain.refresh_token), jwt);
    let next = service.try_issue(request).await.unwrap();
    assert_eq!(next.token_type, "DPoP", "the access token is bound");
    let next = service.try_refresh(&next.refresh_token).await.unwrap();
    assert_eq!(next.token_type, "Bearer");

    service.clock.advance(seconds(11));
    let reused = service.try_refresh(&plain.refresh_token).await.unwrap_err();
    assert_status(&reused, Code::Unauthenticated, "REFRESH_REUSED");
    let ended = service.try_refresh(&next.refresh_token).await.unwrap_err();
    assert_status(&ended, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn required_dpop_exempts_web_service_only() {
    let service = service_with(DpopPolicy::Require).await;
    let key = Key::p256();
    let ticket = service.login("ada").await.login_ticket;
    let refused = service.try_exchange(&ticket, "profile").await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    bound_tokens(&service, &key).await;

    let login = from_web_service(crate::support::browser_login());
    let login = service.auth().login(login).await.unwrap().into_inner();
    let request = for_browser_use(with_ticket(&login.login_ticket, "profile"));
    let issued = service.try_issue(from_web_service(request)).await.unwrap();
    assert_eq!(issued.token_type, "Bearer");
}

#[tokio::test]
async fn disabled_dpop_ignores_proofs() {
    let service = service_with(DpopPolicy::Off).await;
    let ticket = service.login("ada").await.login_ticket;
    let jwt = Key::p256().proof(&issue_claims(&service, None));
    let request = with_proof(with_ticket(&ticket, "profile"), jwt);
    let issued = service.try_issue(request).await.unwrap();
    assert_eq!(issued.token_type, "Bearer");
    service.try_validate(&issued.access_token).await.unwrap();
    service.try_refresh(&issued.refresh_token).await.unwrap();
}
