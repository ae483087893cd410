//! What a rotation of the refresh token changes in its grant.

use time::OffsetDateTime;

use crate::login::ClientInfo;

/// The values that the store writes when a grant advances from one generation to the next.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// The source of the request.
    pub client: &'a ClientInfo,
    /// Time by which every access token of this and earlier generations has expired, UTC.
    pub tokens_until: OffsetDateTime,
}
