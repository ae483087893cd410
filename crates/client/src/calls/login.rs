//! What web-service asks of auth-service.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::device_report::DeviceReport;
pub use crate::error::{AuthError, Refusal, RefusalKind};

/// auth-service as who judges access tokens.
#[async_trait]
pub trait TokenValidation: Send + Sync {
    /// Judges an access token that must be for `audience`, where it is not empty, and have all of these scopes.
    async fn validate(
        &self,
        access_token: &str,
        proof: Option<&DpopProof>,
        audience: &str,
        scopes: &[&str],
    ) -> Result<Claims, AuthError>;
}

/// auth-service, as far as this service needs it otherwise.
#[async_trait]
pub trait AuthService: Send + Sync {
    /// Checks a name and a password and starts a login. What the same `form` started within the last minute is not started again.
    async fn login(
        &self,
        username: &str,
        password: &SecretString,
        form: Option<&[u8; 16]>,
        client: &ClientInfo,
    ) -> Result<(Person, Login), AuthError>;

    /// Exchanges a ticket or a refresh token for an access token with these scopes.
    async fn issue_token(
        &self,
        grant: Grant<'_>,
        scope: &str,
        holder: Holder<'_>,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError>;

    /// Ends the login that a token belongs to. Of an access token that is valid and bound to a key the proof was checked; one
    /// that has expired is handed on with the proof that came with it.
    async fn end_login(
        &self,
        token: &str,
        proof: Option<&DpopProof>,
        client: &ClientInfo,
    ) -> Result<(), AuthError>;

    /// Notes what became of the device of a browser's login.
    async fn report_device(&self, report: &DeviceReport) -> Result<(), AuthError>;

    /// The account of the person who is acted for.
    async fn account(&self, authorization: &Authorization) -> Result<Account, AuthError>;

    /// Notes that the person proved again who they are; gives when.
    async fn reauthenticate(
        &self,
        authorization: &Authorization,
        password: &SecretString,
        client: &ClientInfo,
    ) -> Result<OffsetDateTime, AuthError>;

    /// Replaces that person's password, ends all of their logins, and starts a new one.
    async fn change_password(
        &self,
        authorization: &Authorization,
        change: PasswordChange<'_>,
        client: &ClientInfo,
    ) -> Result<Login, AuthError>;

    /// That person's logins that live, the one last seen first.
    async fn logins(&self, authorization: &Authorization) -> Result<Vec<LoginRecord>, AuthError>;

    /// Ends one of them.
    async fn end_login_by_id(
        &self,
        authorization: &Authorization,
        sid: &str,
        client: &ClientInfo,
    ) -> Result<(), AuthError>;

    /// Ends all of them but the one through which they ask.
    async fn end_other_logins(
        &self,
        authorization: &Authorization,
        client: &ClientInfo,
    ) -> Result<(), AuthError>;

    /// A token for a client in its own name.
    async fn issue_to_client(
        &self,
        client: &ClientCredentials,
        audience: &str,
        scope: &str,
        proof: Option<&DpopProof>,
    ) -> Result<Tokens, AuthError>;

    /// What a token is worth, for a client that may know; `None` where it is worth nothing.
    async fn introspect(
        &self,
        client: &ClientCredentials,
        token: &str,
    ) -> Result<Option<Introspection>, AuthError>;

    /// Ends an access token alone, or the login of a refresh token; of the OAuth client's, where one is named.
    async fn revoke(
        &self,
        credentials: Option<&ClientCredentials>,
        token: &str,
        proof: Option<&DpopProof>,
        client: &ClientInfo,
    ) -> Result<(), AuthError>;

    /// The public keys that verify access tokens, and who signs them.
    async fn jwks(&self) -> Result<Jwks, AuthError>;
}

/// What keeps the tokens of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// The client itself.
    Api,
    /// This service, in the sealed session record.
    Browser,
}

/// Who keeps the tokens that are issued.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// A program, and where its request came from.
    Program(&'a ClientInfo),
    /// This service, for a browser.
    Browser,
}

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// What keeps the tokens.
    pub kind: ClientKind,
    /// The address.
    pub ip_address: IpAddr,
    /// The `User-Agent`, or nothing.
    pub user_agent: String,
    /// What this service knows the browser by, whoever signs in with it.
    pub device: Option<DeviceId>,
}

/// A browser that somebody signed in with before, from its signed cookie.
pub type DeviceId = [u8; 16];

/// Who somebody is.
#[derive(Clone, Debug)]
pub struct Person {
    /// The stable identifier.
    pub user_id: String,
    /// The name.
    pub username: String,
}

