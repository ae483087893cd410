//! The operator's decisions that the rules follow.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    authentication::{SecondFactorPolicy, StepUpRequired},
    issuer::is_equivalent_issuer,
    login::is_within,
    oauth::{DpopPolicy, OauthClient},
};

/// Names, lifetimes and the DPoP policy, from the configuration.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `iss` of every access token: an origin in its normal form.
    pub issuer: String,
    /// Audiences that tokens may be issued for. The first one is the default where a request names none.
    pub audiences: Vec<String>,
    /// Lifetime of an access token.
    pub access_ttl: Duration,
    /// Time after which a refresh token that was not used has expired.
    pub refresh_ttl: Duration,
    /// Lifetime of a login, however often it is refreshed.
    pub login_ttl: Duration,
    /// Maximum age of the authentication (`auth_time`) that a sensitive operation accepts (ASVS 7.5.3).
    pub step_up_max_age: Duration,
    /// Age of the revocations in memory up to which they are enough to accept an access token while the store cannot be read.
    pub revocation_max_staleness: Duration,
    /// Time for which a browser is trusted, where the owner of an account asks for it; zero where that is not allowed.
    pub trusted_browser_ttl: Duration,
    /// Which accounts must have a second factor.
    pub second_factor: SecondFactorPolicy,
    /// Whether tokens are bound to keys.
    pub dpop: DpopPolicy,
}

impl Policy {
    pub(crate) fn default_audience(&self) -> &str {
        self.audiences.first().map_or(&self.issuer, String::as_str)
    }

    /// The audience itself, or the issuer in its normal form where `name` is another spelling of the issuer.
    pub(crate) fn canonical_audience<'a>(&'a self, name: &'a str) -> &'a str {
        if is_equivalent_issuer(&self.issuer, name) {
            &self.issuer
        } else {
            name
        }
    }

    /// The audience of this OAuth client that `resource` denotes (RFC 8707), in its normal form.
    pub(crate) fn audience_of(&self, client: &OauthClient, resource: &str) -> Option<String> {
        let resource = self.canonical_audience(resource);
        let mut audiences = client.audiences.iter();
        let registered = audiences.find(|one| self.canonical_audience(one) == resource);
        registered.map(|_| resource.to_owned())
    }

    /// Requires that the authentication at `authenticated_at` is recent enough for a sensitive operation.
    pub(crate) fn require_recent_authentication(
        &self,
        authenticated_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StepUpRequired> {
        if is_within(authenticated_at, self.step_up_max_age, now) {
            Ok(())
        } else {
            Err(StepUpRequired)
        }
    }
}
