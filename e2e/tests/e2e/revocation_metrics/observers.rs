//! What relying parties and receivers of the stream of revocations notice of an end.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use e2e::{
    events::Events,
    logout_receiver::LogoutReceiver,
    pair::{Options, Pair},
    relying_party::RelyingParty,
    site::Site,
    wait::until,
};
use serde_json::Value;

use super::events::{Event, Person};

/// Which session of a relying party an event ends.
#[derive(Clone, Copy)]
enum Session {
    /// That in the login of the person's browser.
    OfBrowser,
    /// That in the login of another browser of the person.
    OfOtherBrowser,
    /// That which the event itself begins, in the login of the person's browser.
    OfEvent,
    /// None.
    None,
}

/// The relying party of the tests, and a receiver of the stream.
pub(super) struct Observers {
    party: LogoutReceiver,
    /// The members of the entries that have arrived.
    entries: Arc<Mutex<Vec<String>>>,
    ended: BTreeSet<String>,
}

/// What is to be noticed of an event.
pub(super) struct Expected {
    sid: Option<String>,
    entry: &'static str,
    entries: usize,
}

/// The member of an entry of the stream, and the session of a relying party.
const fn effects(event: Event) -> (&'static str, Session) {
    match event {
        Event::SignOutPage
        | Event::EndLogin
        | Event::ChangePassword
        | Event::SetPassword
        | Event::RequireFactor
        | Event::EndUserLogins
        | Event::DisableUser
        | Event::DisableUserByCommand
        | Event::DeleteUser
        | Event::SurplusLogin => ("sid", Session::OfBrowser),
        Event::EndOtherLogins | Event::RemoveFactor => ("sid", Session::OfOtherBrowser),
        // People sign in to relying parties with browsers; the login that ends is another one.
        Event::ApiLogout | Event::RevokeRefreshToken | Event::ReuseRefreshToken => {
            ("sid", Session::None)
        }
        Event::RevokeRefreshTokenOfGrant
        | Event::EndApplication
        | Event::ReuseCode
        | Event::ReuseRefreshTokenOfGrant => ("grant_id", Session::OfEvent),
        // The session has other grants.
        Event::SurplusGrant => ("grant_id", Session::None),
        Event::RevokeAccessToken => ("jti", Session::None),
        Event::DisableClient => ("client_id", Session::None),
        Event::RevokeKeyByCommand => ("kid", Session::None),
    }
}

impl Observers {
    /// Starts a pair with the relying party and the receiver.
    pub(super) async fn start() -> (Pair, Self) {
        let private = ("AUTH_OUTBOUND_PRIVATE_ADDRESSES", "on".to_owned());
        let pair = Pair::start_with(Options {
            auth: vec![private],
            ..Options::default()
        })
        .await;
        let party = LogoutReceiver::start().await;
        RelyingParty::register(&pair, &["--backchannel-logout-uri", &party.uri]).await;
        let mut stream = Events::register(&pair, "receiver").await;
        let entries = Arc::<Mutex<Vec<String>>>::default();
        let received = Arc::clone(&entries);
        tokio::spawn(async move {
            while let Some(message) = stream.next().await {
                received.lock().unwrap().extend(members(&message));
            }
        });
        let observers = Self {
            party,
            entries,
            ended: BTreeSet::new(),
        };
        (pair, observers)
    }

    /// Begins the session that an event is to end.
    pub(super) async fn before(&mut self, site: &Site, person: &Person, event: Event) -> Expected {
        let (entry, session) = effects(event);
        let cookie = match session {
            Session::None => None,
            Session::OfBrowser | Session::OfEvent => Some(person.cookie.clone()),
            Session::OfOtherBrowser => Some(site.form_login(&person.name).await),
        };
        if let (Session::OfBrowser | Session::OfOtherBrowser, Some(cookie)) = (session, &cookie) {
            RelyingParty::sign_in(site, cookie).await;
        }
        Expected {
            sid: match cookie {
                Some(cookie) => Some(site.sid(&cookie).await),
                None => None,
            },
            entry,
            entries: self.count(entry),
        }
    }

    /// Waits until the event has been noticed.
    pub(super) async fn after(&mut self, expected: Expected, event: Event) {
        let Expected {
            sid,
            entry,
            entries,
        } = expected;
        let is_in_stream = async || (self.count(entry) > entries).then_some(());
        until(&format!("{event:?} in the stream"), is_in_stream).await;
        let Some(sid) = sid else { return };
        let is_received = async || self.party.sids().contains(&sid).then_some(());
        until(&format!("{event:?} at the relying party"), is_received).await;
        self.ended.insert(sid);
    }

    /// Fails if the relying party was sent the end of a session that goes on.
    pub(super) fn finish(self) {
        let received: BTreeSet<_> = self.party.sids().into_iter().collect();
        assert_eq!(received, self.ended);
    }

    fn count(&self, member: &str) -> usize {
        let entries = self.entries.lock().unwrap();
        entries.iter().filter(|one| *one == member).count()
    }
}

/// The member of each entry that says what was revoked.
fn members(message: &Value) -> Vec<String> {
    let entries = message["revocations"].as_array().unwrap().iter();
    let names = entries.flat_map(|entry| entry.as_object().unwrap().keys());
    let names = names.filter(|name| *name != "expires_at");
    names.cloned().collect()
}
