//! Browsers that hold a key of their own (W3C Device Bound Session Credentials): what is known of it, and what has to be shown.

use std::{net::IpAddr, time::Duration};

use holdfast_client::ClientInfo;
use ipnet::IpNet;
use time::OffsetDateTime;

/// How long a browser need not show its key again. Chromium asks anew when less than two minutes are left.
pub const PROOF_TTL: Duration = Duration::from_mins(5);

/// How long after a sign-in its session takes a key. Until then nothing else writes the record, which would carry it as it was:
/// that a browser was seen is noted later, see [`Lifetimes::should_note`](crate::session::browser_session::Lifetimes::should_note).
pub const BIND_WITHIN: Duration = Duration::from_secs(45);

/// How long a challenge for a fresh proof is good; the browser may keep it until it next needs one.
const RENEW_WITHIN: Duration = Duration::from_mins(10);

/// A public key on P-256 (RFC 7518 §6.2.1): x and y, 32 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceKey(pub [u8; 64]);

/// The device that a session is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it proves itself with.
    pub key: DeviceKey,
    /// Since when.
    pub bound_at: OffsetDateTime,
    /// Where it was then.
    pub ip_address: IpAddr,
    /// What it called itself then.
    pub user_agent: String,
    /// Whether a request came with its proof. Until then nothing less is refused: the answer that told the browser of its
    /// binding may have been lost.
    pub is_confirmed: bool,
}

/// How much a client looks like the device that a session is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceSimilarity {
    /// As it did.
    Same,
    /// It is in another network, or calls itself something else: devices travel, and browsers are updated.
    Changed,
    /// Both.
    Another,
}

impl Device {
    /// How much a client looks like it. An address of zeros is one that is not known.
    #[must_use]
    pub fn similarity(&self, client: &ClientInfo) -> DeviceSimilarity {
        let is_known = !client.ip_address.is_unspecified() && !self.ip_address.is_unspecified();
        let has_moved = is_known && network(client.ip_address) != network(self.ip_address);
        match (has_moved, client.user_agent != self.user_agent) {
            (false, false) => DeviceSimilarity::Same,
            (true, true) => DeviceSimilarity::Another,
            (true, false) | (false, true) => DeviceSimilarity::Changed,
        }
    }
}

/// What one customer of a provider has at most: a /24 of IPv4, a /48 of IPv6.
fn network(address: IpAddr) -> Option<IpNet> {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).ok().map(|net| net.trunc())
}

/// What a challenge asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new key, after a sign-in.
    Bind,
    /// A fresh proof of the key that is known.
    Renew,
}

impl Purpose {
    /// How long a challenge is good.
    #[must_use]
    pub const fn window(self) -> Duration {
        match self {
            Self::Bind => BIND_WITHIN,
            Self::Renew => RENEW_WITHIN,
        }
    }
}

/// A challenge that was made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// When it was made.
    pub made_at: OffsetDateTime,
    /// Under what name it is remembered once it was used.
    pub name: String,
}

/// A key that a browser made, and the challenge that it signed to show that it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The key.
    pub key: DeviceKey,
    /// The challenge, as it was sent.
    pub challenge: String,
}

/// Makes and reads what goes to and fro. Sessions are named by their login's `sid`, which stays when the session gets a new id.
pub trait DeviceProofCodec: Send + Sync {
    /// A fresh challenge for a session.
    fn challenge(&self, purpose: Purpose, sid: &str, now: OffsetDateTime) -> String;

    /// A challenge that was made for this session and purpose.
    fn open_challenge(&self, purpose: Purpose, sid: &str, challenge: &str) -> Option<Challenge>;

    /// Reads a proof that brings its key along.
    fn registration(&self, jwt: &str) -> Option<Registration>;

    /// The challenge in a proof that this key signed, and that brings no key along.
    fn renewal(&self, jwt: &str, key: &DeviceKey) -> Option<String>;

    /// What the proof cookie says: that the session's key was shown, and until when that counts.
    fn ticket(&self, sid: &str, key: &DeviceKey, until: OffsetDateTime) -> String;

    /// Until when a ticket counts that was made for this session and key.
    fn open_ticket(&self, sid: &str, key: &DeviceKey, ticket: &str) -> Option<OffsetDateTime>;
}

#[cfg(test)]
mod tests {
    use holdfast_client::ClientKind;

    use super::*;

    fn client(ip_address: &str, user_agent: &str) -> ClientInfo {
        ClientInfo {
            kind: ClientKind::Browser,
            ip_address: ip_address.parse().unwrap(),
            user_agent: user_agent.into(),
            device: None,
        }
    }

    #[test]
    fn another_network_and_another_name_is_another_device() {
        let device = |address: &str| Device {
            key: DeviceKey([1; 64]),
            bound_at: OffsetDateTime::UNIX_EPOCH,
            ip_address: address.parse().unwrap(),
            user_agent: "Chrome".into(),
            is_confirmed: true,
        };
        let cases = [
            ("192.0.2.1", "192.0.2.200", "Chrome", DeviceSimilarity::Same),
            (
                "192.0.2.1",
                "::ffff:192.0.2.9",
                "Chrome",
                DeviceSimilarity::Same,
            ),
            (
                "192.0.2.1",
                "192.0.3.1",
                "Chrome",
                DeviceSimilarity::Changed,
            ),
            ("192.0.2.1", "192.0.2.1", "curl", DeviceSimilarity::Changed),
            (
                "192.0.2.1",
                "2001:db8::1",
                "Chrome",
                DeviceSimilarity::Changed,
            ),
            (
                "2001:db8:1::1",
                "2001:db8:1:ffff::1",
                "Chrome",
                DeviceSimilarity::Same,
            ),
            (
                "2001:db8:1::1",
                "2001:db8:2::1",
                "curl",
                DeviceSimilarity::Another,
            ),
            ("192.0.2.1", "0.0.0.0", "Chrome", DeviceSimilarity::Same),
            ("192.0.2.1", "0.0.0.0", "curl", DeviceSimilarity::Changed),
        ];
        for (bound, seen, name, expected) in cases {
            let similarity = device(bound).similarity(&client(seen, name));
            assert_eq!(similarity, expected, "{bound} {seen} {name}");
        }
    }
}
