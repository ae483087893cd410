use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, DisableClientRequest,
    IntrospectTokenRequest, IntrospectTokenResponse, IssueTokenRequest, IssueTokenResponse,
    ListClientsRequest, RevokeTokenRequest, RotateClientSecretRequest, client_credentials::Proof,
    issue_token_request::Grant,
};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use service_kit::system::Clock as _;
use tonic::{Code, Status};

use crate::support::{ISSUER, TestService, assert_refused, bearer, minutes, until};

const AUDIENCE: &str = "https://api.example";

struct World {
    service: TestService,
    admin: String,
}

fn with_secret(id: &str, secret: &str) -> ClientCredentials {
    ClientCredentials {
        client_id: id.to_owned(),
        proof: Some(Proof::ClientSecret(secret.to_owned())),
    }
}

fn first_party() -> ClientCredentials {
    ClientCredentials {
        client_id: "first-party".to_owned(),
        proof: None,
    }
}

impl World {
    async fn begin() -> Self {
        let service = TestService::start().await;
        let admin = service.admin_token().await;
        Self { service, admin }
    }

    async fn try_register(
        &self,
        id: &str,
        kind: ClientProofKind,
        jwk: &str,
    ) -> Result<String, Status> {
        let request = CreateClientRequest {
            client_id: id.to_owned(),
            proof_kind: kind.into(),
            jwk: jwk.to_owned(),
            scope: "orders:read orders:write".to_owned(),
            audiences: vec![AUDIENCE.to_owned(), "https://orders.example".to_owned()],
            ..Default::default()
        };
        let request = bearer(request, &self.admin);
        let created = self.service.admin().create_client(request).await?;
        Ok(created.into_inner().client_secret)
    }

    /// A client with a secret.
    async fn client(&self, id: &str) -> ClientCredentials {
        let secret = self.try_register(id, ClientProofKind::Secret, "").await;
        with_secret(id, &secret.unwrap())
    }

    async fn try_token(
        &self,
        client: &ClientCredentials,
        scope: &str,
    ) -> Result<IssueTokenResponse, Status> {
        let request = IssueTokenRequest {
            grant: Some(Grant::ClientCredentials(client.clone())),
            scope: scope.to_owned(),
            ..Default::default()
        };
        self.service.try_issue(request).await
    }

    async fn introspect(
        &self,
        client: &ClientCredentials,
        token: &str,
    ) -> Result<IntrospectTokenResponse, Status> {
        let request = IntrospectTokenRequest {
            token: token.to_owned(),
            client_credentials: Some(client.clone()),
        };
        let answer = self.service.auth().introspect_token(request).await?;
        Ok(answer.into_inner())
    }
}

