//! Security Event Tokens, JWTs of the type `secevent+jwt` (RFC 8417, OpenID Shared Signals Framework 1.0 §4.1, OpenID CAEP 1.0).

use holdfast_identity::{
    id::UserId,
    key::Algorithm,
    signals::{SecurityEvent, SecurityEventTokens, SignalContent, SignalKind},
    token::SigningError,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::jwt::Jwts;

/// `typ`, by which no event is a token of another kind.
const TYPE: &str = "secevent+jwt";

/// The event type of a verification (SSF §8.1.4.1).
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// It has neither `sub` nor `exp` (SSF §4.1.2, §4.1.7).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    jti: &'a str,
    iat: i64,
    aud: &'a str,
    sub_id: Value,
    events: Map<String, Value>,
}

impl SecurityEventTokens for Jwts {
    fn sign(
        &self,
        event: &SecurityEvent<'_>,
        algorithm: Algorithm,
    ) -> Result<String, SigningError> {
        self.sign_with(algorithm, event.signed_at, TYPE, &claims(event))
    }
}

fn claims<'a>(event: &SecurityEvent<'a>) -> Claims<'a> {
    let (kind, content) = described(event);
    Claims {
        iss: event.issuer,
        jti: event.jti,
        iat: event.signal.at.unix_timestamp(),
        aud: event.audience.as_str(),
        sub_id: subject(event),
        events: Map::from_iter([(kind.to_owned(), content)]),
    }
}

/// `sub_id` (RFC 9493, SSF §3).
fn subject(event: &SecurityEvent<'_>) -> Value {
    let user =
        |id: &UserId| json!({"format": "iss_sub", "iss": event.issuer, "sub": id.to_string()});
    match &event.signal.content {
        SignalContent::SessionRevoked { user: id, sid, .. } => json!({
            "format": "complex",
            "session": {"format": "opaque", "id": sid.to_string()},
            "user": user(id),
        }),
        SignalContent::CredentialChange { user: id, .. } => user(id),
        SignalContent::Verification { .. } => {
            json!({"format": "opaque", "id": event.stream.to_string()})
        }
    }
}

/// The event type and the claims of the event.
fn described(event: &SecurityEvent<'_>) -> (&'static str, Value) {
    let at = event.signal.at.unix_timestamp();
    match &event.signal.content {
        SignalContent::SessionRevoked { initiator, .. } => (
            SignalKind::SessionRevoked.as_str(),
            json!({"initiating_entity": initiator.as_str(), "event_timestamp": at}),
        ),
        SignalContent::CredentialChange { change, .. } => (
            SignalKind::CredentialChange.as_str(),
            json!({
                "credential_type": change.credential.as_str(),
                "change_type": change.change.as_str(),
                "initiating_entity": change.initiator.as_str(),
                "event_timestamp": at,
            }),
        ),
        SignalContent::Verification { state: Some(state) } => {
            (VERIFICATION, json!({"state": state}))
        }
        SignalContent::Verification { state: None } => (VERIFICATION, json!({})),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_identity::{
        id::{Sid, StreamId},
        signals::{ChangeType, CredentialChange, CredentialType, Initiator, Signal},
    };
    use time::OffsetDateTime;

    use super::*;

    const ISSUER: &str = "https://idp.example.com/123456789/";

    /// The claims of an event of 1615304991, whose issuer and identifiers are those of the specification's examples.
    fn token(content: SignalContent) -> Value {
        let signal = Signal {
            number: 1,
            at: OffsetDateTime::from_unix_timestamp(1_615_304_991).unwrap(),
            content,
        };
        let event = SecurityEvent {
            issuer: ISSUER,
            audience: &"sp.example.com".parse().unwrap(),
            stream: StreamId::from_bytes([7; 16]),
            jti: "24c63fb56e5a2d77a6b512616ca9fa24",
            signed_at: signal.at,
            signal: &signal,
        };
        serde_json::to_value(claims(&event)).unwrap()
    }

    fn user() -> UserId {
        "99beb27c-c1c2-4955-882a-e0dc4996fcbc".parse().unwrap()
    }

    /// CAEP §3.1.2, "Session Revoked - Complex Subject describing user + session", without the optional reasons and tenant.
    #[test]
    fn session_revoked_has_the_form_of_the_specification() {
        let sid: Sid = "5c8a9f6e-3b21-4d0f-9a77-1f0c2e6b4d55".parse().unwrap();
        let claims = token(SignalContent::SessionRevoked {
            user: user(),
            sid,
            initiator: Initiator::Policy,
        });
        let expected = json!({
            "iss": ISSUER,
            "jti": "24c63fb56e5a2d77a6b512616ca9fa24",
            "iat": 1_615_304_991,
            "aud": "sp.example.com",
            "sub_id": {
                "format": "complex",
                "session": {"format": "opaque", "id": "5c8a9f6e-3b21-4d0f-9a77-1f0c2e6b4d55"},
                "user": {
                    "format": "iss_sub",
                    "iss": ISSUER,
                    "sub": "99beb27c-c1c2-4955-882a-e0dc4996fcbc",
                },
            },
            "events": {
                "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {
                    "initiating_entity": "policy",
                    "event_timestamp": 1_615_304_991,
                },
            },
        });
        assert_eq!(claims, expected);
    }

    /// CAEP §3.3.2, "Provisioning a new FIDO2 authenticator", without the optional name, AAGUID and reason.
    #[test]
    fn credential_change_has_the_form_of_the_specification() {
        let claims = token(SignalContent::CredentialChange {
            user: user(),
            change: CredentialChange {
                credential: CredentialType::Passkey,
                change: ChangeType::Create,
                initiator: Initiator::User,
            },
        });
        let subject = json!({
            "format": "iss_sub",
            "iss": ISSUER,
            "sub": "99beb27c-c1c2-4955-882a-e0dc4996fcbc",
        });
        assert_eq!(claims["sub_id"], subject);
        let events = json!({
            "https://schemas.openid.net/secevent/caep/event-type/credential-change": {
                "credential_type": "fido2-platform",
                "change_type": "create",
                "initiating_entity": "user",
                "event_timestamp": 1_615_304_991,
            },
        });
        assert_eq!(claims["events"], events);
    }

    /// SSF §8.1.4.2, "Verification SET".
    #[test]
    fn verification_has_the_form_of_the_specification() {
        let state = "VGhpcyBpcyBhbiBleGFtcGxlIHN0YXRlIHZhbHVlLgo=";
        let claims = token(SignalContent::Verification {
            state: Some(state.to_owned()),
        });
        let subject = json!({"format": "opaque", "id": StreamId::from_bytes([7; 16]).to_string()});
        assert_eq!(claims["sub_id"], subject);
        let events = json!({
            "https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": state},
        });
        assert_eq!(claims["events"], events);

        let claims = token(SignalContent::Verification { state: None });
        assert_eq!(claims["events"][VERIFICATION], json!({}));
        for name in ["sub", "exp"] {
            assert!(claims.get(name).is_none(), "{name}");
        }
    }
}
