//! Validation of a bound access token, and its use at account RPCs (RFC 9449 §7).

use auth_proto::v1::ListLoginsRequest;
use aws_lc_rs::signature::Ed25519KeyPair;
use tonic::{Code, Request};

use super::{
    Key, assert_status, bound_tokens, service, validate, validate_request, validation_claims,
};
use crate::support::{ISSUER, bearer, with_metadata};

#[tokio::test]
async fn proof_of_its_key_makes_token_valid() {
    let service = service().await;
    for key in [
        Key::p256(),
        Key::Ed25519(Ed25519KeyPair::generate().unwrap()),
    ] {
        let issued = bound_tokens(&service, &key).await;
        let token = issued.access_token;
        let jwt = key.proof(&validation_claims(&service, &token, &issued.dpop_nonce));
        let answer = validate(&service, validate_request(&token, jwt))
            .await
            .unwrap();
        assert_eq!(answer.claims.unwrap().jkt.len(), 43);
        assert_eq!(answer.dpop_nonce, issued.dpop_nonce);
    }
}

#[tokio::test]
async fn token_and_proof_without_each_other_are_refused() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let refused = service.try_validate(&issued.access_token).await;
    assert_status(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "DPOP_PROOF_REQUIRED",
    );

    let plain = service.tokens("ada", "profile").await;
    let jwt = key.proof(&validation_claims(
        &service,
        &plain.access_token,
        &issued.dpop_nonce,
    ));
    let refused = validate(&service, validate_request(&plain.access_token, jwt)).await;
    assert_status(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_NOT_BOUND",
    );
    assert_eq!(plain.token_type, "Bearer");
    assert_eq!(plain.dpop_nonce, "");
}

#[tokio::test]
async fn account_rpc_requires_proof_for_that_call() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let token = issued.access_token.as_str();
    let call = |path: &str| {
        let mut claims = validation_claims(&service, token, &issued.dpop_nonce);
        claims["htm"] = "POST".into();
        claims["htu"] = format!("{ISSUER}{path}").into();
        let mut request: Request<_> = with_metadata(
            ListLoginsRequest {},
            "authorization",
            &format!("DPoP {token}"),
        );
        let jwt = key.proof(&claims).parse().unwrap();
        request.metadata_mut().insert("dpop", jwt);
        request
    };
    let own = "/auth.v1.AccountService/ListLogins";
    let logins = service.account().list_logins(call(own)).await.unwrap();
    assert_eq!(logins.into_inner().logins.len(), 1);
    let other = "/auth.v1.AccountService/GetAccount";
    let refused = service
        .account()
        .list_logins(call(other))
        .await
        .unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    let as_bearer = bearer(ListLoginsRequest {}, token);
    let refused = service.account().list_logins(as_bearer).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let bare = with_metadata(
        ListLoginsRequest {},
        "authorization",
        &format!("DPoP {token}"),
    );
    let refused = service.account().list_logins(bare).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
}
