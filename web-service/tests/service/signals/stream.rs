//! The configuration, the status and the verification of a stream (SSF §8.1).

use reqwest::Method;
use serde_json::{Value, json};

use super::{CREDENTIAL_CHANGE, Receiver, SESSION_REVOKED};
use crate::support::{Site, assert_problem};

const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

#[tokio::test]
async fn metadata_has_the_endpoints_of_the_transmitter() {
    let site = Site::start().await;
    let response = site.get("/.well-known/ssf-configuration", "").await;
    assert_eq!(response.status(), 200);
    let metadata: Value = response.json().await.unwrap();
    let origin = &site.origin;
    let expected = json!({
        "spec_version": "1_0",
        "issuer": "https://id.example",
        "jwks_uri": format!("{origin}/.well-known/jwks.json"),
        "delivery_methods_supported": ["urn:ietf:rfc:8936"],
        "configuration_endpoint": format!("{origin}/ssf/stream"),
        "status_endpoint": format!("{origin}/ssf/status"),
        "verification_endpoint": format!("{origin}/ssf/verify"),
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    });
    assert_eq!(metadata, expected);
}

#[tokio::test]
async fn stream_is_created_once_read_changed_and_deleted() {
    let receiver = Receiver::start().await;
    let all = receiver.get("/ssf/stream").await;
    assert_eq!(all.json::<Value>().await.unwrap(), json!([]));

    let requested = json!([SESSION_REVOKED, "urn:unknown"]);
    let delivery = json!({"method": "urn:ietf:rfc:8936"});
    let properties =
        json!({"events_requested": requested, "description": "Orders", "delivery": delivery});
    let stream = receiver.create(&properties).await;
    let id = stream["stream_id"].as_str().unwrap();
    let expected = json!({
        "stream_id": id,
        "iss": "https://id.example",
        "aud": "desk",
        "delivery": {
            "method": "urn:ietf:rfc:8936",
            "endpoint_url": format!("{}/ssf/poll/{id}", receiver.site.origin),
        },
        "events_supported": [SESSION_REVOKED, CREDENTIAL_CHANGE],
        "events_requested": requested,
        "events_delivered": [SESSION_REVOKED],
        "description": "Orders",
    });
    assert_eq!(stream, expected);
    let second = receiver.send(Method::POST, "/ssf/stream", &json!({})).await;
    assert_problem(second, 409, "STREAM_EXISTS").await;

    let path = format!("/ssf/stream?stream_id={id}");
    let one: Value = receiver.get(&path).await.json().await.unwrap();
    let all: Value = receiver.get("/ssf/stream").await.json().await.unwrap();
    assert_eq!((&one, &all[0]), (&expected, &expected));

    let change = json!({"stream_id": id, "description": "Invoices"});
    let changed = receiver.send(Method::PATCH, "/ssf/stream", &change).await;
    let changed: Value = changed.json().await.unwrap();
    assert_eq!(changed["description"], "Invoices");
    assert_eq!(changed["events_requested"], requested);
    // As read, without the members that are to be removed.
    let mut replacement = changed.clone();
    replacement
        .as_object_mut()
        .unwrap()
        .remove("events_requested");
    replacement.as_object_mut().unwrap().remove("description");
    let replaced = receiver
        .send(Method::PUT, "/ssf/stream", &replacement)
        .await;
    let replaced: Value = replaced.json().await.unwrap();
    assert_eq!(replaced["events_delivered"], expected["events_supported"]);
    assert!(replaced.get("description").is_none() && replaced.get("events_requested").is_none());

    let deleted = receiver.send(Method::DELETE, &path, &json!({})).await;
    assert_eq!(deleted.status(), 204);
    for response in [
        receiver.get(&path).await,
        receiver.get(&format!("/ssf/status?stream_id={id}")).await,
        receiver.send(Method::DELETE, &path, &json!({})).await,
        receiver.send(Method::PATCH, "/ssf/stream", &change).await,
        receiver
            .send(Method::POST, &format!("/ssf/poll/{id}"), &json!({}))
            .await,
        receiver.send(Method::POST, "/ssf/verify", &change).await,
    ] {
        assert_problem(response, 404, "STREAM_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn members_that_are_not_those_of_the_stream_are_refused() {
    let receiver = Receiver::start().await;
    let push = json!({"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://desk.example/events"}});
    let refused = receiver.send(Method::POST, "/ssf/stream", &push).await;
    assert_problem(refused, 400, "INVALID_REQUEST").await;

    let stream = receiver.create(&json!({})).await;
    for (member, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!(["desk"])),
        ("events_supported", json!([])),
        ("events_delivered", json!([SESSION_REVOKED])),
        ("delivery", push["delivery"].clone()),
        (
            "delivery",
            json!({"method": "urn:ietf:rfc:8936", "endpoint_url": "https://desk.example"}),
        ),
        ("description", json!("a\nb")),
        ("events_requested", json!(vec!["urn:a"; 33])),
        ("stream_id", Value::Null),
    ] {
        for method in [Method::PATCH, Method::PUT] {
            let mut change = json!({"stream_id": stream["stream_id"], "description": "Invoices"});
            change[member] = value.clone();
            let refused = receiver.send(method, "/ssf/stream", &change).await;
            assert_eq!(refused.status(), 400, "{member}");
        }
    }
    let all: Value = receiver.get("/ssf/stream").await.json().await.unwrap();
    assert_eq!(all, json!([stream]));
}

