//! Domain types into messages.

use auth_proto::v1;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    account::User,
    audit::AuditRecord,
    authentication::SignedIn,
    id::Sid,
    key::{PublicKey, StoredSigningKey},
    login::{ClientKind, LoginRecord},
    oauth::{ClientAuthMethod, ClientToken, OauthClient},
    revocation::{Revocation, Revoked},
    token::{Claims, Issued},
};
use prost_types::{Duration, Timestamp};
use time::OffsetDateTime;

#[expect(
    clippy::needless_pass_by_value,
    reason = "the answer is all that is left of it"
)]
pub(super) fn user(user: User) -> v1::User {
    v1::User {
        id: user.id.to_string(),
        username: user.username.to_string(),
        admin: user.admin,
        disabled: user.disabled,
        created_at: Some(timestamp(user.created_at)),
        password_changed_at: Some(timestamp(user.password_changed_at)),
    }
}

pub(super) fn signed_in(signed_in: SignedIn) -> v1::LoginResponse {
    v1::LoginResponse {
        user: Some(user(signed_in.user)),
        sid: signed_in.sid.to_string(),
        login_expires_at: Some(timestamp(signed_in.expires_at)),
        login_ticket: signed_in.ticket,
        auth_time: Some(timestamp(signed_in.authenticated_at)),
        amr: amr(signed_in.amr),
        client_kind: client_kind(signed_in.client_kind).into(),
        epoch: signed_in.epoch,
    }
}

pub(super) fn password_changed(
    signed_in: SignedIn,
    revocation_sequence: i64,
) -> v1::ChangePasswordResponse {
    v1::ChangePasswordResponse {
        sid: signed_in.sid.to_string(),
        login_expires_at: Some(timestamp(signed_in.expires_at)),
        login_ticket: signed_in.ticket,
        auth_time: Some(timestamp(signed_in.authenticated_at)),
        amr: amr(signed_in.amr),
        epoch: signed_in.epoch,
        revocation_sequence,
    }
}

pub(super) fn reauthenticated(at: OffsetDateTime) -> v1::ReauthenticateResponse {
    v1::ReauthenticateResponse {
        auth_time: Some(timestamp(at)),
    }
}

pub(super) fn login(login: LoginRecord, current: Sid) -> v1::Login {
    v1::Login {
        current: login.sid == current,
        sid: login.sid.to_string(),
        client_kind: client_kind(login.client.kind).into(),
        ip_address: login
            .client
            .ip_address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        user_agent: login.client.user_agent.unwrap_or_default(),
        created_at: Some(timestamp(login.created_at)),
        auth_time: Some(timestamp(login.authenticated_at)),
        amr: login.amr,
        last_seen_at: Some(timestamp(login.last_seen_at)),
        expires_at: Some(timestamp(login.expires_at)),
        bound_at: login.bound_at.map(timestamp),
    }
}

pub(super) fn revocation(revocation: Revocation) -> v1::Revocation {
    v1::Revocation {
        sequence: revocation.sequence,
        revoked: Some(match revocation.revoked {
            Revoked::Token(jti) => v1::revocation::Revoked::Jti(jti.to_string()),
            Revoked::Login(sid) => v1::revocation::Revoked::Sid(sid.to_string()),
            Revoked::Client(id) => v1::revocation::Revoked::ClientId(id),
            Revoked::Key(kid) => v1::revocation::Revoked::Kid(kid),
        }),
        expires_at: Some(timestamp(revocation.expires_at)),
    }
}

pub(super) fn audit_event(record: AuditRecord) -> v1::AuditEvent {
    let AuditRecord { id, event } = record;
    let text = |id: Option<String>| id.unwrap_or_default();
    v1::AuditEvent {
        id: id.to_string(),
        at: Some(timestamp(event.at)),
        kind: event.kind.as_str().to_owned(),
        user_id: text(event.user.map(|id| id.to_string())),
        sid: text(event.sid.map(|id| id.to_string())),
        actor_id: text(event.actor.map(|id| id.to_string())),
        client_id: text(event.client.map(|id| id.to_string())),
        ip_address: text(event.origin.ip_address.map(|address| address.to_string())),
        user_agent: text(event.origin.user_agent),
        request_id: text(event.origin.request_id),
    }
}

