//! How parts fail, and how they are repaired.

use std::time::Duration;

use e2e::{clock::WrongClock, postgres::Postgres, program::Program};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::{fault::Fault, network::Link, stack::Stack};

/// Time for which clients work before a fault and after its end.
pub(crate) const CALM: Duration = Duration::from_secs(2);
/// Time until a failed server is replaced, as a lease that expires, or a killed process started again.
pub(crate) const DETECTION: Duration = Duration::from_secs(2);
/// Time for which a process is suspended, or a connection disturbed.
pub(crate) const DISTURBANCE: Duration = Duration::from_secs(5);
/// The same, for what takes effect at once and stops no request for longer.
pub(crate) const BRIEF: Duration = Duration::from_secs(3);

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
    /// The standby is resumed, or can be reached, and commits wait for it again.
    FormerStandby,
    /// The standby has connected again.
    Replication,
    /// The network forwards data again, at once.
    Network(Link),
    StartBalancer(Link),
    /// The Redis server of this index is started again.
    StartRedis(usize),
    /// The Redis server of this index is resumed.
    ResumeRedis(usize),
    /// The Redis server of this index can be reached again, and is made a replica.
    RedisNetwork(usize),
    /// The disk of the Redis server of this index is free again, and it is made a replica.
    RedisDisk(usize),
    StartSentinel,
    ResumeSentinel,
    StartAuth,
    ResumeAuth,
    AuthClock,
    StartWeb,
    ResumeWeb,
    WebClock,
}

impl Fault {
    /// Lets the part fail, until it is replaced, or for [`DISTURBANCE`] where nothing replaces it.
    pub(crate) async fn inject(self, stack: &mut Stack) -> Repair {
        match self {
            Self::PrimaryKilled
            | Self::PrimaryPaused
            | Self::PrimaryDiskFull
            | Self::StandbyKilled
            | Self::StandbyPaused
            | Self::StandbyUnreachable
            | Self::StandbyDiskFull => self.inject_into_servers(stack).await,
            Self::StandbyConnectionCut => Link::Replication.cut(stack).await,
            Self::StandbySlow => Link::Replication.slow_down(stack).await,
            Self::DatabaseConnectionsCut => Link::Database.cut(stack).await,
            Self::DatabaseSlow => Link::Database.slow_down(stack).await,
            Self::DatabaseBalancerKilled => Link::Database.kill(stack).await,
            Self::DatabaseBalancerPaused => Link::Database.hang(stack).await,
            Self::RedisMasterKilled
            | Self::RedisMasterPaused
            | Self::RedisMasterUnreachable
            | Self::RedisMasterDiskFull => self.inject_into_redis(stack).await,
            Self::RedisConnectionsCut => Link::Redis.cut(stack).await,
            Self::RedisSlow => Link::Redis.slow_down(stack).await,
            Self::SentinelKilled => {
                stack.redis.kill_first_sentinel().await;
                sleep(BRIEF).await;
                Repair::StartSentinel
            }
            Self::SentinelPaused => {
                stack.redis.hang_first_sentinel(true);
                lasts(Repair::ResumeSentinel).await
            }
            Self::AuthKilled => kill(&mut stack.auth[0], Repair::StartAuth).await,
            Self::AuthPaused => {
                stack.auth[0].hang(true);
                lasts(Repair::ResumeAuth).await
            }
            Self::AuthUnreachable => Link::Auth.hang(stack).await,
            Self::AuthConnectionsCut => Link::Auth.cut(stack).await,
            Self::AuthSlow => Link::Auth.slow_down(stack).await,
            Self::AuthClockAhead => skew(&stack.auth_clock, SKEW, Repair::AuthClock).await,
            Self::AuthClockBehind => skew(&stack.auth_clock, -SKEW, Repair::AuthClock).await,
            Self::WebKilled => kill(&mut stack.web[0], Repair::StartWeb).await,
            Self::WebPaused => {
                stack.web[0].hang(true);
                lasts(Repair::ResumeWeb).await
            }
            Self::WebConnectionsCut => Link::Web.cut(stack).await,
            Self::WebSlow => Link::Web.slow_down(stack).await,
            Self::WebClockAhead => skew(&stack.web_clock, SKEW, Repair::WebClock).await,
            Self::WebClockBehind => skew(&stack.web_clock, -SKEW, Repair::WebClock).await,
            Self::WebBalancerKilled => Link::Web.kill(stack).await,
            Self::WebBalancerPaused => Link::Web.hang(stack).await,
        }
    }

