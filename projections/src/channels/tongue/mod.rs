//! What people are told of tasks, a file for each language.

mod en;
mod ko;

use chrono::NaiveDate;
use domain::{notification::Category, notification_rule::values::Template};

/// Who did what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead<'a> {
    pub(super) who: &'a str,
    pub(super) trigger: &'a str,
    pub(super) template: Template,
    /// Whether the reader was assigned or unassigned.
    pub(super) you: bool,
}

/// A language.
pub(super) trait Tongue: Sync {
    fn code(&self) -> &'static str;
    fn hello(&self, name: &str) -> String;
    /// One sentence: who did what.
    fn lead(&self, lead: &Lead<'_>) -> String;
    fn field<'a>(&self, field: &'a str) -> &'a str;
    /// A status, a priority, a visibility.
    fn word<'a>(&self, word: &'a str) -> &'a str;
    fn yes(&self, yes: bool) -> &'static str;
    fn none(&self) -> &'static str;
    /// Who acted, if nobody did.
    fn system(&self) -> &'static str;
    /// Whose name is not known any more.
    fn somebody(&self) -> &'static str;
    /// On the link to the task.
    fn open(&self) -> &'static str;
    fn why(&self, category: Category) -> String;
    fn why_digest(&self) -> &'static str;
    /// On the link that ends such mails.
    fn stop(&self) -> &'static str;
    fn digest_subject(&self, day: NaiveDate) -> String;
    fn digest(&self, tasks: usize) -> String;
    fn more(&self, count: usize) -> String;
}

/// The language of this code; English where there is none.
pub(super) fn tongue(language: &str) -> &'static dyn Tongue {
    if language == "ko" { &ko::Korean } else { &en::English }
}
