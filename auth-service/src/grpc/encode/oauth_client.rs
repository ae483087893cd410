//! OAuth clients.

use auth_proto::v1;
use holdfast_identity::oauth::{ClientAuthMethod, OauthClient, RedirectUri, RelyingParty};

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
        relying_party: client.relying_party.map(relying_party),
        created_at: Some(timestamp(client.created_at)),
    }
}

fn relying_party(party: RelyingParty) -> v1::RelyingParty {
    let texts = |uris: Vec<RedirectUri>| uris.iter().map(ToString::to_string).collect();
    v1::RelyingParty {
        name: party.name.to_string(),
        redirect_uris: texts(party.redirect_uris),
        post_logout_redirect_uris: texts(party.post_logout_redirect_uris),
        id_token_algorithm: party.id_token_algorithm.to_string(),
        first_party: party.is_first_party,
        push_required: party.must_push,
        backchannel_logout_uri: party
            .backchannel_logout_uri
            .map(|uri| uri.to_string())
            .unwrap_or_default(),
        pairwise_subjects: party.sector.is_some(),
    }
}