    async fn inject_into_servers(self, stack: &mut Stack) -> Repair {
        match self {
            Self::StandbyKilled => stack.stop_standby().await,
            Self::StandbyPaused => stack.standby.as_ref().expect("a standby").hang(true),
            Self::StandbyUnreachable => stack.replication.hang(true),
            Self::StandbyDiskFull => {
                let standby = stack.standby.as_ref();
                standby.expect("a standby").fill_disk().await;
            }
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
            Self::StandbyPaused | Self::StandbyUnreachable => {
                stack.primary.continue_alone().await;
                Repair::FormerStandby
            }
            Self::StandbyDiskFull => {
                stack.primary.continue_alone().await;
                stack.stop_standby().await;
                Repair::Standby
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
        let server = &mut group.servers[master];
        let repair = match self {
            Self::RedisMasterKilled => {
                server.kill().await;
                Repair::StartRedis(master)
            }
            Self::RedisMasterPaused => {
                server.hang(true);
                Repair::ResumeRedis(master)
            }
            Self::RedisMasterUnreachable => {
                server.link().hang(true);
                Repair::RedisNetwork(master)
            }
            // It answers `PING` with an error, so that Sentinels replace it.
            _ => {
                server.fill_disk(true).await;
                Repair::RedisDisk(master)
            }
        };
        while group.master().await == master {
            sleep(Duration::from_millis(50)).await;
        }
        if self == Self::RedisMasterDiskFull {
            // Until the services have noticed that there is another one.
            sleep(CALM).await;
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
            Self::FormerStandby => {
                stack.standby.as_ref().expect("a standby").hang(false);
                stack.replication.hang(false);
                stack.primary.require_standby().await;
                stack.primary.reload().await;
            }
            Self::Replication => stack.primary.replicates().await,
            Self::Network(link) => link.restore(stack),
            Self::StartBalancer(link) => link.start_again(stack).await,
            Self::StartRedis(server) => {
                stack.redis.servers[server].start_again().await;
                stack.redis.replicates().await;
            }
            Self::ResumeRedis(server) => {
                stack.redis.servers[server].hang(false);
                stack.redis.replicates().await;
            }
            Self::RedisNetwork(server) => {
                stack.redis.servers[server].link().hang(false);
                stack.redis.demote(server).await;
            }
            Self::RedisDisk(server) => {
                stack.redis.servers[server].fill_disk(false).await;
                stack.redis.demote(server).await;
            }
            Self::StartSentinel => stack.redis.start_first_sentinel(),
            Self::ResumeSentinel => stack.redis.hang_first_sentinel(false),
            Self::StartAuth => stack.auth[0] = stack.start_auth(0).await,
            Self::ResumeAuth => stack.auth[0].hang(false),
            Self::AuthClock => stack.auth_clock.set(0),
            Self::StartWeb => stack.web[0] = stack.start_web(0).await,
            Self::ResumeWeb => stack.web[0].hang(false),
            Self::WebClock => stack.web_clock.set(0),
        }
    }
}

/// Lets a fault last, and returns its repair.
async fn lasts(repair: Repair) -> Repair {
    sleep(DISTURBANCE).await;
    repair
}

async fn skew(clock: &WrongClock, seconds: i8, repair: Repair) -> Repair {
    clock.set(seconds);
    sleep(BRIEF).await;
    repair
}

/// Kills a process, whose place stays empty for a while.
async fn kill(program: &mut Program, repair: Repair) -> Repair {
    program.signal(Signal::KILL);
    program.exit().await;
    sleep(DETECTION).await;
    repair
}
