use super::*;
use crate::{
    authentication::Factor,
    key::Algorithm,
    login::ClientKind,
    oauth::{Interactions, ResponseMode},
};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const HOUR: Duration = Duration::from_hours(1);

fn login() -> Login {
    Login {
        sid: Sid::from_bytes([1; 16]),
        kind: ClientKind::Browser,
        factors: Factor::Password.into(),
        authenticated_at: NOW - HOUR,
        last_seen_at: NOW,
        expires_at: NOW + HOUR,
        ended: false,
    }
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        redirect_uri: "https://app.example/callback".to_owned(),
        response_mode: ResponseMode::Query,
        state: None,
        scopes: "openid profile".parse().unwrap(),
        nonce: None,
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
            .parse()
            .unwrap(),
        prompt: Prompt::AsNeeded,
        max_age: None,
        min_level: None,
        login_hint: None,
        expected_user: None,
        audience: None,
        key: None,
    }
}

fn party(is_first_party: bool) -> RelyingParty {
    RelyingParty {
        name: "App".parse().unwrap(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        id_token_algorithm: Algorithm::EdDsa,
        is_first_party,
        must_push: false,
        backchannel_logout_uri: None,
        sector: None,
    }
}

/// The browser that brought the request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BroughtBy {
    /// The one that continues it.
    SameBrowser,
    /// One that was not signed in.
    AnotherBrowser,
}

/// What happens next with a request in a browser that was signed in before it, and to whose relying party everything was consented.
struct Case {
    request: AuthorizationRequest,
    is_first_party: bool,
    is_confidential: bool,
    is_fresh: bool,
    brought_by: BroughtBy,
    consented: Scopes,
    asked: Option<Sid>,
    decision: Option<ConsentDecision>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            request: request(),
            is_first_party: false,
            is_confidential: false,
            is_fresh: false,
            brought_by: BroughtBy::SameBrowser,
            consented: "openid profile".parse().unwrap(),
            asked: None,
            decision: None,
        }
    }
}

impl Case {
    fn next(&self) -> Result<NextStep, &'static str> {
        let mut login = login();
        let before = Authentication::of(&login);
        if self.is_fresh {
            login.authenticated_at = NOW;
        }
        let progress = FlowProgress {
            before: (self.brought_by == BroughtBy::SameBrowser).then_some(before),
            started_at: NOW,
            asked: self.asked,
        };
        let situation = Situation {
            request: &self.request,
            progress: &progress,
            party: &party(self.is_first_party),
            is_confidential: self.is_confidential,
            login: &login,
            user: UserId::from_bytes([3; 16]),
            consented: &self.consented,
            decision: self.decision,
            now: NOW,
        };
        next_step(&situation).map_err(|error| error.code)
    }

    /// The error of the same with `prompt=none`.
    fn silent(mut self) -> &'static str {
        self.request.prompt = Prompt::None;
        self.next().unwrap_err()
    }
}

fn with(change: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::default();
    change(&mut case);
    case
}

fn prompt(interactions: Interactions) -> Case {
    with(|case| case.request.prompt = Prompt::Of(interactions))
}

#[test]
fn known_relying_party_gets_a_code_at_once() {
    assert_eq!(Case::default().next(), Ok(NextStep::IssueCode));
    let silent = with(|case| case.request.prompt = Prompt::None);
    assert_eq!(silent.next(), Ok(NextStep::IssueCode));
}

