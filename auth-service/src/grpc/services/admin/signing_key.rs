//! `RotateSigningKey`.

use auth_proto::v1::{ErrorReason, RotateSigningKeyRequest, RotateSigningKeyResponse};
use holdfast_identity::audit::AuditKind;
use tonic::{Request, Status};

use crate::grpc::{
    audit::AuditSubject,
    errors::{OrStatus as _, refuse},
    services::admin::AdminApi,
};

pub(super) async fn rotate(
    api: &AdminApi,
    request: Request<RotateSigningKeyRequest>,
) -> Result<RotateSigningKeyResponse, Status> {
    let (admin, source, _) = api.admin_call(request).await?;
    let kid = api.key_rotation.rotate().await.or_status()?;
    let kid = kid.ok_or_else(key_pending)?;
    let subject = AuditSubject::by(&admin);
    api.audit.record(AuditKind::KeyRotated, subject, source);
    Ok(RotateSigningKeyResponse { kid })
}

fn key_pending() -> Status {
    refuse(
        ErrorReason::KeyPending,
        "a key is published that does not sign yet; rotate again once it does",
    )
}
