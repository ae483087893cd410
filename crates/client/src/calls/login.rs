//! A login that was started, and its end.

use auth_proto::v1::{LoginResponse, RevokeTokenRequest, auth_service_client::AuthServiceClient};
use holdfast_core::client_info::ClientInfo;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{DpopProof, encode_proof},
    client_info,
    error::AuthError,
    transport::response::{non_empty, time},
    transport::retry_policy::CHANGE,
};

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
    /// `acr`: the strength of the authentication, such as `aal1` (OpenID Connect Core §2); `None` from an older auth-service.
    pub acr: Option<String>,
    /// Epoch of auth-service's store that the login belongs to.
    pub epoch: String,
    /// Login ticket for one exchange, valid for 60 seconds.
    pub ticket: SecretString,
    /// The token of a browser that is trusted from now on, and the time until which it is accepted; `None` if it is not.
    pub trusted_browser: Option<(SecretString, OffsetDateTime)>,
}

impl AuthClient {
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

pub(super) fn decode(response: LoginResponse) -> Result<(Person, Login), AuthError> {
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
        acr: non_empty(response.acr),
        epoch: response.epoch,
        ticket: response.login_ticket.into(),
        trusted_browser: match non_empty(response.trusted_browser) {
            Some(token) => Some((token.into(), time(response.trusted_browser_expires_at)?)),
            None => None,
        },
    };
    Ok((person, login))
}
