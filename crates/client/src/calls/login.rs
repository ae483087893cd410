//! The start and the end of a login.

use auth_proto::{
    SIGN_IN_FORM,
    v1::{LoginRequest, LoginResponse, RevokeTokenRequest, auth_service_client::AuthServiceClient},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{DpopProof, encode_proof},
    client_info,
    error::AuthError,
    transport::response::time,
    transport::retry_policy::{CHANGE, PASSWORD},
};

/// auth-service treated the login as one of another caller than web-service: it did not accept the service identity.
const IDENTITY_NOT_ACCEPTED: &str = "auth-service does not know this service; check the service secret, or the name in the client certificate";

/// The owner of an account.
#[derive(Clone, Debug)]
pub struct Person {
    /// `sub`: identifier of the account, which never changes.
    pub user_id: String,
    /// Name that the account signs in with.
    pub username: String,
}

/// A login that was just started.
#[derive(Debug)]
pub struct Login {
    /// `sid`: identifier of the login.
    pub sid: String,
    /// Time at which the login ends at the latest.
    pub expires_at: OffsetDateTime,
    /// `auth_time`: time of the authentication.
    pub authenticated_at: OffsetDateTime,
    /// `amr`: the factors of the authentication (RFC 8176).
    pub amr: Vec<String>,
    /// Epoch of auth-service's store that the login belongs to.
    pub epoch: String,
    /// Login ticket for one exchange, valid for 60 seconds.
    pub ticket: SecretString,
}

impl AuthClient {
    /// Verifies username and password and starts a login. Calls with the same `form`, the identifier of a sign-in form, start one
    /// login within a minute.
    pub async fn login(
        &self,
        username: &str,
        password: &SecretString,
        form: Option<&[u8; 16]>,
        client: &ClientInfo,
    ) -> Result<(Person, Login), AuthError> {
        let form = form.and_then(|form| URL_SAFE_NO_PAD.encode(form).parse().ok());
        let call = async |channel| {
            let mut request = self.request(LoginRequest {
                username: username.to_owned(),
                password: password.expose_secret().to_owned(),
                client: Some(client_info::encode(client)),
            });
            if let Some(form) = form.clone() {
                request.metadata_mut().insert(SIGN_IN_FORM, form);
            }
            AuthServiceClient::new(channel).login(request).await
        };
        let response = self.call(PASSWORD, call).await?;
        if response.client_kind() != client_info::encode_kind(client.kind) {
            self.end_login(&response.login_ticket, None, client).await?;
            return Err(AuthError::Broken(IDENTITY_NOT_ACCEPTED.to_owned()));
        }
        decode(response)
    }

    /// Ends the login that an access token, a refresh token or a login ticket belongs to. The proof of a bound access token is
    /// required unless [`validate`](Self::validate) accepted it already.
    pub async fn end_login(
        &self,
        token: &str,
        proof: Option<&DpopProof>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let call = async |channel| {
            let request = self.request(RevokeTokenRequest {
                token: token.to_owned(),
                end_login: true,
                client: Some(client_info::encode(client)),
                client_credentials: None,
                dpop: proof.map(encode_proof),
            });
            AuthServiceClient::new(channel).revoke_token(request).await
        };
        self.revoke_by(CHANGE, call).await?;
        Ok(())
    }
}

fn decode(response: LoginResponse) -> Result<(Person, Login), AuthError> {
    let user = response.user.ok_or_else(AuthError::incomplete)?;
    let person = Person {
        user_id: user.id,
        username: user.username,
    };
    let login = Login {
        sid: response.sid,
        expires_at: time(response.login_expires_at)?,
        authenticated_at: time(response.auth_time)?,
        amr: response.amr,
        epoch: response.epoch,
        ticket: response.login_ticket.into(),
    };
    Ok((person, login))
}
