//! The verdicts of other relying parties about the same responses.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_webauthn::{Algorithm, CounterState, UserVerification};
use serde_json::{Value, json};

use crate::{
    ORIGIN, RP_ID, authenticate,
    authenticator::Authenticator,
    cases::{AUTHENTICATIONS, Case, REGISTRATIONS},
    challenge,
    peer::Peer,
    policy, register,
};

struct Verifiers {
    python: Peer,
    node: Peer,
    disagreements: Vec<String>,
}

impl Verifiers {
    fn start() -> Self {
        Self {
            python: Peer::python(),
            node: Peer::node(),
            disagreements: Vec::new(),
        }
    }

    /// Compares the verdict of this crate with the one that the case expects, and both with those of the others.
    fn compare<T>(&mut self, case: &Case<T>, own: &Result<(), String>, responses: &Value) {
        let mut question = json!({
            "act": "verify",
            "challenge": URL_SAFE_NO_PAD.encode(challenge().as_bytes()),
            "origins": [ORIGIN],
            "rpId": RP_ID,
            "algorithms": Algorithm::ALL.map(Algorithm::id),
        });
        for (name, response) in responses.as_object().unwrap() {
            question[name] = response.clone();
        }
        assert_eq!(own.is_ok(), case.is_accepted, "{}: {own:?}", case.name);
        let others = [
            ("fido2", self.python.ask(&question)),
            ("@simplewebauthn/server", self.node.ask(&question)),
        ];
        for (verifier, answer) in others {
            let is_accepted = answer["verified"].as_bool().unwrap();
            let differs = is_accepted != case.is_accepted;
            if differs != case.differs.contains(&verifier) {
                let line = format!("{}: {verifier}: {answer}, here {own:?}", case.name);
                self.disagreements.push(line);
            }
        }
    }

    fn finish(self) {
        assert!(self.disagreements.is_empty(), "{:#?}", self.disagreements);
    }
}

#[test]
fn verdicts_about_registrations_agree() {
    let mut verifiers = Verifiers::start();
    let policy = policy(&Algorithm::ALL, UserVerification::Required);
    for case in REGISTRATIONS {
        let mut created = Authenticator::new(Algorithm::Es256).create();
        (case.change)(&mut created);
        let json = created.json();
        let own = register(&json, &policy).map(|_| ());
        let response: Value = serde_json::from_str(&json).unwrap();
        verifiers.compare(case, &own, &json!({"registration": response}));
    }
    verifiers.finish();
}

#[test]
fn verdicts_about_authentications_agree() {
    let mut verifiers = Verifiers::start();
    let policy = policy(&Algorithm::ALL, UserVerification::Required);
    for algorithm in Algorithm::ALL {
        for case in AUTHENTICATIONS {
            let authenticator = Authenticator::new(algorithm);
            let created = authenticator.create().json();
            let registration = register(&created, &policy).unwrap();
            let mut asserted = authenticator.assert();
            (case.change)(&mut asserted);
            let json = asserted.json();
            let outcome = authenticate(&registration, &json, UserVerification::Required);
            let own = outcome.and_then(|outcome| match outcome.counter {
                CounterState::NotIncreased => Err("the counter has not increased".to_owned()),
                CounterState::Unused | CounterState::Increased => Ok(()),
            });
            let parse = |json: &str| serde_json::from_str::<Value>(json).unwrap();
            let responses =
                json!({"registration": parse(&created), "authentication": parse(&json)});
            verifiers.compare(case, &own, &responses);
        }
    }
    verifiers.finish();
}
