//! Back-channel logout over a failover of the database.

use std::{collections::BTreeSet, time::Duration};

use e2e::{logout_receiver::LogoutReceiver, relying_party::RelyingParty, wait::until_within};

use crate::stack::{Stack, account_name};

const SESSIONS: usize = 4;
/// Time from the promotion until everything was delivered: with the lease of the instance that delivered before.
const DEADLINE: Duration = Duration::from_secs(30);

/// The primary is killed when the ends are committed, and the relying party has received none of them.
#[tokio::test(flavor = "multi_thread")]
async fn failover_loses_no_end_of_a_session_of_a_relying_party() {
    let mut stack = Stack::start(true).await;
    let party = LogoutReceiver::start().await;
    let flags = ["--backchannel-logout-uri", &party.uri];
    stack.command(&RelyingParty::registration(&flags), "").await;
    let site = stack.doors[0].site.clone();
    let account = account_name(0);
    let mut sids = BTreeSet::new();
    for _ in 0..SESSIONS {
        let cookie = site.form_login(&account).await;
        RelyingParty::sign_in(&site, &cookie).await;
        sids.insert(site.sid(&cookie).await);
    }
    party.pause(true);
    let cookie = site.form_login(&account).await;
    let action = "/account/logins/end-others";
    let ended = site.press("/account/logins", action, &cookie).await;
    assert_eq!(ended, 303);
    stack.primary.kill().await;
    stack.promote().await;
    assert!(party.sids().is_empty());

    party.pause(false);
    until_within(DEADLINE, "the end of each session", async || {
        let received: BTreeSet<_> = party.sids().into_iter().collect();
        (received == sids).then_some(())
    })
    .await;
}
