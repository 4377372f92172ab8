//! Who is told of what happened to a task, by what ways and when.
//!
//! Pure, so that what a rule would have done can be asked for without doing it.

mod audience;
mod changes;
mod decide;
mod happening;
mod mentions;
mod reminder;
mod rules;

pub use audience::{People, sees};
pub use changes::FieldChange;
pub(crate) use decide::reaches;
pub use decide::{Notice, Occasion, When, decide};
pub use happening::{Happening, comment, subjects};
pub use mentions::{MAX_MENTIONS, Named, mentioned};
pub use reminder::Reminders;
pub use rules::rules_in_force;
