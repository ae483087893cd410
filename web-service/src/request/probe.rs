//! The probe of `doctor`: a request through the public URL, whose response is how it arrived (ADR 43).
//!
//! Only a process that has `WEB_SECRET_KEY` can make one, and it is valid for half a minute.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use holdfast_core::{clock::Clock, random::Random, secret_key::SecretKey};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::session::codec::mac::MacCodec;

/// The path of the probe.
pub const PATH: &str = "/doctor/probe";
/// The header that authenticates a probe.
pub const HEADER: &str = "holdfast-probe";

/// Separates the key of these MACs from that of all others.
const LABEL: &[u8] = b"holdfast doctor probe v1";
/// The difference between the time of a probe and that of the service up to which it is valid.
const VALIDITY: Duration = Duration::seconds(30);

const TIME: usize = 8;
const NONCE: usize = 16;

/// How a probe arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Address and port of the other end of the connection.
    pub peer: SocketAddr,
    /// Whether the peer is in `WEB_TRUSTED_PROXIES`.
    pub is_trusted: bool,
    /// The entries of `X-Forwarded-For`, in the order in which they arrived.
    pub forwarded_for: Vec<String>,
    /// The address of the client that follows from that.
    pub client: IpAddr,
}

/// Makes and verifies the header of probes.
#[derive(Clone)]
pub struct Probes {
    mac: Arc<MacCodec>,
    clock: Arc<dyn Clock>,
}

impl Probes {
    /// Probes of the installation with this key.
    #[must_use]
    pub fn new(key: &SecretKey, clock: Arc<dyn Clock>) -> Self {
        Self {
            mac: Arc::new(MacCodec::new(key, LABEL)),
            clock,
        }
    }

    /// The value of the header of a new probe.
    #[must_use]
    pub fn header(&self, random: &dyn Random) -> String {
        let mut body = [0; TIME + NONCE];
        let (seconds, nonce) = body.split_at_mut(TIME);
        seconds.copy_from_slice(&self.clock.now().unix_timestamp().to_be_bytes());
        random.fill(nonce);
        self.mac.seal(&[], &body)
    }

    /// Whether this is the header of a probe of this installation that was made within the last half minute.
    #[must_use]
    pub fn is_valid(&self, header: &str) -> bool {
        let body = self.mac.open::<{ TIME + NONCE }>(&[], header);
        body.and_then(time_of)
            .is_some_and(|made_at| (self.clock.now() - made_at).abs() <= VALIDITY)
    }
}

fn time_of(body: [u8; TIME + NONCE]) -> Option<OffsetDateTime> {
    let seconds = i64::from_be_bytes(*body.first_chunk()?);
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

#[cfg(test)]
mod tests {
    use holdfast_core::clock::ManualClock;
    use holdfast_crypto::random::SystemRandom;
    use secrecy::SecretBox;

    use super::*;

    fn probes(key: u8, clock: &ManualClock) -> Probes {
        let key = SecretBox::new(Box::new([key; 32]));
        Probes::new(&key, Arc::new(clock.clone()))
    }

    #[test]
    fn probe_is_valid_with_its_key_for_half_a_minute() {
        let clock = ManualClock::default();
        let header = probes(1, &clock).header(&SystemRandom);
        assert!(probes(1, &clock).is_valid(&header));
        assert!(!probes(2, &clock).is_valid(&header));
        assert!(!probes(1, &clock).is_valid(&header[1..]));
        assert!(!probes(1, &clock).is_valid(""));
        clock.advance(std::time::Duration::from_secs(30));
        assert!(probes(1, &clock).is_valid(&header));
        clock.advance(std::time::Duration::from_secs(1));
        assert!(!probes(1, &clock).is_valid(&header));
    }

    #[test]
    fn probe_from_the_future_is_invalid() {
        let (behind, ahead) = (ManualClock::default(), ManualClock::default());
        ahead.advance(std::time::Duration::from_secs(31));
        let header = probes(1, &ahead).header(&SystemRandom);
        assert!(!probes(1, &behind).is_valid(&header));
    }
}
