//! Access tokens, refresh tokens and login tickets.

mod access_tokens;
mod claims;
mod client_token;
mod exchange_code;
mod exchange_outcome;
mod exchange_ticket;
mod id_token;
mod introspect;
mod issue_token;
mod issue_token_error;
mod key_binding;
mod logout_token;
mod mint;
mod refresh;
mod refresh_token;
mod revoke_token;
mod rotation;
mod scope;
mod service;
mod token_error;
mod token_limits;
mod token_request;
mod validate_token;

pub use self::{
    access_tokens::{AccessTokens, SigningError},
    claims::{Claims, ExpectedClaims, Person},
    client_token::{ClientToken, ClientTokenRequest},
    exchange_code::CodeExchange,
    id_token::{ID_TOKEN_TTL, IdTokenClaims, IdTokenHint, IdTokens},
    introspect::IntrospectError,
    issue_token_error::IssueTokenError,
    logout_token::{LOGOUT_TOKEN_TTL, LogoutTokenClaims, LogoutTokens},
    refresh_token::{RefreshHandle, RefreshTokenCodec},
    revoke_token::{RevocationRequest, RevokeTokenError},
    scope::{Scope, ScopeName, Scopes, UnknownScope},
    service::TokenService,
    token_error::TokenError,
    token_request::{AuthorizationGrant, IssuedTokens, TokenRequest},
    validate_token::{Consistency, TokenRequirements, ValidateTokenError},
};