pub(super) fn issued(issued: Issued) -> v1::IssueTokenResponse {
    v1::IssueTokenResponse {
        access_token: issued.access_token,
        token_type: token_type(issued.is_bound),
        expires_in: Some(seconds(issued.expires_in)),
        refresh_token: issued.refresh_token,
        scope: issued.scopes.to_string(),
        dpop_nonce: String::new(),
    }
}

pub(super) fn client_token(issued: ClientToken) -> v1::IssueTokenResponse {
    v1::IssueTokenResponse {
        access_token: issued.access_token,
        token_type: token_type(issued.is_bound),
        expires_in: Some(seconds(issued.expires_in)),
        scope: issued.scopes.to_string(),
        ..Default::default()
    }
}

fn token_type(is_bound: bool) -> String {
    if is_bound { "DPoP" } else { "Bearer" }.to_owned()
}

pub(super) fn introspected(token: Option<&Claims>) -> v1::IntrospectTokenResponse {
    v1::IntrospectTokenResponse {
        active: token.is_some(),
        claims: token.map(claims),
    }
}

pub(super) fn oauth_client(client: OauthClient) -> v1::OauthClient {
    let proof_kind = match client.registered {
        ClientAuthMethod::Public => v1::ClientProofKind::None,
        ClientAuthMethod::Secret(_) => v1::ClientProofKind::Secret,
        ClientAuthMethod::Key(_) => v1::ClientProofKind::Key,
    };
    v1::OauthClient {
        client_id: client.id.to_string(),
        proof_kind: proof_kind.into(),
        scope: client.scopes.to_string(),
        audiences: client.audiences,
        grant_types: client
            .grant_types
            .iter()
            .map(|one| one.as_str().to_owned())
            .collect(),
        dpop_required: client.dpop_required,
        disabled: client.disabled,
        created_at: Some(timestamp(client.created_at)),
    }
}

fn seconds(time: std::time::Duration) -> Duration {
    Duration {
        seconds: time.as_secs().try_into().unwrap_or(i64::MAX),
        nanos: 0,
    }
}

pub(super) fn claims(claims: &Claims) -> v1::AccessTokenClaims {
    let person = claims.person.as_ref();
    v1::AccessTokenClaims {
        issuer: claims.issuer.clone(),
        subject: claims.subject(),
        audience: claims.audience.clone(),
        client_id: claims.client_id.clone(),
        sid: person
            .map(|person| person.sid.to_string())
            .unwrap_or_default(),
        jti: claims.jti.to_string(),
        username: person
            .map(|person| person.username.to_string())
            .unwrap_or_default(),
        scope: claims.scopes.to_string(),
        issued_at: Some(timestamp(claims.issued_at)),
        expires_at: Some(timestamp(claims.expires_at)),
        auth_time: person.map(|person| timestamp(person.authenticated_at)),
        jkt: claims
            .key
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

pub(super) fn json_web_key(key: &StoredSigningKey) -> v1::JsonWebKey {
    let (kty, crv, x, y) = match &key.public_key {
        PublicKey::Ed25519 { x } => ("OKP", "Ed25519", base64url(x), String::new()),
        PublicKey::P256 { x, y } => ("EC", "P-256", base64url(x), base64url(y)),
    };
    v1::JsonWebKey {
        kid: key.kid.clone(),
        kty: kty.to_owned(),
        alg: key.public_key.algorithm().to_string(),
        r#use: "sig".to_owned(),
        crv: crv.to_owned(),
        x,
        y,
    }
}

const fn client_kind(kind: ClientKind) -> v1::ClientKind {
    match kind {
        ClientKind::Api => v1::ClientKind::Api,
        ClientKind::Browser => v1::ClientKind::Browser,
    }
}

fn amr(methods: &[&str]) -> Vec<String> {
    methods.iter().map(ToString::to_string).collect()
}

pub(super) fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: time.unix_timestamp(),
        nanos: time.nanosecond().try_into().unwrap_or_default(),
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
