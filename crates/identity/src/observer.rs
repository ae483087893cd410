//! The port through which an application measures what is no audit event.

/// What became of a refresh token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// It was exchanged for its successor.
    Rotated,
    /// It is that of a browser's login, which does not rotate.
    Kept,
    /// It was the previous one, and was answered with the current one again.
    Repeated,
    /// It was used up: its login was ended.
    Reused,
    /// A concurrent request was faster; it is tried again.
    LostRace,
    /// It was refused for another reason: the login has ended, it has expired, the OAuth client or the proof was wrong.
    Refused,
    /// The service failed.
    Failed,
}

impl RefreshOutcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Rotated,
        Self::Kept,
        Self::Repeated,
        Self::Reused,
        Self::LostRace,
        Self::Refused,
        Self::Failed,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Kept => "kept",
            Self::Repeated => "repeated",
            Self::Reused => "reused",
            Self::LostRace => "lost_race",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Measures operations.
pub trait Observer: Send + Sync {
    /// A refresh token was presented.
    fn refreshed(&self, outcome: RefreshOutcome);
}
