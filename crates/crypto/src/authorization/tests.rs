use std::time::Duration;

use holdfast_identity::{
    authentication::AssuranceLevel,
    id::{GrantId, Sid, UserId},
};

use super::*;

const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn sealer(byte: u8) -> AuthorizationSealer {
    AuthorizationSealer::new(&Zeroizing::new(vec![byte; 32]))
}

fn code() -> AuthorizationCode {
    AuthorizationCode {
        grant: GrantId::from_random_bytes([1; 16]),
        sid: Sid::from_random_bytes([2; 16]),
        client: "app".parse().unwrap(),
        redirect_uri: "https://app.example/callback".to_owned(),
        code_challenge: CHALLENGE.parse().unwrap(),
        nonce: Some("n".to_owned()),
        scopes: "openid".parse().unwrap(),
        audience: "https://api.example".to_owned(),
        key: THUMBPRINT.parse().ok(),
        consented: "openid profile".parse().unwrap(),
        expires_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn flow() -> AuthorizationFlow {
    AuthorizationFlow {
        client: "app".parse().unwrap(),
        request: AuthorizationRequest {
            redirect_uri: "https://app.example/callback".to_owned(),
            response_mode: ResponseMode::FormPost,
            state: Some("s".to_owned()),
            scopes: "openid".parse().unwrap(),
            nonce: Some("n".to_owned()),
            code_challenge: CHALLENGE.parse().unwrap(),
            prompt: Prompt::Of(Interactions {
                login: true,
                consent: false,
                select_account: true,
            }),
            max_age: Some(Duration::from_secs(7)),
            min_level: Some(AssuranceLevel::Aal2),
            login_hint: Some("ada".to_owned()),
            expected_user: Some(UserId::from_random_bytes([3; 16])),
            audience: Some("https://api.example".to_owned()),
            key: THUMBPRINT.parse().ok(),
        },
        progress: Some(FlowProgress {
            before: Some(Authentication {
                sid: Sid::from_random_bytes([2; 16]),
                at: OffsetDateTime::UNIX_EPOCH + Duration::from_millis(1_234_567),
            }),
            started_at: OffsetDateTime::UNIX_EPOCH + Duration::from_millis(2_345_678),
            asked: Some(Sid::from_random_bytes([4; 16])),
        }),
        expires_at: OffsetDateTime::UNIX_EPOCH,
    }
}

#[test]
fn code_and_flow_keep_their_content() {
    assert_eq!(
        sealer(1).open_code(&sealer(1).seal_code(&code())),
        Some(code())
    );
    let minimal = AuthorizationCode {
        nonce: None,
        key: None,
        ..code()
    };
    let text = sealer(1).seal_code(&minimal);
    assert_eq!(sealer(1).open_code(&text), Some(minimal));
    assert_eq!(
        sealer(1).open_flow(&sealer(1).seal_flow(&flow())),
        Some(flow())
    );
    let mut pushed = flow();
    pushed.progress = None;
    pushed.request.prompt = Prompt::None;
    let text = sealer(1).seal_flow(&pushed);
    assert_eq!(sealer(1).open_flow(&text), Some(pushed));
}

#[test]
fn text_opens_under_its_key_and_as_its_kind_only() {
    let (code, flow) = (sealer(1).seal_code(&code()), sealer(1).seal_flow(&flow()));
    assert!(code.starts_with("hfc_") && flow.starts_with("hfz_"));
    assert!(!code.contains("app") && !flow.contains("ada"));
    assert_eq!(sealer(2).open_code(&code), None);
    assert_eq!(sealer(2).open_flow(&flow), None);
    assert_eq!(sealer(1).open_code(&flow.replace("hfz_", "hfc_")), None);
    assert_eq!(sealer(1).open_flow(&code.replace("hfc_", "hfz_")), None);
}

#[test]
fn changed_text_is_refused() {
    let text = sealer(1).seal_code(&code());
    for index in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(sealer(1).open_code(&changed), None, "{index}");
    }
}

#[test]
fn verifier_has_the_challenge_of_its_hash() {
    let (challenge, verifier) = (CHALLENGE.parse().unwrap(), VERIFIER.parse().unwrap());
    assert!(sealer(1).has_verifier(&challenge, &verifier));
    let other = "a".repeat(43).parse().unwrap();
    assert!(!sealer(1).has_verifier(&challenge, &other));
}
