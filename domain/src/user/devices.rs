//! The devices that notices are pushed to, and what somebody wants to be told.

use serde::{Deserialize, Serialize};

use super::{
    DeviceRegistered, DeviceRemoved, User, UserError, UserEvent, decide::Decided, values::UserState,
};
use crate::{
    event::Change,
    ids::DeviceId,
    notification::{Category, Channel, Mode, Preferences},
    personal::Sealed,
    violation::{FieldViolation, Violation},
    words::words,
};

/// Devices of one user at most.
const MAX_DEVICES: usize = 20;

words! {
    /// What a device runs.
    Platform {
        /// Android.
        Android = "android",
        /// iOS.
        Ios = "ios",
        /// A browser.
        Web = "web",
    }
}

words! {
    /// Why a device is no longer pushed to.
    Removal {
        /// Its user wants so.
        Removed = "removed",
        /// The push service knows it no more.
        Unregistered = "unregistered",
        /// Somebody else uses it now.
        TakenOver = "taken_over",
    }
}

/// A device that notices are pushed to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its name here.
    pub id: DeviceId,
    /// What it runs.
    pub platform: Platform,
    /// What the push service calls it.
    pub token: Sealed,
}

impl User {
    /// The device that the push service calls so.
    pub fn device(&self, token: &Sealed) -> Option<&Device> {
        self.devices.iter().find(|device| device.token == *token)
    }

    pub(super) fn register_device(&self, new: DeviceRegistered) -> Decided {
        match self.must_exist()? {
            UserState::Active => {}
            state @ (UserState::Unverified | UserState::Deactivated) => {
                return Err(UserError::StateNotAllowed { state });
            }
        }
        if self.device(&new.token).is_some() {
            return Ok(Vec::new());
        }
        if self.devices.iter().any(|device| device.id == new.device) {
            return Err(UserError::IdTaken);
        }
        if self.devices.len() >= MAX_DEVICES {
            return Err(UserError::TooManyDevices { max: MAX_DEVICES });
        }
        Ok(vec![UserEvent::DeviceRegistered(new)])
    }

    pub(super) fn remove_device(&self, device: DeviceId, why: Removal) -> Decided {
        self.must_exist()?;
        if !self.devices.iter().any(|known| known.id == device) {
            return Err(UserError::NotFound);
        }
        Ok(vec![UserEvent::DeviceRemoved(DeviceRemoved { device, why })])
    }

    pub(super) fn set_preferences(&self, to: Preferences) -> Decided {
        self.must_exist()?;
        let violations = misfits(&to);
        if !violations.is_empty() {
            return Err(UserError::Invalid(violations));
        }
        let from = self.preferences.clone();
        let changed = from != to;
        let event = UserEvent::NotificationPreferencesChanged(Change { from, to });
        Ok(changed.then_some(event).into_iter().collect())
    }
}

fn misfits(preferences: &Preferences) -> Vec<FieldViolation> {
    let digests = |category: &Category| {
        let channels = preferences.modes.get(category).into_iter().flatten();
        let odd = channels.filter(|(channel, mode)| **mode == Mode::Digest && **channel != Channel::Email);
        odd.map(|(channel, _)| format!("channels/{category}/{channel}")).collect::<Vec<_>>()
    };
    let odd = Category::ALL.iter().flat_map(digests);
    let expected = "off or now; digests come by mail only";
    let mut violations: Vec<_> =
        odd.map(|member| FieldViolation::of(&member, Violation::Malformed { expected })).collect();
    if preferences.quiet_hours.is_some_and(|quiet| quiet.from == quiet.to) {
        let expected = "another time than from";
        violations.push(FieldViolation::of("quiet_hours/to", Violation::Malformed { expected }));
    }
    violations
}