#[tokio::test]
async fn a_client_has_tokens_in_its_own_name_and_no_more_than_it_was_granted() {
    let world = World::begin().await;
    let orders = world.client("orders").await;
    let issued = world.try_token(&orders, "orders:read").await.unwrap();
    assert_eq!(
        (issued.scope.as_str(), issued.refresh_token.as_str()),
        ("orders:read", "")
    );
    let claims = world
        .service
        .try_validate(&issued.access_token)
        .await
        .unwrap();
    assert_eq!(
        (claims.subject.as_str(), claims.client_id.as_str()),
        ("orders", "orders")
    );
    assert!(claims.sid.is_empty() && claims.username.is_empty() && claims.auth_time.is_none());
    let all = world.try_token(&orders, "").await.unwrap();
    assert_eq!(all.scope, "orders:read orders:write");

    for scope in ["orders:delete", "admin", "account", "profile"] {
        let refused = world.try_token(&orders, scope).await;
        assert_refused(refused, Code::InvalidArgument, "INVALID_SCOPE");
    }
    let account = world.service.account();
    let request = bearer(auth_proto::v1::GetAccountRequest {}, &issued.access_token);
    let refused = { account }.get_account(request).await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn who_cannot_prove_who_they_are_gets_nothing() {
    let world = World::begin().await;
    let orders = world.client("orders").await;
    let public = world
        .try_register("app", ClientProofKind::None, "")
        .await
        .unwrap();
    assert_eq!(public, "");
    for stranger in [
        with_secret("orders", "hfs_guessed"),
        with_secret("orders", ""),
        with_secret("nobody", "hfs_guessed"),
        with_secret("a b", "x"),
        ClientCredentials {
            proof: None,
            ..orders.clone()
        },
        ClientCredentials::default(),
    ] {
        let refused = world.try_token(&stranger, "").await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
        assert_refused(
            world.introspect(&stranger, "x").await,
            Code::Unauthenticated,
            "INVALID_CLIENT",
        );
    }
    for public in ["app", "first-party"] {
        let public = ClientCredentials {
            client_id: public.to_owned(),
            proof: None,
        };
        let refused = world.try_token(&public, "").await;
        assert_refused(refused, Code::PermissionDenied, "UNAUTHORIZED_CLIENT");
    }
}

#[tokio::test]
async fn a_new_secret_replaces_the_old_one_and_the_end_of_a_client_kills_its_tokens() {
    let world = World::begin().await;
    let old = world.client("orders").await;
    let token = world.try_token(&old, "").await.unwrap().access_token;
    let other = world.client("other").await;
    let others = world.try_token(&other, "").await.unwrap().access_token;
    let request = RotateClientSecretRequest {
        client_id: "orders".to_owned(),
    };
    let rotated = world
        .service
        .admin()
        .rotate_client_secret(bearer(request, &world.admin))
        .await;
    let new = with_secret("orders", &rotated.unwrap().into_inner().client_secret);
    assert_refused(
        world.try_token(&old, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    assert!(world.try_token(&new, "").await.is_ok());
    assert!(world.service.try_validate(&token).await.is_ok());

    let disable = |id: &str| {
        bearer(
            DisableClientRequest {
                client_id: id.to_owned(),
            },
            &world.admin,
        )
    };
    world
        .service
        .admin()
        .disable_client(disable("orders"))
        .await
        .unwrap();
    assert_refused(
        world.try_token(&new, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    assert_refused(
        world.service.try_validate(&token).await,
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
    assert!(world.service.try_validate(&others).await.is_ok());
    let first_party = world
        .service
        .admin()
        .disable_client(disable("first-party"))
        .await;
    assert_refused(first_party, Code::InvalidArgument, "INVALID_REQUEST");
    let listed = world
        .service
        .admin()
        .list_clients(bearer(ListClientsRequest {}, &world.admin))
        .await;
    let listed = listed.unwrap().into_inner().clients;
    let names: Vec<_> = listed
        .iter()
        .map(|one| (one.client_id.as_str(), one.disabled))
        .collect();
    assert_eq!(
        names,
        [("first-party", false), ("orders", true), ("other", false)]
    );
}

#[tokio::test]
async fn names_are_taken_once_and_scopes_of_people_are_not_for_clients() {
    let world = World::begin().await;
    world.client("orders").await;
    for taken in ["orders", "first-party"] {
        let refused = world.try_register(taken, ClientProofKind::Secret, "").await;
        assert_refused(refused, Code::AlreadyExists, "CLIENT_ID_TAKEN");
    }
    let request = CreateClientRequest {
        client_id: "evil".to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        scope: "orders:read admin".to_owned(),
        ..Default::default()
    };
    let refused = world
        .service
        .admin()
        .create_client(bearer(request, &world.admin))
        .await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    let refused = world
        .try_register(
            "k",
            ClientProofKind::Key,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
        )
        .await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
}

/// A key of the client's own, and what it signs.
struct Signer {
    key: EncodingKey,
    jwk: String,
}

impl Signer {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let x = base64::Engine::encode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            pair.public_key_raw(),
        );
        Self {
            key: EncodingKey::from_ed_der(&pair.serialize_der()),
            jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": x}).to_string(),
        }
    }

    fn sign(&self, claims: &Value) -> ClientCredentials {
        let header = Header::new(jsonwebtoken::Algorithm::EdDSA);
        let jwt = jsonwebtoken::encode(&header, claims, &self.key).unwrap();
        ClientCredentials {
            client_id: String::new(),
            proof: Some(Proof::ClientAssertion(jwt)),
        }
    }
}

#[tokio::test]
async fn a_signed_assertion_is_good_once_for_us_and_for_five_minutes() {
    let world = World::begin().await;
    let signer = Signer::new();
    world
        .try_register("signer", ClientProofKind::Key, &signer.jwk)
        .await
        .unwrap();
    let now = world.service.clock.now().unix_timestamp();
    let claims = |jti: &str| json!({"iss": "signer", "sub": "signer", "aud": format!("{ISSUER}/oauth2/token"), "exp": now + 60, "jti": jti});
    let good = signer.sign(&claims("1"));
    assert!(world.try_token(&good, "").await.is_ok());
    assert_refused(
        world.try_token(&good, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    let mut for_issuer = claims("2");
    for_issuer["aud"] = json!(["https://other.example", ISSUER]);
    assert!(world.try_token(&signer.sign(&for_issuer), "").await.is_ok());

    for (name, value) in [
        ("aud", json!("https://other.example")),
        ("sub", json!("somebody")),
        ("iss", json!("first-party")),
        ("exp", json!(now - 60)),
        ("exp", json!(now + 3600)),
        ("exp", json!(253_402_300_799_i64)),
        ("nbf", json!(now + 60)),
        ("jti", Value::Null),
    ] {
        let mut wrong = claims(&format!("{name}{value}"));
        wrong[name] = value;
        let refused = world.try_token(&signer.sign(&wrong), "").await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
    }
    let forged = Signer::new().sign(&claims("3"));
    assert_refused(
        world.try_token(&forged, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    let none = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJzaWduZXIifQ.";
    let unsigned = ClientCredentials {
        client_id: "signer".to_owned(),
        proof: Some(Proof::ClientAssertion(none.to_owned())),
    };
    assert_refused(
        world.try_token(&unsigned, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
}

#[tokio::test]
async fn introspection_tells_who_may_know() {
    let world = World::begin().await;
    world.service.add_user("ada", false).await;
    let (orders, elsewhere) = (
        world.client("orders").await,
        world.client("elsewhere").await,
    );
    let own = world.try_token(&orders, "").await.unwrap().access_token;
    let told = world.introspect(&orders, &own).await.unwrap();
    assert!(told.active && !told.is_refresh_token);
    assert_eq!(told.claims.unwrap().subject, "orders");

    // It is for an audience of theirs, too.
    assert!(world.introspect(&elsewhere, &own).await.unwrap().active);
    let person = world.service.tokens("ada", "profile").await;
    let told = world
        .introspect(&orders, &person.access_token)
        .await
        .unwrap();
    assert_eq!(told.claims.unwrap().username, "ada");
    let told = world
        .introspect(&first_party(), &person.refresh_token)
        .await
        .unwrap();
    assert!(told.active && told.is_refresh_token);
    for (client, token) in [
        (&orders, person.refresh_token.as_str()),
        (&orders, "junk"),
        (&first_party(), "hfr_junk"),
    ] {
        let told = world.introspect(client, token).await;
        assert!(told.is_err() || told.unwrap() == IntrospectTokenResponse::default());
    }

    world.service.revoke(&person.access_token).await;
    let told = world
        .introspect(&orders, &person.access_token)
        .await
        .unwrap();
    assert_eq!(
        told,
        IntrospectTokenResponse::default(),
        "nothing else is said"
    );
    world.service.clock.advance(minutes(16));
    assert!(!world.introspect(&orders, &own).await.unwrap().active);
}

#[tokio::test]
async fn nobody_ends_the_token_of_another_client() {
    let world = World::begin().await;
    let (orders, other) = (world.client("orders").await, world.client("other").await);
    let token = world.try_token(&orders, "").await.unwrap().access_token;
    let revoke = async |client: &ClientCredentials, token: &str| {
        let request = RevokeTokenRequest {
            token: token.to_owned(),
            client_credentials: Some(client.clone()),
            ..Default::default()
        };
        world.service.auth().revoke_token(request).await
    };
    assert_refused(
        revoke(&other, &token).await,
        Code::PermissionDenied,
        "UNAUTHORIZED_CLIENT",
    );
    assert_refused(
        revoke(&first_party(), &token).await,
        Code::PermissionDenied,
        "UNAUTHORIZED_CLIENT",
    );
    assert!(world.service.try_validate(&token).await.is_ok());
    assert!(revoke(&other, "no token at all").await.is_ok());
    revoke(&orders, &token).await.unwrap();
    assert_refused(
        world.service.try_validate(&token).await,
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
}

#[tokio::test]
async fn what_clients_do_is_in_the_audit_trail_and_their_secrets_are_not() {
    let world = World::begin().await;
    let orders = world.client("orders").await;
    world.try_token(&orders, "").await.unwrap();
    assert!(
        world
            .try_token(&with_secret("orders", "hfs_guessed"), "")
            .await
            .is_err()
    );
    let events = until("the trail", async || {
        let request = bearer(
            auth_proto::v1::ListAuditEventsRequest::default(),
            &world.admin,
        );
        let listed = world
            .service
            .admin()
            .list_audit_events(request)
            .await
            .unwrap();
        let events = listed.into_inner().events;
        (events
            .iter()
            .filter(|event| event.client_id == "orders")
            .count()
            == 3)
            .then_some(events)
    })
    .await;
    let kinds: Vec<_> = events
        .iter()
        .filter(|event| event.client_id == "orders")
        .map(|event| event.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        ["CLIENT_REFUSED", "CLIENT_TOKEN_ISSUED", "CLIENT_CREATED"]
    );
    assert!(!format!("{events:?}").contains("hfs_"));
}
