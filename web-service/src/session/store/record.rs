//! The content of sealed session records, in JSON.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use holdfast_core::assurance_level::AssuranceLevel;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::session::{
    browser_session::{Session, level},
    device_binding::device::{Device, DeviceKey},
    records::Successor,
};

/// A session. Times are milliseconds since 1970 in UTC.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    user_id: String,
    username: String,
    sid: String,
    epoch: String,
    refresh_token: String,
    authenticated_at: i64,
    amr: Vec<String>,
    /// Absent for `aal1`, as in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    login_expires_at: i64,
    created_at: i64,
    last_seen_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceRecord {
    key: String,
    bound_at: i64,
    ip_address: IpAddr,
    user_agent: String,
    is_confirmed: bool,
}

pub(super) fn encode(session: &Session) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Record {
        user_id: session.user_id.clone(),
        username: session.username.clone(),
        sid: session.sid.clone(),
        epoch: session.epoch.clone(),
        refresh_token: session.refresh_token.expose_secret().to_owned(),
        authenticated_at: millis(session.authenticated_at),
        amr: session.amr.clone(),
        acr: Some(session.acr)
            .filter(|acr| *acr > AssuranceLevel::Aal1)
            .map(|acr| acr.acr().to_owned()),
        login_expires_at: millis(session.login_expires_at),
        created_at: millis(session.created_at),
        last_seen_at: millis(session.last_seen_at),
        device: session.device.as_ref().map(encode_device),
    })
}

pub(super) fn decode(bytes: &[u8]) -> Option<Session> {
    let record: Record = serde_json::from_slice(bytes).ok()?;
    Some(Session {
        user_id: record.user_id,
        username: record.username,
        sid: record.sid,
        epoch: record.epoch,
        refresh_token: SecretString::from(record.refresh_token),
        authenticated_at: time(record.authenticated_at)?,
        amr: record.amr,
        acr: level(record.acr.as_deref()),
        login_expires_at: time(record.login_expires_at)?,
        created_at: time(record.created_at)?,
        last_seen_at: time(record.last_seen_at)?,
        // With an unreadable device the record is invalid: the session must not become unbound.
        device: match record.device {
            Some(device) => Some(decode_device(device)?),
            None => None,
        },
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SuccessorRecord {
    id: String,
    refresh_token: String,
}

pub(super) fn encode_successor(successor: &Successor) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&SuccessorRecord {
        id: successor.id.expose(),
        refresh_token: successor.refresh_token.expose_secret().to_owned(),
    })
}

pub(super) fn decode_successor(bytes: &[u8]) -> Option<Successor> {
    let record: SuccessorRecord = serde_json::from_slice(bytes).ok()?;
    Some(Successor {
        id: record.id.parse().ok()?,
        refresh_token: SecretString::from(record.refresh_token),
    })
}

fn encode_device(device: &Device) -> DeviceRecord {
    let DeviceKey(point) = &device.key;
    DeviceRecord {
        key: STANDARD_NO_PAD.encode(point),
        bound_at: millis(device.bound_at),
        ip_address: device.ip_address,
        user_agent: device.user_agent.clone(),
        is_confirmed: device.is_confirmed,
    }
}

fn decode_device(device: DeviceRecord) -> Option<Device> {
    let point = STANDARD_NO_PAD.decode(device.key).ok()?;
    Some(Device {
        key: DeviceKey(point.try_into().ok()?),
        bound_at: time(device.bound_at)?,
        ip_address: device.ip_address,
        user_agent: device.user_agent,
        is_confirmed: device.is_confirmed,
    })
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
}
