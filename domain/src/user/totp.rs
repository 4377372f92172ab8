//! The second factor: which secret and which recovery codes are in force. What they are is not here.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    RecoveryCodeUsed, RecoveryCodesRenewed, TotpEnabled, User, UserError, UserEvent, decide::Decided,
};
use crate::{event::Nothing, ids::CredentialId};

/// The second factor of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    /// Under which id the secret is kept.
    pub secret: Uuid,
    /// What helps who has lost the device.
    pub recovery_codes: RecoveryCodes,
}

/// Recovery codes, of which each is good once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// Under which id they are kept.
    pub id: Uuid,
    /// Those used, a bit for each number.
    used: u16,
}

impl RecoveryCodes {
    /// How many there are; their numbers begin with 0.
    pub const COUNT: u8 = 10;

    const fn new(id: Uuid) -> Self {
        Self { id, used: 0 }
    }

    /// Whether the code of this number is still good.
    pub fn has(self, number: u8) -> bool {
        number < Self::COUNT && self.used & (1 << number) == 0
    }

    /// How many are still good.
    pub fn left(self) -> u8 {
        (0..Self::COUNT).map(|number| u8::from(self.has(number))).sum()
    }
}

impl From<TotpEnabled> for Totp {
    fn from(TotpEnabled { secret, recovery_codes }: TotpEnabled) -> Self {
        Self { secret, recovery_codes: RecoveryCodes::new(recovery_codes) }
    }
}

impl Totp {
    pub(super) fn renew(self, recovery_codes: Uuid) -> Self {
        Self { recovery_codes: RecoveryCodes::new(recovery_codes), ..self }
    }

    pub(super) fn without(mut self, number: u8) -> Self {
        if self.recovery_codes.has(number) {
            self.recovery_codes.used |= 1 << number;
        }
        self
    }
}

impl User {
    pub(super) fn enable_totp(&self, enabled: TotpEnabled) -> Decided {
        self.must_exist()?;
        match self.totp {
            None => Ok(vec![UserEvent::TotpEnabled(enabled)]),
            Some(totp) if totp.secret == enabled.secret => Ok(Vec::new()),
            Some(_) => Err(UserError::SecondFactor),
        }
    }

    pub(super) fn disable_totp(&self, password: Option<CredentialId>) -> Decided {
        self.must_exist()?;
        match self.totp {
            None => Ok(Vec::new()),
            Some(_) if self.credential == password => Ok(vec![UserEvent::TotpDisabled(Nothing {})]),
            // Another one counts by now, perhaps one that does not do alone.
            Some(_) => Err(UserError::SecondFactor),
        }
    }

    pub(super) fn renew_recovery_codes(&self, recovery_codes: Uuid) -> Decided {
        self.must_exist()?;
        self.totp.ok_or(UserError::SecondFactor)?;
        Ok(vec![UserEvent::RecoveryCodesRenewed(RecoveryCodesRenewed { recovery_codes })])
    }

    pub(super) fn use_recovery_code(&self, recovery_codes: Uuid, number: u8) -> Decided {
        let codes = self.totp.ok_or(UserError::SecondFactor)?.recovery_codes;
        if codes.id != recovery_codes || !codes.has(number) {
            return Err(UserError::RecoveryCodeWorthless);
        }
        Ok(vec![UserEvent::RecoveryCodeUsed(RecoveryCodeUsed { number, left: codes.left() - 1 })])
    }
}
