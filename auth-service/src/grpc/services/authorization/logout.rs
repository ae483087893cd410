//! `ExamineLogout`: a sign-out that a relying party asks for.

use auth_proto::v1::{ExamineLogoutRequest, ExamineLogoutResponse};
use holdfast_identity::oauth::LogoutRequest;
use tonic::{Request, Status};

use crate::grpc::{decode, errors::OrStatus as _, services::authorization::AuthorizationApi};

pub(super) async fn examine(
    api: &AuthorizationApi,
    request: Request<ExamineLogoutRequest>,
) -> Result<ExamineLogoutResponse, Status> {
    let message = request.into_inner();
    let id_token_hint = decode::optional(message.id_token_hint);
    let client = decode::optional(message.client_id);
    let redirect_uri = decode::optional(message.post_logout_redirect_uri);
    let session = decode::optional(message.refresh_token);
    let examined = api.identity.authorizations.examine_logout(LogoutRequest {
        id_token_hint: id_token_hint.as_deref(),
        client: client.as_deref(),
        redirect_uri: redirect_uri.as_deref(),
        session: session.as_deref(),
    });
    let examined = examined.await.or_status()?;
    let name = examined.client.map(|name| name.to_string());
    Ok(ExamineLogoutResponse {
        confirmed: examined.is_confirmed,
        client_name: name.unwrap_or_default(),
    })
}
