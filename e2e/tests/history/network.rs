//! Faults of the network between the parts, which relays make (see [`e2e::balancer`]).

use std::time::Duration;

use e2e::balancer::Balancer;
use tokio::time::sleep;

use crate::{
    injection::{BRIEF, DETECTION, DISTURBANCE, Repair},
    stack::Stack,
};

/// Time by which data is delayed in each direction.
const DELAY: Duration = Duration::from_millis(100);

/// A part of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// From the auth-services to the primary.
    Database,
    /// From the standby to the primary.
    Replication,
    /// From the services, the Sentinels and the replica to each Redis server.
    Redis,
    /// From the web-services to the first auth-service.
    Auth,
    /// From the clients to all web-services.
    Web,
}

impl Link {
    /// How often connections are cut, and the time after each cut.
    const fn cuts(self) -> (u32, Duration) {
        match self {
            // A second later a Sentinel has connected again. It does so once a second, and would find a server down after more cuts.
            Self::Redis => (3, Duration::from_millis(1500)),
            // After the second cut the standby waits for five seconds, which is `wal_retrieve_retry_interval`.
            Self::Replication => (3, Duration::from_secs(1)),
            Self::Database | Self::Auth | Self::Web => (10, Duration::from_millis(300)),
        }
    }

    fn relays(self, stack: &mut Stack) -> Vec<&mut Balancer> {
        match self {
            Self::Database => vec![&mut stack.database],
            Self::Replication => vec![&mut stack.replication],
            Self::Redis => {
                let servers = stack.redis.servers.iter_mut();
                servers.map(e2e::redis::Redis::link).collect()
            }
            Self::Auth => vec![&mut stack.auth_links[0]],
            Self::Web => stack.web_links.iter_mut().collect(),
        }
    }

    /// Closes its connections, again and again.
    pub(crate) async fn cut(self, stack: &mut Stack) -> Repair {
        let (cuts, pause) = self.cuts();
        for _ in 0..cuts {
            for relay in self.relays(stack) {
                relay.cut();
            }
            sleep(pause).await;
        }
        match self {
            Self::Replication => Repair::Replication,
            _ => Repair::Nothing,
        }
    }

    /// Delays all data.
    pub(crate) async fn slow_down(self, stack: &mut Stack) -> Repair {
        for relay in self.relays(stack) {
            relay.delay(DELAY);
        }
        sleep(BRIEF).await;
        Repair::Network(self)
    }

    /// Loses all packets.
    pub(crate) async fn hang(self, stack: &mut Stack) -> Repair {
        for relay in self.relays(stack) {
            relay.hang(true);
        }
        sleep(DISTURBANCE).await;
        Repair::Network(self)
    }

    /// Kills the process of a balancer.
    pub(crate) async fn kill(self, stack: &mut Stack) -> Repair {
        for relay in self.relays(stack) {
            relay.kill().await;
        }
        sleep(DETECTION).await;
        Repair::StartBalancer(self)
    }

    /// Forwards again without a delay.
    pub(crate) fn restore(self, stack: &mut Stack) {
        for relay in self.relays(stack) {
            relay.delay(Duration::ZERO);
            relay.hang(false);
        }
    }

    /// Starts a killed balancer again.
    pub(crate) async fn start_again(self, stack: &mut Stack) {
        for relay in self.relays(stack) {
            relay.start_again().await;
        }
    }
}