#[test]
fn authentication_has_to_be_as_recent_and_as_strong_as_requested() {
    let login = || Interactions {
        login: true,
        ..Interactions::default()
    };
    let again = Ok(NextStep::Reauthenticate(None));
    assert_eq!(prompt(login()).next(), again);
    let fresh = Case {
        is_fresh: true,
        ..prompt(login())
    };
    assert_eq!(fresh.next(), Ok(NextStep::IssueCode));

    let aged = |max_age| with(|case| case.request.max_age = Some(max_age));
    assert_eq!(aged(HOUR).next(), Ok(NextStep::IssueCode));
    assert_eq!(aged(Duration::from_mins(59)).next(), again);
    assert_eq!(aged(Duration::ZERO).silent(), "login_required");
    let fresh = Case {
        is_fresh: true,
        ..aged(Duration::ZERO)
    };
    assert_eq!(fresh.next(), Ok(NextStep::IssueCode));

    let strong = || with(|case| case.request.min_level = Some(AssuranceLevel::Aal2));
    let step = NextStep::Reauthenticate(Some(AssuranceLevel::Aal2));
    assert_eq!(strong().next(), Ok(step));
    assert_eq!(strong().silent(), "unmet_authentication_requirements");
}

#[test]
fn authentication_from_before_the_request_does_not_count_in_another_browser() {
    let elsewhere = |is_fresh| {
        let interactions = Interactions {
            login: true,
            ..Interactions::default()
        };
        Case {
            brought_by: BroughtBy::AnotherBrowser,
            is_fresh,
            ..prompt(interactions)
        }
    };
    let again = Ok(NextStep::Reauthenticate(None));
    assert_eq!(elsewhere(false).next(), again);
    assert_eq!(elsewhere(true).next(), Ok(NextStep::IssueCode));
}

#[test]
fn consent_is_asked_for_new_scopes() {
    let new = || with(|case| case.consented = "openid".parse().unwrap());
    assert_eq!(new().next(), Ok(NextStep::AskConsent));
    assert_eq!(new().silent(), "consent_required");
    let first_party = Case {
        is_first_party: true,
        ..new()
    };
    assert_eq!(first_party.next(), Ok(NextStep::IssueCode));
    for interactions in [
        Interactions {
            consent: true,
            ..Interactions::default()
        },
        Interactions {
            select_account: true,
            ..Interactions::default()
        },
    ] {
        assert_eq!(prompt(interactions).next(), Ok(NextStep::AskConsent));
    }
}

#[test]
fn public_client_on_the_device_is_never_answered_silently() {
    let native = |is_confidential| {
        with(|case| {
            case.request.redirect_uri = "http://127.0.0.1:49152/callback".to_owned();
            case.is_first_party = true;
            case.is_confidential = is_confidential;
        })
    };
    assert_eq!(native(true).next(), Ok(NextStep::IssueCode));
    assert_eq!(native(false).next(), Ok(NextStep::AskConsent));
    assert_eq!(native(false).silent(), "consent_required");
    let allowed = Case {
        asked: Some(login().sid),
        decision: Some(ConsentDecision::Allow),
        ..native(false)
    };
    assert_eq!(allowed.next(), Ok(NextStep::IssueCode));
}

#[test]
fn decision_counts_for_the_login_that_was_asked() {
    let decide = |asked, decision| {
        with(|case| {
            case.consented = Scopes::default();
            case.asked = asked;
            case.decision = Some(decision);
        })
        .next()
    };
    let (own, other) = (login().sid, Sid::from_bytes([2; 16]));
    let (allow, deny) = (ConsentDecision::Allow, ConsentDecision::Deny);
    assert_eq!(decide(Some(own), allow), Ok(NextStep::IssueCode));
    assert_eq!(decide(Some(own), deny), Err("access_denied"));
    for asked in [None, Some(other)] {
        assert_eq!(decide(asked, allow), Ok(NextStep::AskConsent));
        assert_eq!(decide(asked, deny), Ok(NextStep::AskConsent));
    }
}

#[test]
fn other_account_has_to_sign_in() {
    let expecting =
        |user| with(|case| case.request.expected_user = Some(UserId::from_bytes([user; 16])));
    assert_eq!(expecting(3).next(), Ok(NextStep::IssueCode));
    assert_eq!(expecting(4).next(), Ok(NextStep::SignIn));
    assert_eq!(expecting(4).silent(), "login_required");
}
