//! What a rotation of the refresh token changes in its grant.

use time::OffsetDateTime;

use crate::login::ClientInfo;

/// The values that the store writes when a grant advances from one generation to the next.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// The source of the request.
    pub client: &'a ClientInfo,
    /// Time by which every access token of this and earlier generations has expired, if these are the only credentials that are
    /// accepted without a look at the rows of grant and login. `None` for a browser, whose session cookie is another such credential.
    pub tokens_until: Option<OffsetDateTime>,
}
