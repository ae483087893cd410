//! The time of a peer, compared with the own one.

use time::{Duration, OffsetDateTime};

/// A time that the clock of a peer showed, and the own time before the request and after the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// Time of the peer, with a precision of a second or better.
    pub peer: OffsetDateTime,
    /// Own time before the request.
    pub sent_at: OffsetDateTime,
    /// Own time after the response.
    pub received_at: OffsetDateTime,
}

impl ClockReading {
    /// The time by which the clock of the peer is ahead, negative where it is behind. The peer is assumed to have read its clock halfway between
    /// request and response.
    #[must_use]
    pub fn difference(&self) -> Duration {
        self.peer - (self.sent_at + (self.received_at - self.sent_at) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_is_measured_halfway_between_request_and_response() {
        let sent_at = OffsetDateTime::UNIX_EPOCH;
        let reading = ClockReading {
            peer: sent_at + Duration::seconds(7),
            sent_at,
            received_at: sent_at + Duration::seconds(4),
        };
        assert_eq!(reading.difference(), Duration::seconds(5));
    }
}
