//! Several instances, of which one delivers.

use std::sync::Arc;

use holdfast_identity::key::Algorithm;

use super::{start, to_private_addresses};
use crate::support::TestService;

#[tokio::test]
async fn two_instances_send_each_end_once() {
    let (fixture, receiver) = start().await;
    let first = &fixture.service;
    let directory = Arc::clone(&first.directory);
    let second = TestService::start_in(directory, first.clock.clone(), to_private_addresses).await;
    let mut expected = Vec::new();
    for number in 0..10 {
        let (session, sid) = fixture.other_browser().await;
        let instance = if number % 2 == 0 { first } else { &second };
        instance.revoke(&session).await;
        expected.push(sid);
    }
    expected.sort();
    first.all_delivered().await;
    assert_eq!(receiver.ended(), expected);
    assert_eq!(receiver.connections(), 10);
}

#[tokio::test]
async fn other_instance_follows_one_that_stopped() {
    let (fixture, receiver) = start().await;
    let other = fixture.add_receiver("other", Algorithm::EdDsa).await;
    fixture.sign_in(&[]).await;
    let directory = Arc::clone(&fixture.service.directory);
    let clock = fixture.service.clock.clone();
    receiver.respond("503 Service Unavailable");
    fixture.sign_out().await;
    fixture.service.attempt_failed().await;
    let second = TestService::start_in(directory, clock, to_private_addresses).await;
    fixture.service.stop_and(async |_| ()).await;
    receiver.respond("200 OK");
    second.clock.advance(crate::support::seconds(2));
    second.all_delivered().await;
    for receiver in [receiver, other] {
        assert_eq!(receiver.ended(), [&*fixture.sid]);
    }
}
