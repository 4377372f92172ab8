//! Whose device: the recipient of a push delivery.

use std::{fmt, str::FromStr};

use domain::ids::{DeviceId, UserId};

/// One device of one person; `<user>/<device>`. Each has a delivery of its own, so that trying one again sends nothing to
/// the others a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The person.
    pub user: UserId,
    /// Their device.
    pub device: DeviceId,
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.device)
    }
}

/// Not `<user>/<device>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a user and a device")]
pub struct InvalidRecipient;

impl FromStr for Recipient {
    type Err = InvalidRecipient;

    fn from_str(text: &str) -> Result<Self, InvalidRecipient> {
        let (user, device) = text.split_once('/').ok_or(InvalidRecipient)?;
        let user = user.parse().map_err(|_| InvalidRecipient)?;
        Ok(Self { user, device: device.parse().map_err(|_| InvalidRecipient)? })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let recipient = Recipient { user: UserId(Uuid::now_v7()), device: DeviceId(Uuid::now_v7()) };
        assert_eq!(recipient.to_string().parse(), Ok(recipient));
        for odd in [String::new(), recipient.user.to_string(), format!("{recipient}/x"), "a/b".to_owned()] {
            assert_eq!(odd.parse::<Recipient>(), Err(InvalidRecipient), "{odd}");
        }
    }
}
