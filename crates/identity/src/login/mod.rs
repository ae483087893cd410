//! Logins: their state, their lists, their devices.

mod device_events;
mod entity;
mod logins;

pub use self::{
    device_events::DeviceEvent,
    entity::{
        ClientInfo, ClientKind, DeviceId, EndReason, Generation, Login, LoginRecord,
        MAX_LIVE_LOGINS, NewLogin, REPLAY_WINDOW, RefreshTokenState, Rotation, SEEN_INTERVAL,
        SignInForm, TICKET_TTL,
    },
    logins::{EndLoginError, EndOtherLoginsError},
};
