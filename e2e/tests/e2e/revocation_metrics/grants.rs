//! What ends grants of a relying party.

use e2e::{
    relying_party::{RelyingParty, refresh_token},
    site::Site,
};

use super::events::delete;

/// The number of grants that a client may have in a login.
const MAX_GRANTS: usize = 16;

pub(super) async fn end_application(site: &Site, cookie: &str) {
    RelyingParty::sign_in(site, cookie).await;
    let path = format!("/api/applications/{}", RelyingParty::ID);
    delete(site, &path, cookie).await;
}

pub(super) async fn reuse_code(site: &Site, cookie: &str) {
    let code = RelyingParty::code(site, cookie).await;
    for status in [200, 400] {
        let answer = RelyingParty::exchange(site, &code).await;
        assert_eq!(answer.status(), status);
    }
}

pub(super) async fn reuse_in_grant(site: &Site, cookie: &str) {
    let first = RelyingParty::sign_in(site, cookie).await;
    let second = refresh_token(RelyingParty::refresh(site, &first).await).await;
    refresh_token(RelyingParty::refresh(site, &second).await).await;
    let reused = RelyingParty::refresh(site, &first).await;
    assert_eq!(reused.status(), 400);
}

pub(super) async fn exceed_grants(site: &Site, cookie: &str) {
    for _ in 0..=MAX_GRANTS {
        RelyingParty::sign_in(site, cookie).await;
    }
}
