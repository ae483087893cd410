//! The context of a call: who calls, from where, and for which request.

use crate::{
    audit::RequestSource,
    id::UserId,
    login::{ClientInfo, ClientKind},
};

/// Who calls an operation, and from where. The account's owner and OAuth clients are parameters of their operations.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// The administrator who acts; `None` for everybody else, also for the operator on the command line.
    pub administrator: Option<UserId>,
    /// Whether the caller is web-service, whose statements about the request that it serves are used.
    pub from_web_service: bool,
    /// The source of the request: as web-service states it, and for any other caller that of the call itself.
    pub client: ClientInfo,
    /// The request id that web-service assigned, as in its log; `None` for direct calls.
    pub request_id: Option<String>,
    /// The trace of the request (W3C Trace Context): 32 hexadecimal digits; `None` for a request that is not sampled.
    pub trace_id: Option<String>,
}

impl CallContext {
    /// The context of a command on the command line.
    #[must_use]
    pub const fn operator() -> Self {
        Self {
            administrator: None,
            from_web_service: false,
            client: ClientInfo {
                kind: ClientKind::Api,
                ip_address: None,
                user_agent: None,
                device: None,
            },
            request_id: None,
            trace_id: None,
        }
    }

    /// The source of the request, as audit events state it.
    #[must_use]
    pub fn source(&self) -> RequestSource {
        RequestSource {
            ip_address: self.client.ip_address,
            user_agent: self.client.user_agent.clone(),
            request_id: self.request_id.clone(),
            trace_id: self.trace_id.clone(),
        }
    }
}
