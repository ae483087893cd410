//! OAuth clients: registration, client authentication, and their tokens.

mod client_assertion;
mod client_credentials;
mod client_keys;
mod introspect_token;
mod registration;
mod revoke_token;

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, IntrospectTokenRequest,
    IntrospectTokenResponse, IssueTokenRequest, IssueTokenResponse, client_credentials::Proof,
    issue_token_request::Grant,
};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tonic::Status;

use crate::support::{TestService, bearer};

const AUDIENCE: &str = "https://api.example";

/// A service, and an access token of an administrator.
struct Fixture {
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

impl Fixture {
    async fn start() -> Self {
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

    /// Registers an OAuth client with a secret; returns its credentials.
    async fn client(&self, id: &str) -> ClientCredentials {
        let secret = self.try_register(id, ClientProofKind::Secret, "").await;
        with_secret(id, &secret.unwrap())
    }

    async fn try_issue(
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

/// The key of an OAuth client, which signs assertions.
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
