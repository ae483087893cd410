//! Logins: their state, their grants, their lists, their ends, and the devices that they are bound to.

mod device_events;
mod end;
mod end_reason;
mod generation;
mod grant;
mod grants;
mod login_limit;
mod login_record;
mod logins;
mod new_login;
mod refresh_token_state;
mod rotation_changes;
mod service;
mod stored_login;

pub use holdfast_core::client_info::{ClientInfo, ClientKind, DeviceId};

pub use self::{
    device_events::{DeviceEvent, ReportDeviceError},
    end_reason::EndReason,
    generation::{Generation, REPEAT_WINDOW},
    grant::{ClientRules, Grant, GrantRecord, NewGrant},
    grants::EndGrantError,
    login_limit::MAX_LIVE_LOGINS,
    login_record::LoginRecord,
    logins::{EndLoginError, EndOtherLoginsError, end_every_login},
    new_login::{NewLogin, SignInForm},
    refresh_token_state::RefreshTokenState,
    rotation_changes::Rotation,
    service::LoginService,
    stored_login::{AuthenticationUpdate, LAST_SEEN_INTERVAL, Login, TICKET_TTL},
};
