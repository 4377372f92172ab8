//! What people are told, a file for each language.

mod en;
mod ko;

use chrono::NaiveDate;
use domain::{alert::AlertKind, notification::Category, notification_rule::values::Template};

/// Who did what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead<'a> {
    pub(super) who: &'a str,
    pub(super) trigger: &'a str,
    pub(super) template: Template,
    /// Whether the reader was assigned or unassigned.
    pub(super) you: bool,
}

/// What admins should look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alerting<'a> {
    pub(super) kind: AlertKind,
    /// Whom or what it is about.
    pub(super) subject: &'a str,
    pub(super) actor: &'a str,
    pub(super) count: i64,
}

/// A language.
pub(super) trait Tongue: Sync {
    fn code(&self) -> &'static str;
    fn hello(&self, name: &str) -> String;
    /// One sentence: who did what.
    fn lead(&self, lead: &Lead<'_>) -> String;
    /// What it is in a few words, and in a sentence.
    fn alert(&self, alert: &Alerting<'_>) -> (&'static str, String);
    /// One sentence before what somebody announces.
    fn announces(&self, who: &str) -> String;
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
