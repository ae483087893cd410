//! Authenticators of `soft-webauthn` (ES256) and `fido2` (`EdDSA` and RS256).

use holdfast_webauthn::{Algorithm, CounterState, User, UserVerification};
use serde_json::{Value, json};

use crate::{ORIGIN, authenticate, challenge, handle, peer::Peer, policy, register, relying_party};

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn authenticators_of_python_are_accepted() {
    let mut python = Peer::python();
    for algorithm in Algorithm::ALL {
        // `soft-webauthn` verifies nobody.
        let user_verification = match algorithm {
            Algorithm::Es256 => UserVerification::Preferred,
            Algorithm::EdDsa | Algorithm::Rs256 => UserVerification::Required,
        };
        let policy = policy(&[algorithm], user_verification);
        let user = User {
            id: handle(),
            name: "ada".to_owned(),
            display_name: "Ada".to_owned(),
        };
        let options = relying_party().creation_options(challenge(), user, &policy);
        let options = parsed(&options.to_json());
        let created = python.ask(&json!({"act": "create", "options": options, "origin": ORIGIN}));
        let mut registration = register(&created.to_string(), &policy).unwrap();
        assert_eq!(registration.credential.public_key.algorithm(), algorithm);
        for round in 0..2 {
            let options =
                relying_party().request_options(challenge(), Vec::new(), user_verification);
            let options = parsed(&options.to_json());
            let question = json!({
                "act": "get", "options": options, "origin": ORIGIN, "algorithm": algorithm.id(),
            });
            let response = python.ask(&question).to_string();
            let outcome = authenticate(&registration, &response, user_verification).unwrap();
            let (counter, is_verified) = match algorithm {
                Algorithm::Es256 => (CounterState::Increased, false),
                Algorithm::EdDsa | Algorithm::Rs256 => (CounterState::Unused, true),
            };
            assert_eq!(outcome.counter, counter, "{algorithm:?} {round}");
            assert_eq!(outcome.user_verified, is_verified);
            registration.credential.sign_count = outcome.sign_count;
        }
        let other = ORIGIN.replace("login", "other");
        let options = relying_party().request_options(challenge(), Vec::new(), user_verification);
        let options = parsed(&options.to_json());
        let question = json!({
            "act": "get", "options": options, "origin": other, "algorithm": algorithm.id(),
        });
        let response = python.ask(&question).to_string();
        assert!(authenticate(&registration, &response, user_verification).is_err());
    }
}
