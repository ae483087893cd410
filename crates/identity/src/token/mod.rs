//! Access tokens, refresh tokens, login tickets.

mod claims;
mod introspect;
mod issue_token;
mod refresh_token;
mod revoke_token;
mod scope;
mod validate_token;

pub use self::{
    claims::{Claims, Expectation, FIRST_PARTY_CLIENT, LEEWAY, Person, TokenError, is_spelling_of},
    introspect::IntrospectError,
    issue_token::{Grant, IssueTokenError, Issued, TokenRequest},
    refresh_token::{HandleKind, RefreshHandle},
    revoke_token::{RevocationRequest, RevokeTokenError, RevokedBy},
    scope::{Scope, ScopeName, Scopes, UnknownScope},
    validate_token::{Consistency, TokenRequirements, ValidateTokenError},
};
