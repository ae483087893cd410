//! Logins: their state, their grants, their lists, their ends, and the devices that they are bound to.

mod applications;
mod device_events;
mod end;
mod end_reason;
mod generation;
mod grant;
mod grants;
mod login_record;
mod logins;
mod new_login;
mod refresh_token_state;
mod service;
mod stored_login;

pub(crate) use self::stored_login::is_within;
pub use holdfast_core::client_info::{ClientInfo, ClientKind, DeviceId};

pub use self::{
    applications::EndConsentError,
    device_events::{DeviceEvent, ReportDeviceError},
    end_reason::EndReason,
    generation::{Generation, REPEAT_WINDOW},
    grant::{ClientRules, Grant, GrantRecord, MAX_GRANTS_OF_CLIENT, NewGrant, Rotation},
    grants::EndGrantError,
    login_record::LoginRecord,
    logins::{EndLoginError, EndOtherLoginsError, end_every_login},
    new_login::{MAX_LIVE_LOGINS, NewLogin, SignInForm},
    refresh_token_state::RefreshTokenState,
    service::LoginService,
    stored_login::{AuthenticationUpdate, LAST_SEEN_INTERVAL, Login, TICKET_TTL},
};
