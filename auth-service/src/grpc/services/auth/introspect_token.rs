//! `IntrospectToken`: token introspection by an OAuth client (RFC 7662).

use auth_proto::v1::{IntrospectTokenRequest, IntrospectTokenResponse};
use holdfast_identity::{
    audit::{AuditKind, RequestSource},
    oauth::ClientCredentials,
    token::IntrospectError,
};
use tonic::{Request, Status};

use crate::grpc::{
    audit::AuditSubject, call_context::source_of_call, decode, encode, errors::OrStatus as _,
    services::auth::AuthApi,
};

pub(super) async fn introspect_token(
    api: &AuthApi,
    request: Request<IntrospectTokenRequest>,
) -> Result<IntrospectTokenResponse, Status> {
    let source = source_of_call(&request, &api.service_identity);
    let message = request.into_inner();
    let client = decode::client_credentials(message.client_credentials.unwrap_or_default());
    let outcome = api
        .identity
        .tokens
        .introspect(&client, &message.token)
        .await;
    match &outcome {
        Err(IntrospectError::InvalidClient) => api.record_invalid_client(&client, source),
        Err(IntrospectError::Throttled(throttled, client)) if throttled.is_first => {
            let subject = AuditSubject::client(client.clone());
            api.audit
                .record(AuditKind::IntrospectionThrottled, subject, source);
        }
        _ => {}
    }
    Ok(encode::introspected(outcome.or_status()?.as_deref()))
}

impl AuthApi {
    /// Records a failed client authentication. The stated id is kept only if it has the form of one.
    pub(super) fn record_invalid_client(&self, client: &ClientCredentials, source: RequestSource) {
        let subject = AuditSubject {
            client: client.id.parse().ok(),
            ..AuditSubject::default()
        };
        self.invalid_clients
            .record(&self.audit, AuditKind::ClientRefused, subject, source);
    }
}
