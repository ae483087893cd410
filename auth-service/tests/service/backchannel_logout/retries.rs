//! Relying parties that are down, slow, or refuse.

use std::time::Duration;

use holdfast_identity::{key::Algorithm, oauth::LOGOUT_DELIVERY_TTL};

use super::{receiver::Receiver, start, to_private_addresses};
use crate::support::{seconds, until};

#[tokio::test]
async fn end_is_sent_again_when_the_relying_party_is_up() {
    let (fixture, receiver) = start().await;
    fixture.sign_in(&[]).await;
    receiver.respond("503 Service Unavailable");
    fixture.sign_out().await;
    let failed = fixture.service.attempt_failed().await;
    assert!(failed.due_at > failed.ended_at);
    receiver.respond("200 OK");
    fixture.service.clock.advance(seconds(2));
    fixture.service.all_delivered().await;
    assert_eq!(receiver.ended(), [&*fixture.sid]);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_ne!(requests[0].token, requests[1].token, "each is signed anew");
}

#[tokio::test]
async fn end_is_sent_after_a_restart() {
    let (fixture, receiver) = start().await;
    fixture.sign_in(&[]).await;
    receiver.respond("500 Internal Server Error");
    fixture.sign_out().await;
    fixture.service.attempt_failed().await;
    receiver.respond("200 OK");
    let service = fixture.service.restart_with(|config| {
        to_private_addresses(config);
    });
    let service = service.await;
    service.clock.advance(seconds(2));
    service.all_delivered().await;
    assert_eq!(receiver.ended(), [fixture.sid]);
}

#[tokio::test]
async fn refused_end_is_not_sent_again() {
    let (fixture, receiver) = start().await;
    fixture.sign_in(&[]).await;
    receiver.respond("400 Bad Request");
    fixture.sign_out().await;
    fixture.service.all_delivered().await;
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn end_that_nobody_accepts_is_given_up() {
    let (fixture, receiver) = start().await;
    fixture.sign_in(&[]).await;
    receiver.respond("404 Not Found");
    fixture.sign_out().await;
    fixture.service.attempt_failed().await;
    fixture.service.clock.advance(LOGOUT_DELIVERY_TTL);
    fixture.service.all_delivered().await;
    assert_eq!(receiver.requests().len(), 2);
    assert!(receiver.ended().is_empty());
}

#[tokio::test]
async fn ends_that_were_never_tried_are_given_up_after_an_hour_without_success() {
    let (fixture, receiver) = start().await;
    receiver.respond("503 Service Unavailable");
    for _ in 0..20 {
        let (session, _) = fixture.other_browser().await;
        fixture.service.revoke(&session).await;
    }
    fixture.service.attempt_failed().await;
    fixture.service.clock.advance(LOGOUT_DELIVERY_TTL);
    fixture.service.all_delivered().await;
    assert!(receiver.requests().len() < 20);
    assert!(receiver.ended().is_empty());
}

#[tokio::test]
async fn silent_relying_party_does_not_delay_another() {
    let (fixture, silent) = start().await;
    let other = fixture.add_receiver("other", Algorithm::EdDsa).await;
    fixture.sign_in(&[]).await;
    silent.fall_silent();
    let mut expected = vec![fixture.sid.clone()];
    for _ in 0..20 {
        let (session, sid) = fixture.service.browser_session().await;
        for client in ["app", "other"] {
            let changes = [("client_id", client)];
            let step = fixture
                .service
                .start_authorization(&changes, &session)
                .await;
            let code = crate::authorization::code_of(step.unwrap());
            fixture.service.exchange(client, &code).await.unwrap();
        }
        fixture.service.revoke(&session).await;
        expected.push(sid);
    }
    fixture.sign_out().await;
    expected.sort();
    until("the other relying party to receive the ends", async || {
        (other.ended() == expected).then_some(())
    })
    .await;
    assert!(silent.ended().is_empty());
    assert!(silent.connections() <= 4, "{}", silent.connections());
    assert_eq!(fixture.service.undelivered().await.len(), 21);
}

#[tokio::test]
async fn end_is_sent_within_a_second() {
    let (fixture, receiver) = start().await;
    for _ in 0..10 {
        let (session, sid) = fixture.other_browser().await;
        let begun = tokio::time::Instant::now();
        fixture.service.revoke(&session).await;
        until("the relying party to receive the end", async || {
            receiver.ended().contains(&sid).then_some(())
        })
        .await;
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let (fixture, receiver) = start().await;
    let target = Receiver::start().await;
    fixture.sign_in(&[]).await;
    let redirect = |status: &str| format!("{status}\r\nlocation: {}", target.uri());
    receiver.respond(&redirect("302 Found"));
    fixture.sign_out().await;
    fixture.service.attempt_failed().await;
    receiver.respond(&redirect("307 Temporary Redirect"));
    fixture.service.clock.advance(seconds(120));
    until("another attempt to fail", async || {
        let undelivered = fixture.service.undelivered().await;
        (undelivered.first()?.attempts > 1).then_some(())
    })
    .await;
    assert_eq!(target.connections(), 0);
    assert_eq!(fixture.service.undelivered().await.len(), 1);
}
