//! How parts fail, and how they are repaired.

use std::time::Duration;

use e2e::{postgres::Postgres, program::Program};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::{faults::Fault, stack::Stack};

/// Time for which clients work before a fault and after its end.
pub(crate) const CALM: Duration = Duration::from_secs(2);
/// Time until a failed server is replaced: as a lease that expires.
const DETECTION: Duration = Duration::from_secs(2);
/// Time for which a process is suspended, or a connection disturbed.
pub(crate) const DISTURBANCE: Duration = Duration::from_secs(5);

/// Seconds by which the clock of an instance is wrong: those that docs/OPERATIONS.md tolerates.
const SKEW: i8 = 5;

/// What repairs a part.
pub(crate) enum Repair {
    /// Nothing failed for longer.
    Nothing,
    /// A new standby.
    Standby,
    /// The former primary is resumed, and takes writes again, from nobody; then a new standby.
    FormerPrimary(Box<Postgres>),
    /// The standby is resumed, and commits wait for it again.
    SuspendedStandby,
    Delay,
    Balancer,
    /// The Redis server of this index is started again.
    StartRedis(usize),
    /// The Redis server of this index is resumed.
    ResumeRedis(usize),
    Sentinel,
    StartAuth,
    ResumeAuth,
    Clock,
    StartWeb,
    ResumeWeb,
}

impl Fault {
    /// Lets the part fail, until it is replaced, or for [`DISTURBANCE`] where nothing replaces it.
    pub(crate) async fn inject(self, stack: &mut Stack) -> Repair {
        let repair = match self {
            Self::PrimaryKilled
            | Self::PrimaryPaused
            | Self::PrimaryDiskFull
            | Self::StandbyKilled
            | Self::StandbyPaused => return self.inject_into_servers(stack).await,
            Self::RedisMasterKilled | Self::RedisMasterPaused => {
                return self.inject_into_redis(stack).await;
            }
            Self::DatabaseConnectionsCut => {
                for _ in 0..10 {
                    stack.database.cut();
                    sleep(DISTURBANCE / 10).await;
                }
                return Repair::Nothing;
            }
            Self::AuthKilled => {
                kill(&mut stack.auth[0]).await;
                return Repair::StartAuth;
            }
            Self::WebKilled => {
                kill(&mut stack.web[0]).await;
                return Repair::StartWeb;
            }
            Self::DatabaseSlow => {
                stack.database.delay(Duration::from_millis(100));
                Repair::Delay
            }
            Self::DatabaseBalancerPaused => {
                stack.database.hang(true);
                Repair::Balancer
            }
            Self::SentinelPaused => {
                stack.redis.hang_first_sentinel(true);
                Repair::Sentinel
            }
            Self::AuthPaused => {
                stack.auth[0].hang(true);
                Repair::ResumeAuth
            }
            Self::AuthClockAhead | Self::AuthClockBehind => {
                let is_ahead = self == Self::AuthClockAhead;
                stack.set_clock(if is_ahead { SKEW } else { -SKEW });
                Repair::Clock
            }
            Self::WebPaused => {
                stack.web[0].hang(true);
                Repair::ResumeWeb
            }
        };
        sleep(DISTURBANCE).await;
        repair
    }

    async fn inject_into_servers(self, stack: &mut Stack) -> Repair {
        match self {
            Self::StandbyKilled => {
                let mut standby = stack.standby.take().expect("a standby");
                standby.kill().await;
            }
            Self::StandbyPaused => stack.standby.as_ref().expect("a standby").hang(true),
            Self::PrimaryKilled => stack.primary.kill().await,
            Self::PrimaryPaused => stack.primary.hang(true),
            _ => stack.primary.fill_disk().await,
        }
        sleep(DETECTION).await;
        let repair = match self {
            Self::StandbyKilled => {
                stack.primary.continue_alone().await;
                Repair::Standby
            }
            Self::StandbyPaused => {
                stack.primary.continue_alone().await;
                Repair::SuspendedStandby
            }
            Self::PrimaryPaused => Repair::FormerPrimary(Box::new(stack.promote().await)),
            _ => {
                stack.promote().await;
                Repair::Standby
            }
        };
        sleep(CALM).await;
        repair
    }

    async fn inject_into_redis(self, stack: &mut Stack) -> Repair {
        let group = &mut stack.redis;
        let master = group.master().await;
        let repair = if self == Self::RedisMasterKilled {
            group.servers[master].kill().await;
            Repair::StartRedis(master)
        } else {
            group.servers[master].hang(true);
            Repair::ResumeRedis(master)
        };
        while group.master().await == master {
            sleep(Duration::from_millis(50)).await;
        }
        repair
    }
}

impl Repair {
    /// Repairs the part.
    pub(crate) async fn make(self, stack: &mut Stack) {
        match self {
            Self::Nothing => {}
            Self::Standby => stack.add_standby().await,
            Self::FormerPrimary(former) => {
                former.hang(false);
                sleep(CALM).await;
                stack.add_standby().await;
            }
            Self::SuspendedStandby => {
                stack.standby.as_ref().expect("a standby").hang(false);
                stack.primary.require_standby().await;
                stack.primary.reload().await;
            }
            Self::Delay => stack.database.delay(Duration::ZERO),
            Self::Balancer => stack.database.hang(false),
            Self::StartRedis(server) => {
                stack.redis.servers[server].start_again().await;
                stack.redis.replicates().await;
            }
            Self::ResumeRedis(server) => {
                stack.redis.servers[server].hang(false);
                stack.redis.replicates().await;
            }
            Self::Sentinel => stack.redis.hang_first_sentinel(false),
            Self::StartAuth => stack.auth[0] = stack.start_auth(0).await,
            Self::ResumeAuth => stack.auth[0].hang(false),
            Self::Clock => stack.set_clock(0),
            Self::StartWeb => stack.web[0] = stack.start_web_again(0).await,
            Self::ResumeWeb => stack.web[0].hang(false),
        }
    }
}

/// Kills a process, whose place stays empty for a while.
async fn kill(program: &mut Program) {
    program.signal(Signal::KILL);
    program.exit().await;
    sleep(DETECTION).await;
}
