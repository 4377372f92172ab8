//! What people want to be told, and their devices.

use std::collections::BTreeMap;

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// When one is left in peace by mails and devices, every day.
#[derive(Debug, ToSchema)]
pub struct QuietHours {
    /// The first minute of peace: `22:00`.
    pub from: String,
    /// The first minute after it: `07:30`.
    pub to: String,
}

/// Wishes; what is absent is as by default.
#[derive(Debug, ToSchema)]
pub struct NotificationPreferences {
    /// By category (`assignment`, `status`, `comment`, `mention`, `due`, `change`, `announcement`) and channel (`email`,
    /// `push`, `inbox`): `off`, `now`, or for mails `digest`.
    pub channels: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// When to be left in peace.
    pub quiet_hours: Option<QuietHours>,
    /// Where these times of the day hold, IANA name; that of the profile by default.
    pub time_zone: Option<String>,
    /// When the digest is mailed; `08:00` by default.
    pub digest_time: Option<String>,
}

/// Wishes, with what is by default.
#[derive(Debug, ToSchema)]
pub struct NotificationPreferencesReply {
    /// The user.
    pub id: Uuid,
    /// Sequence of the user's last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// By category and channel.
    pub channels: BTreeMap<String, BTreeMap<String, String>>,
    /// When to be left in peace.
    pub quiet_hours: Option<QuietHours>,
    /// Where these times of the day hold.
    pub time_zone: Option<String>,
    /// When the digest is mailed.
    pub digest_time: String,
}

/// The path of a device.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DevicePath {
    /// The device.
    pub id: Uuid,
}

/// The path of a device of somebody.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserDevicePath {
    /// The user.
    pub id: Uuid,
    /// The device.
    pub device: Uuid,
}

/// A device that notices are to be pushed to.
#[derive(Debug, ToSchema)]
pub struct NewDevice {
    /// `android`, `ios`, `web`.
    pub platform: String,
    /// What the push service calls it.
    #[schema(min_length = 1, max_length = 4096)]
    pub token: String,
}

/// A device.
#[derive(Debug, ToSchema)]
pub struct DeviceReply {
    /// Its name here.
    pub id: Uuid,
    /// What it runs.
    pub platform: String,
    /// Sequence of the user's last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
}

/// Devices.
#[derive(Debug, ToSchema)]
pub struct Devices {
    /// The oldest first.
    pub items: Vec<Device>,
    /// Always empty.
    pub next_page_token: String,
}

/// A device that notices are pushed to.
#[derive(Debug, ToSchema)]
pub struct Device {
    /// Its name here.
    pub id: Uuid,
    /// What it runs.
    pub platform: String,
}
