//! What a request presents for its session.

use holdfast_client::ClientInfo;

use crate::session::session_id::SessionId;

/// What a request presents for its session. Each value is read on demand: most requests need the first two only.
pub trait SessionRequest: Sync {
    /// The id in the session cookie; `None` without exactly one such cookie in canonical form.
    fn session_id(&self) -> Option<SessionId>;

    /// The value of the proof cookie; `None` without exactly one.
    fn proof_cookie(&self) -> Option<&str>;

    /// Whether the browser reports that it wanted to prove the device key of the session `sid` and got no answer from this service.
    fn is_proof_unanswered(&self, sid: &str) -> bool;

    /// Whether a page of another site navigated here. For such requests browsers do not renew the device proof.
    fn is_cross_site_navigation(&self) -> bool;

    /// The browser as auth-service records it.
    fn client_info(&self) -> ClientInfo;
}
