//! `ListAuditEvents`.

use auth_proto::v1::{ListAuditEventsRequest, ListAuditEventsResponse};
use holdfast_identity::{audit::AuditQuery, error::Fault};
use tonic::{Request, Status};

use crate::grpc::{
    decode, encode,
    errors::OrStatus as _,
    services::admin::{AdminApi, page::PageSize},
};

pub(super) async fn list(
    api: &AdminApi,
    request: Request<ListAuditEventsRequest>,
) -> Result<ListAuditEventsResponse, Status> {
    api.admin(&request).await?;
    let message = request.into_inner();
    let size = PageSize::decode(message.page_size)?;
    let query = AuditQuery {
        user: decode::optional(message.user_id)
            .map(|id| decode::user_id("user_id", &id))
            .transpose()?,
        kind: decode::optional(message.kind)
            .map(|kind| decode::audit_kind(&kind))
            .transpose()?,
        before: decode::optional(message.page_token)
            .map(|token| decode::page_token(&token))
            .transpose()?,
        limit: size.limit(),
    };
    let events = api.audit.events(&query).await;
    let mut events = events.map_err(Fault::from).or_status()?;
    Ok(ListAuditEventsResponse {
        next_page_token: size.cut(&mut events, |event| event.id.to_string()),
        events: events.into_iter().map(encode::audit_event).collect(),
    })
}
