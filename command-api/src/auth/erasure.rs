//! Erasing a person.

use domain::{ids::UserId, user::UserCommand};

use super::Auth;
use crate::commands::{Answer, Caller, Refusal, Reply, UserDone, UserUnit};

impl Auth {
    /// Executes a unit that erases. What was counted under the address goes first: afterwards nobody knows the address. All else
    /// goes in the transaction that appends the event.
    pub(crate) async fn erase(
        &self,
        caller: &Caller,
        unit: &UserUnit,
        reply: impl Fn(&UserDone) -> Reply + Send + Sync,
    ) -> Result<Answer, Refusal> {
        self.forget_tries(&self.0.commands.load_user(unit.user).await?).await;
        self.0.commands.users(caller, unit, reply).await
    }

    /// Erases a person anew whom a backup has brought back. False if they are erased, or nobody ever was.
    pub async fn erase_again(&self, caller: &Caller, user: UserId) -> Result<bool, Refusal> {
        let standing = self.0.commands.load_user(user).await?;
        if !standing.exists() || standing.erased {
            return Ok(false);
        }
        let unit = UserUnit::new(user, UserCommand::Erase);
        self.erase(caller, &unit, |_| Reply::default()).await.map(|_| true)
    }
}
