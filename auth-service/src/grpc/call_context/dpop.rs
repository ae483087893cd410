//! The DPoP proof of a call, and the HTTP request that it was made for (RFC 9449 §4.2).

use auth_proto::{DPOP, DPOP_METHOD, DPOP_URI, v1};
use holdfast_identity::{call_context::CallContext, oauth::PresentedProof};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{ServiceIdentity, metadata::text},
    decode,
};

/// The HTTP method of every RPC, `htm` of a proof for it.
const RPC_METHOD: &str = "POST";

/// The path of an RPC, as an extension of requests with a proof.
#[derive(Clone)]
pub(in crate::grpc) struct RpcPath(pub(in crate::grpc) String);

/// The proof in a request message. The request that it was made for is the one that web-service states, and for any other caller the RPC
/// at `path` itself.
pub(in crate::grpc) fn proof_for_rpc(
    context: &CallContext,
    stated: v1::DpopProof,
    issuer: &str,
    path: &str,
) -> PresentedProof {
    if context.from_web_service {
        decode::proof(stated)
    } else {
        for_rpc(stated.jwt, issuer, path)
    }
}

/// The proof in the metadata of a call with `authorization: DPoP …`. The request that it was made for is as in [`proof_for_rpc`].
pub(super) fn in_metadata<T>(
    request: &Request<T>,
    service_identity: &ServiceIdentity,
    issuer: &str,
) -> Result<PresentedProof, Status> {
    let entry = |name| text(request, name).unwrap_or_default().to_owned();
    if service_identity.recognize(request)? {
        return Ok(PresentedProof {
            jwt: entry(DPOP),
            method: entry(DPOP_METHOD),
            uri: entry(DPOP_URI),
        });
    }
    let path = request.extensions().get::<RpcPath>();
    let path = path.map_or("", |RpcPath(path)| path.as_str());
    Ok(for_rpc(entry(DPOP), issuer, path))
}

fn for_rpc(jwt: String, issuer: &str, path: &str) -> PresentedProof {
    PresentedProof {
        jwt,
        method: RPC_METHOD.to_owned(),
        uri: format!("{}{path}", issuer.trim_end_matches('/')),
    }
}
