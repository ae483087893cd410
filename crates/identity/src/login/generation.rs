//! Generations of a grant's refresh token.

use std::time::Duration;

/// Time for which the previous refresh token may be repeated after a rotation, in case the answer was lost: 10 seconds.
pub const REPEAT_WINDOW: Duration = Duration::from_secs(10);

/// The number of a refresh token within its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub i64);

impl Generation {
    /// The generation of the first refresh token of a grant.
    pub const FIRST: Self = Self(1);

    /// The generation that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
