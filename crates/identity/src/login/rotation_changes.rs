//! What a rotation of the refresh token changes in its login.

use time::OffsetDateTime;

use crate::{login::ClientInfo, oauth::KeyThumbprint, token::Scopes};

/// The values that the store writes when a login advances from one generation to the next.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Scopes that the login is granted from now on.
    pub scopes: &'a Scopes,
    /// The key that the login is bound to from now on; `None` leaves its binding as it is.
    pub key: Option<&'a KeyThumbprint>,
    /// The source of the request.
    pub client: &'a ClientInfo,
    /// Time by which every access token of this and earlier generations has expired, if these are the only credentials that are
    /// accepted without a look at the login's row. `None` for a browser, whose session cookie is another such credential.
    pub tokens_until: Option<OffsetDateTime>,
}
