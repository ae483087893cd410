//! What holds in every state.

use stateright::Property;

use crate::{BOUND, Login, State, System, web::LoginState};

/// After an acknowledged end and [`BOUND`], no instance and no web-service allows the login.
pub const ENDS_TAKE_EFFECT: &str = "an end is in effect everywhere within the bound";
/// A failover loses no acknowledged end.
pub const ENDS_SURVIVE: &str = "an acknowledged end survives";
/// An end that a promoted server lacks is written back by the first instance that knows of it and reads from that server.
pub const ENDS_RESTORED: &str = "an end that an instance knows of is written back";
/// Nobody is signed out whose login has not ended, except by a restored backup.
pub const NO_FALSE_SIGN_OUT: &str = "a live login is not refused";
/// A refresh token has one successor.
pub const ONE_SUCCESSOR: &str = "a refresh token has one successor";
/// An example: web-service refuses a login because of its end.
pub const END_REFUSED: &str = "web-service learns of an end";

pub(crate) fn all() -> Vec<Property<System>> {
    vec![
        Property::always(ENDS_TAKE_EFFECT, |system, state: &State| {
            late(state).all(|login| !is_allowed(system, state, login))
        }),
        Property::always(ENDS_SURVIVE, |_, state: &State| {
            !state.logins.contains(&Login::Lost)
        }),
        Property::always(ENDS_RESTORED, |_, state: &State| {
            let mut remembered = select(state, |login| *login == Login::Remembered);
            remembered.all(|login| {
                let mut readers = state
                    .instances
                    .iter()
                    .filter(|instance| instance.timeline == state.primary.timeline);
                readers.all(|instance| !instance.knows(login))
            })
        }),
        Property::always(NO_FALSE_SIGN_OUT, |system, state: &State| {
            state.has_restored || live(state).all(|login| !is_refused(system, state, login))
        }),
        Property::always(ONE_SUCCESSOR, |_, state: &State| state.successors <= 1),
        Property::sometimes(END_REFUSED, |system, state: &State| {
            let web = |login| state.web.login_state(login, system.safeguards);
            late(state).any(|login| web(login) == LoginState::Ended)
        }),
    ]
}

/// The logins that ended longer ago than the bound.
fn late(state: &State) -> impl Iterator<Item = u8> {
    select(
        state,
        |login| matches!(login, Login::Ended(age) if *age > BOUND),
    )
}

fn live(state: &State) -> impl Iterator<Item = u8> {
    select(state, |login| *login == Login::Live)
}

fn select(state: &State, is_selected: fn(&Login) -> bool) -> impl Iterator<Item = u8> {
    let logins = (0..).zip(&state.logins);
    logins.filter_map(move |(number, login)| is_selected(login).then_some(number))
}

fn is_allowed(system: &System, state: &State, login: u8) -> bool {
    let mut instances = state.instances.iter();
    let web = &state.web;
    !web.is_stopped && web.login_state(login, system.safeguards) == LoginState::Live
        || instances.any(|instance| instance.allows(login, &state.primary))
}

fn is_refused(system: &System, state: &State, login: u8) -> bool {
    let mut instances = state.instances.iter();
    state.web.login_state(login, system.safeguards) == LoginState::Ended
        || instances.any(|instance| !instance.allows(login, &state.primary))
}
