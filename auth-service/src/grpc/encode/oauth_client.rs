//! OAuth clients.

use auth_proto::v1;
use holdfast_identity::oauth::{ClientAuthMethod, OauthClient};

use crate::grpc::encode::timestamp;

pub(in crate::grpc) fn oauth_client(client: OauthClient) -> v1::OauthClient {
    let proof_kind = match client.auth_method {
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
            .map(|grant_type| grant_type.as_str().to_owned())
            .collect(),
        dpop_required: client.dpop_required,
        protected: client.protected,
        disabled: client.disabled,
        created_at: Some(timestamp(client.created_at)),
    }
}
