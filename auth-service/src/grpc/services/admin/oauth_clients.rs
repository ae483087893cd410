//! OAuth clients: `CreateClient`, `ListClients`, `DisableClient`, `RotateClientSecret`.

use auth_proto::v1::{
    CreateClientRequest, CreateClientResponse, DisableClientRequest, DisableClientResponse,
    ListClientsRequest, ListClientsResponse, RotateClientSecretRequest, RotateClientSecretResponse,
};
use holdfast_identity::{key::Algorithm, oauth::NewClient};
use secrecy::ExposeSecret as _;
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::admin::AdminApi};

pub(super) async fn create(
    api: &AdminApi,
    request: Request<CreateClientRequest>,
) -> Result<CreateClientResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let new = new_client(message, api.clients.default_id_token_algorithm())?;
    let (client, secret) = api.clients.register(new, &context).await.or_status()?;
    Ok(CreateClientResponse {
        client: Some(encode::oauth_client(client)),
        client_secret: secret
            .map(|secret| secret.expose_secret().to_owned())
            .unwrap_or_default(),
    })
}

fn new_client(message: CreateClientRequest, default: Algorithm) -> Result<NewClient, Status> {
    Ok(NewClient {
        id: decode::client_id(&message.client_id)?,
        auth_method: decode::auth_method(message.proof_kind(), message.jwk)?,
        scopes: decode::scopes(&message.scope)?,
        audiences: message.audiences,
        introspection_only: message.introspection_only,
        dpop_required: message.dpop_required,
        relying_party: message
            .relying_party
            .map(|party| decode::relying_party(party, default))
            .transpose()?,
    })
}

pub(super) async fn list(
    api: &AdminApi,
    request: Request<ListClientsRequest>,
) -> Result<ListClientsResponse, Status> {
    api.admin(&request).await?;
    let clients = api.clients.list().await.or_status()?.into_iter();
    Ok(ListClientsResponse {
        clients: clients.map(encode::oauth_client).collect(),
    })
}

pub(super) async fn disable(
    api: &AdminApi,
    request: Request<DisableClientRequest>,
) -> Result<DisableClientResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::client_id(&message.client_id)?;
    api.clients.disable(&id, &context).await.or_status()?;
    Ok(DisableClientResponse {})
}

pub(super) async fn rotate_secret(
    api: &AdminApi,
    request: Request<RotateClientSecretRequest>,
) -> Result<RotateClientSecretResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::client_id(&message.client_id)?;
    let secret = api.clients.rotate_secret(&id, &context).await.or_status()?;
    Ok(RotateClientSecretResponse {
        client_secret: secret.expose_secret().to_owned(),
    })
}
