//! What a request to an application presents to forward auth.

use holdfast_client::authorization_header::{AuthorizationError, PresentedToken};

use crate::session::session_request::SessionRequest;

/// What a request to an application presents. Each value is read on demand.
pub trait AccessRequest: SessionRequest {
    /// Whether `Authorization` presents an access token, or should. Then the cookie does not count.
    fn presents_token(&self) -> bool;

    /// The access token and its scheme.
    fn access_token(&self) -> Result<PresentedToken<'_>, AuthorizationError>;

    /// The `DPoP` proof, unverified.
    fn dpop_proof(&self) -> Option<String>;

    /// Whether a browser asks for a page: it navigates, or where it does not say so, accepts HTML.
    fn expects_page(&self) -> bool;

    /// The page that the request came from.
    fn referer(&self) -> Option<&str>;
}
