//! The writes of a sign-in, in their order.

use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_identity::{
    id::Sid,
    login::{MAX_LIVE_LOGINS, NewLogin},
    store::StoreError,
};

static LOCATION_NOT_STORED: LogRateLimiter = LogRateLimiter::new("known_location.not_stored");
static SURPLUS_NOT_ENDED: LogRateLimiter = LogRateLimiter::new("login.surplus_not_ended");

/// The writes, each in a transaction of its own.
pub trait SignInWrites: Sync {
    /// Inserts a login. `None`: the account is disabled, its authentication version has changed, or the `sid` exists.
    ///
    /// # Errors
    /// The store is unavailable.
    fn start_login(
        &self,
        login: &NewLogin,
    ) -> impl Future<Output = Result<Option<StartedLogin>, StoreError>> + Send;

    /// Stores the locations of a login as known, and deletes the oldest beyond [`MAX_LOCATIONS`](crate::known_location::MAX_LOCATIONS).
    /// Stores none where the login has ended meanwhile, as a new password deletes the known locations of the old one.
    ///
    /// # Errors
    /// The store is unavailable.
    fn store_locations(
        &self,
        login: &NewLogin,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends the logins of an account that were used longest ago, except the one that has just started, until [`MAX_LIVE_LOGINS`] remain;
    /// returns their `sid`s.
    ///
    /// # Errors
    /// The store is unavailable.
    fn end_surplus(
        &self,
        started: &NewLogin,
    ) -> impl Future<Output = Result<Vec<Sid>, StoreError>> + Send;
}

/// What remains to be done for a login that has started; usually nothing.
pub struct StartedLogin {
    /// Whether one of its locations is not known, or was last stored more than
    /// [`LOCATION_INTERVAL`](crate::known_location::LOCATION_INTERVAL) ago.
    has_new_location: bool,
    /// Whether the account has more than [`MAX_LIVE_LOGINS`].
    has_surplus: bool,
}

impl StartedLogin {
    /// `live`: the number of live logins of the account, this one included; `known`: the number of its locations that were stored lately.
    #[must_use]
    pub fn new(login: &NewLogin, live: i64, known: i64) -> Self {
        let locations = login.known_locations.all().count();
        Self {
            has_new_location: usize::try_from(known) != Ok(locations),
            has_surplus: live > i64::from(MAX_LIVE_LOGINS),
        }
    }
}

/// Starts a login, and then stores its locations and ends surplus logins of the account; returns those that ended, or `None` if it does not
/// start. Only the start has to succeed: what fails after it, the next sign-in repeats.
///
/// # Errors
/// The store is unavailable.
pub async fn insert_login(
    store: &impl SignInWrites,
    login: &NewLogin,
) -> Result<Option<Vec<Sid>>, StoreError> {
    let Some(started) = store.start_login(login).await? else {
        return Ok(None);
    };
    if started.has_new_location
        && let Err(error) = store.store_locations(login).await
    {
        LOCATION_NOT_STORED.log(|logins| {
            tracing::warn!(
                event = "known_location.not_stored",
                %error,
                logins,
                "a known location was not stored; the next sign-in from there stores it"
            );
        });
    }
    if !started.has_surplus {
        return Ok(Some(Vec::new()));
    }
    let ended = store.end_surplus(login).await.unwrap_or_else(|error| {
        SURPLUS_NOT_ENDED.log(|logins| {
            tracing::warn!(
                event = "login.surplus_not_ended",
                %error,
                logins,
                "surplus logins of an account were not ended; the next sign-in ends them"
            );
        });
        Vec::new()
    });
    Ok(Some(ended))
}