/// A login that just began.
#[derive(Debug)]
pub struct Login {
    /// Its identifier.
    pub sid: String,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
    /// When the person proved who they are.
    pub authenticated_at: OffsetDateTime,
    /// How they proved it.
    pub amr: Vec<String>,
    /// The history of auth-service's store that it is part of.
    pub epoch: String,
    /// For one exchange.
    pub ticket: SecretString,
}

/// What entitles to a token.
#[derive(Debug)]
pub enum Grant<'a> {
    /// From a sign-in.
    LoginTicket(&'a SecretString),
    /// From an earlier exchange.
    RefreshToken(&'a SecretString),
}

/// What an exchange gives.
#[derive(Debug)]
pub struct Tokens {
    /// The JWT.
    pub access_token: SecretString,
    /// How it is presented.
    pub token_type: String,
    /// How long it is valid.
    pub expires_in: Duration,
    /// The refresh token from now on.
    pub refresh_token: SecretString,
    /// What was granted.
    pub scope: String,
    /// For the next proof of a key; empty where there was none.
    pub dpop_nonce: String,
}

/// What a valid access token says.
#[derive(Debug)]
pub struct Claims {
    /// The person's name.
    pub username: String,
    /// `sub`.
    pub subject: String,
    /// `sid`; empty for a client in its own name.
    pub sid: String,
    /// `jti`.
    pub jti: String,
    /// `client_id`.
    pub client_id: String,
    /// `scope`.
    pub scope: String,
    /// `exp`.
    pub expires_at: OffsetDateTime,
    /// When the person proved who they are; a client in its own name is no person.
    pub authenticated_at: Option<OffsetDateTime>,
    /// For the next proof of a key; empty where there was none.
    pub dpop_nonce: String,
}

/// A proof that whoever presents a token has the key that it is bound to, and the request that it came with (RFC 9449).
#[derive(Clone, Debug)]
pub struct DpopProof {
    /// The JWT.
    pub jwt: String,
    /// The request's method.
    pub method: String,
    /// Its URL.
    pub uri: String,
}

/// What acts for a person.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// Their access token.
    pub access_token: SecretString,
    /// What came with it, where it was not presented as one for its bearer.
    pub proof: Option<DpopProof>,
}

/// A person's account.
#[derive(Debug)]
pub struct Account {
    /// The name.
    pub username: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When its password was last set.
    pub password_changed_at: OffsetDateTime,
}

/// A login as its owner sees it.
#[derive(Debug)]
pub struct LoginRecord {
    /// Its identifier.
    pub sid: String,
    /// What keeps its tokens.
    pub kind: ClientKind,
    /// The address that it began from; empty when unknown.
    pub ip_address: String,
    /// What the client called itself; empty when it did not.
    pub user_agent: String,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When the person proved who they are.
    pub authenticated_at: OffsetDateTime,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
    /// When it was last used, to the minute.
    pub last_seen_at: OffsetDateTime,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
    /// Since when it is bound to its browser's device.
    pub bound_at: Option<OffsetDateTime>,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// The password so far and the one wanted.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// So far.
    pub current: &'a SecretString,
    /// Wanted.
    pub new: &'a SecretString,
}

/// Who an OAuth client says to be, and its proof.
#[derive(Debug)]
pub struct ClientCredentials {
    /// `client_id`; empty where an assertion says it.
    pub id: String,
    /// The proof.
    pub proof: ClientProof,
}

/// How an OAuth client proves who it is (RFC 6749 §2.3, RFC 7523).
#[derive(Debug)]
pub enum ClientProof {
    /// It is public.
    None,
    /// By its secret.
    Secret(SecretString),
    /// By a JWT that it signed.
    Assertion(SecretString),
}

/// What a good token says (RFC 7662 §2.2). Texts are empty and times missing where it does not say.
#[derive(Debug)]
pub struct Introspection {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub audience: String,
    /// `client_id`.
    pub client_id: String,
    /// `sid`.
    pub sid: String,
    /// `jti`.
    pub jti: String,
    /// `cnf.jkt`.
    pub jkt: String,
    /// The person's name.
    pub username: String,
    /// `scope`.
    pub scope: String,
    /// `iat`.
    pub issued_at: Option<OffsetDateTime>,
    /// `exp`.
    pub expires_at: Option<OffsetDateTime>,
    /// When the person proved who they are.
    pub authenticated_at: Option<OffsetDateTime>,
}

/// The public keys, and who signs with them.
#[derive(Debug)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Jwk>,
    /// `iss` of every token.
    pub issuer: String,
}

/// A public key in JWK form.
#[derive(Debug)]
pub struct Jwk {
    /// `kid`.
    pub kid: String,
    /// `kty`.
    pub kty: String,
    /// `alg`.
    pub alg: String,
    /// `use`.
    pub usage: String,
    /// `crv`.
    pub crv: String,
    /// `x`.
    pub x: String,
    /// `y`, where the curve has one.
    pub y: Option<String>,
}