#[tokio::test]
async fn paused_stream_holds_its_events_and_a_disabled_one_loses_them() {
    let (receiver, stream) = Receiver::with_stream().await;
    receiver.end_a_login().await;
    let paused = receiver.set_status(&stream, "paused").await;
    let path = format!("/ssf/status?stream_id={stream}");
    let shown: Value = receiver.get(&path).await.json().await.unwrap();
    assert_eq!(shown, paused);
    receiver.end_a_login().await;
    assert!(receiver.events(&stream).await.is_empty());
    receiver.set_status(&stream, "enabled").await;
    assert_eq!(receiver.events(&stream).await.len(), 2);

    receiver.set_status(&stream, "disabled").await;
    receiver.end_a_login().await;
    receiver.set_status(&stream, "enabled").await;
    assert!(receiver.events(&stream).await.is_empty());
    let unknown = json!({"stream_id": stream, "status": "asleep"});
    let refused = receiver.send(Method::POST, "/ssf/status", &unknown).await;
    assert_problem(refused, 422, "INVALID_REQUEST").await;
}

#[tokio::test]
async fn verification_event_has_the_state_of_the_latest_request() {
    let (receiver, stream) = Receiver::with_stream().await;
    for state in [None, Some("first"), Some("second")] {
        let request = json!({"stream_id": stream, "state": state});
        let verified = receiver.send(Method::POST, "/ssf/verify", &request).await;
        assert_eq!(verified.status(), 204);
    }
    let events = receiver.events(&stream).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        events[0]["events"],
        json!({VERIFICATION: {"state": "second"}})
    );
    assert_eq!(
        events[0]["sub_id"],
        json!({"format": "opaque", "id": stream})
    );
}

#[tokio::test]
async fn stream_is_that_of_its_client_and_needs_a_scope() {
    let (mut receiver, stream) = Receiver::with_stream().await;
    let path = format!("/ssf/stream?stream_id={stream}");
    let poll = format!("/ssf/poll/{stream}");
    receiver.site.add_receiver("reader", "ssf.read").await;
    receiver.site.add_receiver("other", "revocations").await;

    receiver.token = receiver.site.token_of("reader").await;
    let of_another = receiver.send(Method::POST, &poll, &json!({})).await;
    assert_problem(of_another, 404, "STREAM_NOT_FOUND").await;
    assert_problem(receiver.get(&path).await, 404, "STREAM_NOT_FOUND").await;
    let body = json!({"stream_id": stream, "status": "paused"});
    for (method, path) in [
        (Method::POST, "/ssf/stream"),
        (Method::PATCH, "/ssf/stream"),
        (Method::PUT, "/ssf/stream"),
        (Method::DELETE, &*path),
        (Method::POST, "/ssf/status"),
        (Method::POST, "/ssf/verify"),
    ] {
        let refused = receiver.send(method, path, &body).await;
        assert_problem(refused, 403, "INSUFFICIENT_SCOPE").await;
    }
    let (person, _) = receiver.site.tokens("ada").await;
    for token in [person, receiver.site.token_of("other").await] {
        receiver.token = token;
        assert_problem(receiver.get("/ssf/stream").await, 403, "INSUFFICIENT_SCOPE").await;
        let refused = receiver.send(Method::POST, &poll, &json!({})).await;
        assert_problem(refused, 403, "INSUFFICIENT_SCOPE").await;
    }
    receiver.token = String::new();
    assert_eq!(receiver.get("/ssf/stream").await.status(), 401);
}
