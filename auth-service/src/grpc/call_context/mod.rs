//! The context of a call: who calls, from where, and for which request of web-service.

mod caller;
mod client;
mod dpop;
mod metadata;
mod service_identity;

use auth_proto::REQUEST_ID;
use auth_proto::SIGN_IN_FORM;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    call_context::CallContext,
    login::{ClientInfo, ClientKind, SignInForm},
    token::Person,
};
use holdfast_trace::TraceParent;
use tonic::{Request, Status};

use self::metadata::text;
pub use self::service_identity::ServiceIdentity;
pub(super) use self::{
    caller::CallerAuthenticator,
    client::StatesClient,
    dpop::{RpcPath, proof_for_rpc},
};
use crate::grpc::connections::Peer;

/// In bytes; longer ids are not used.
const MAX_REQUEST_ID: usize = 64;

/// The context of a call whose request message has a field `client`, which is taken out of the message. Fails with
/// `SERVICE_SECRET_WRONG` for a wrong service secret.
pub(super) fn take_context<M: StatesClient>(
    request: &mut Request<M>,
    service_identity: &ServiceIdentity,
) -> Result<CallContext, Status> {
    let stated = request.get_mut().take_client();
    let from_web_service = service_identity.recognize(request)?;
    let client = if from_web_service {
        client::stated(stated.unwrap_or_default())
    } else {
        client::of_call(request)
    };
    Ok(CallContext {
        administrator: None,
        from_web_service,
        client,
        request_id: request_id(request, from_web_service),
        trace_id: trace_id(),
    })
}

/// The context of a call whose request message has no field `client`. The address of web-service itself is left out: it is not the source
/// of the request. A wrong service secret counts as none here: only operations that web-service makes itself report it.
pub(super) fn context_of_call<T>(
    request: &Request<T>,
    service_identity: &ServiceIdentity,
) -> CallContext {
    let from_web_service = service_identity.recognize(request).unwrap_or(false);
    let address = Peer::address(request).filter(|_| !from_web_service);
    CallContext {
        administrator: None,
        from_web_service,
        client: ClientInfo {
            kind: ClientKind::Api,
            ip_address: address.map(|address| address.ip()),
            user_agent: None,
            device: None,
        },
        request_id: request_id(request, from_web_service),
        trace_id: trace_id(),
    }
}

/// The context of a call of an administrator.
pub(super) fn context_of_admin<T>(
    request: &Request<T>,
    service_identity: &ServiceIdentity,
    admin: &Person,
) -> CallContext {
    CallContext {
        administrator: Some(admin.subject),
        ..context_of_call(request, service_identity)
    }
}

/// The form that a sign-in was submitted with, as web-service states it.
pub(super) fn sign_in_form<T>(context: &CallContext, request: &Request<T>) -> Option<SignInForm> {
    let form = text(request, SIGN_IN_FORM).filter(|_| context.from_web_service)?;
    SignInForm::from_bytes(&URL_SAFE_NO_PAD.decode(form).ok()?)
}

/// The trace of the call, if it is sampled.
fn trace_id() -> Option<String> {
    holdfast_trace::current().map(TraceParent::trace_id)
}

/// The id of web-service's request. Other callers state none: they could imitate the ids of other requests.
fn request_id<T>(request: &Request<T>, from_web_service: bool) -> Option<String> {
    let id = text(request, REQUEST_ID).filter(|_| from_web_service)?;
    (id.len() <= MAX_REQUEST_ID).then(|| id.to_owned())
}
