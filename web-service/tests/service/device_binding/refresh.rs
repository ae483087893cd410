//! `POST /session/refresh`: challenges and device proofs.

use std::time::Duration;

use holdfast_identity::audit::AuditKind;
use serde_json::{Value, json};

use super::{Browser, challenge_of, site};
use crate::support::{assert_problem, header, until};

#[tokio::test]
async fn refresh_without_proof_gets_challenge_valid_once() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    let unproved = browser.refresh_without_proof().await;
    assert_eq!(unproved.status(), 403);
    assert!(unproved.headers().get("set-cookie").is_none());
    let challenge = challenge_of(&unproved, &browser.sid);
    assert_ne!(challenge, browser.challenge);

    // The previous challenge is valid, too, as a response may have been in transit.
    browser.renew().await;
    let proof = browser.refresh_proof(&challenge);
    let quoted = format!("\"{proof}\"");
    let answer = browser.refresh(&quoted).await;
    assert_eq!(answer.status(), 200, "a quoted proof");
    let again = browser.refresh(&proof).await;
    assert_eq!(again.status(), 403, "a replayed proof");
    assert_ne!(challenge_of(&again, &browser.sid), challenge);
    browser.assert_bound().await;
}

#[tokio::test]
async fn invalid_proof_is_refused_and_uses_nothing_up() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    let other = Browser::bound(&site).await;
    let header = |alg: &str, typ: &str| json!({"alg": alg, "typ": typ});
    let fresh = challenge_of(&browser.refresh_without_proof().await, &browser.sid);
    let with_key = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": browser.jwk()});
    let unsigned = browser.sign(&header("none", "dbsc+jwt"), &fresh);
    let wrong = [
        ("another key", other.refresh_proof(&fresh)),
        (
            "another session's challenge",
            browser.refresh_proof(&other.challenge),
        ),
        ("no challenge of ours", browser.refresh_proof("AAAA")),
        ("none", browser.sign(&header("none", "dbsc+jwt"), &fresh)),
        (
            "no signature",
            unsigned.rsplit_once('.').unwrap().0.to_owned() + ".",
        ),
        ("HS256", browser.sign(&header("HS256", "dbsc+jwt"), &fresh)),
        ("RS256", browser.sign(&header("RS256", "dbsc+jwt"), &fresh)),
        ("typ", browser.sign(&header("ES256", "jwt"), &fresh)),
        ("a key in the header", browser.sign(&with_key, &fresh)),
        ("junk", "junk".to_owned()),
    ];
    for (what, jwt) in wrong {
        let answer = browser.refresh(&jwt).await;
        assert_eq!(answer.status(), 403, "{what}");
        challenge_of(&answer, &browser.sid);
        assert!(answer.headers().get("set-cookie").is_none(), "{what}");
    }
    let answer = browser.refresh(&browser.refresh_proof(&fresh)).await;
    assert_eq!(
        answer.status(),
        200,
        "no refused proof uses the challenge up"
    );
    browser.store_proof(answer).await;
    until("the refusal in the audit trail", async || {
        (site.audit_count(AuditKind::DeviceProofRefused).await == 1).then_some(())
    })
    .await;

    site.clock.advance(Duration::from_mins(10));
    let old = browser
        .refresh(&browser.refresh_proof(&browser.challenge))
        .await;
    assert_eq!(old.status(), 403, "an expired challenge");
    browser.challenge = challenge_of(&old, &browser.sid);
    browser.renew().await;
    browser.assert_bound().await;
}

#[tokio::test]
async fn earlier_session_is_reported_as_ended() {
    let site = site().await;
    let old = Browser::bound(&site).await;
    let new = Browser {
        sid: old.sid.clone(),
        ..Browser::bound(&site).await
    };
    let answer = new.refresh_without_proof().await;
    assert_eq!(answer.status(), 200);
    let instructions: Value = answer.json().await.unwrap();
    assert_eq!(instructions["session_identifier"], old.sid.as_str());
    assert_eq!(instructions["continue"], false);
}

/// A page of another site can send the request, but neither a proof nor metadata of the same origin.
#[tokio::test]
async fn request_of_other_site_is_refused() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    for (path, id) in [("/session/bind", ""), ("/session/refresh", &browser.sid)] {
        for metadata in [
            &[("sec-fetch-site", "cross-site")][..],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            let headers = [&[("sec-secure-session-id", id)], metadata].concat();
            let answer = browser.post(path, &headers).await;
            assert_eq!(header(&answer, "secure-session-challenge"), "");
            assert_problem(answer, 403, "FOREIGN_ORIGIN").await;
        }
    }
    // The metadata that Chromium sends.
    let proof = browser.refresh_proof(&browser.challenge);
    let headers = [
        ("sec-secure-session-id", browser.sid.as_str()),
        ("secure-session-response", &proof),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "no-cors"),
        ("origin", &site.origin),
    ];
    let answer = browser.post("/session/refresh", &headers).await;
    assert_eq!(answer.status(), 200);
    browser.assert_bound().await;
}
