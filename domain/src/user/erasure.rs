//! Erasing a person: the key of their personal data goes, and with it everything that only counted for them.

use super::{User, UserCommand, UserContext, UserError, UserEvent, decide::Decided};
use crate::event::Nothing;

impl User {
    /// By somebody else: whoever erases answers for it.
    pub(super) fn erase(&self, context: &UserContext) -> Decided {
        self.must_exist()?;
        if context.actor.id() == Some(context.user) {
            return Err(UserError::Forbidden);
        }
        self.must_not_be_last_admin(context)?;
        Ok(vec![UserEvent::Erased(Nothing {})])
    }

    /// Nothing can be asked of who is erased.
    pub(super) fn after_erasure(command: &UserCommand) -> Decided {
        if *command == UserCommand::Erase { Ok(Vec::new()) } else { Err(UserError::Erased) }
    }

    /// What stays is that there was somebody, from when to when, and whether it was a program.
    pub(super) fn take_erased(&mut self) {
        let Self { version, epoch, session_epoch, create_time, update_time, ref service_scopes, .. } = *self;
        *self = Self {
            version,
            epoch,
            session_epoch,
            create_time,
            update_time,
            service_scopes: *service_scopes,
            deactivated: true,
            erased: true,
            ..Self::default()
        };
        self.end_sessions();
    }
}
