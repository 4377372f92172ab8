//! What all channels carry that alert admins.

use domain::{alert::Alert, ids::UserId, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::{Sight, sight::View, telling::Unwritten};

/// To whom, and of what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertLetter {
    /// Who is told.
    pub user: UserId,
    /// Afterwards it helps nobody.
    pub good_until: Timestamp,
    /// Of what.
    pub alert: Alert,
}

impl AlertLetter {
    /// The people it is about; none for who is no admin any more.
    pub(super) async fn open(&self, sight: &Sight) -> Result<View, Unwritten> {
        let view = sight.meet(self.user, self.alert.people()).await?;
        if !view.reader().map_err(Unwritten::Needless)?.is_active_admin() {
            return Err(Unwritten::Needless("the person is no admin"));
        }
        Ok(view)
    }
}
