//! Back-channel logout while auth-service fails.

use std::collections::BTreeSet;

use e2e::{
    logout_receiver::LogoutReceiver,
    pair::{Options, Pair},
    relying_party::RelyingParty,
    wait::until,
};
use rustix::process::Signal;

const SESSIONS: usize = 8;

/// auth-service is killed when the ends are committed, and the relying party has received none of them.
#[tokio::test]
async fn kill_of_auth_service_loses_no_end() {
    let mut pair = Pair::start_with(Options {
        auth: vec![("AUTH_OUTBOUND_PRIVATE_ADDRESSES", "on".to_owned())],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let party = LogoutReceiver::start().await;
    RelyingParty::register(&pair, &["--backchannel-logout-uri", &party.uri]).await;
    let mut sids = BTreeSet::new();
    for _ in 0..SESSIONS {
        let cookie = pair.site.form_login("ada").await;
        RelyingParty::sign_in(&pair.site, &cookie).await;
        sids.insert(pair.site.sid(&cookie).await);
    }
    party.pause(true);
    let cookie = pair.site.form_login("ada").await;
    let action = "/account/logins/end-others";
    let ended = pair.site.press("/account/logins", action, &cookie).await;
    assert_eq!(ended, 303);
    pair.auth.signal(Signal::KILL);
    pair.auth.exit().await;
    assert!(party.sids().is_empty());

    party.pause(false);
    pair.start_auth_again().await;
    until("the end of each session", async || {
        let received: BTreeSet<_> = party.sids().into_iter().collect();
        (received == sids).then_some(())
    })
    .await;
}
