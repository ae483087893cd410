//! `RotateSigningKey`.

use auth_proto::v1::{ErrorReason, RotateSigningKeyRequest, RotateSigningKeyResponse};
use tonic::{Request, Status};

use crate::grpc::{
    errors::{OrStatus as _, refuse},
    services::admin::AdminApi,
};

pub(super) async fn rotate(
    api: &AdminApi,
    request: Request<RotateSigningKeyRequest>,
) -> Result<RotateSigningKeyResponse, Status> {
    let (context, _) = api.admin_call(request).await?;
    let kid = api.key_rotation.rotate(&context).await.or_status()?;
    let kid = kid.ok_or_else(key_pending)?;
    Ok(RotateSigningKeyResponse { kid })
}

fn key_pending() -> Status {
    refuse(
        ErrorReason::KeyPending,
        "a key is published that does not sign yet; rotate again once it does",
    )
}
