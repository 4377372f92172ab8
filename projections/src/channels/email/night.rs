//! Mails about a nightly run of the core system.

use domain::{personal::Sealed, time::Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Ink,
    account::{language, minute, open},
    compose::{Facts, Mail, Topic, render},
    texts,
};
use crate::channels::telling::Unwritten;

/// To whom, and what a run has come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoreLetter {
    /// Who reads it.
    pub user: Uuid,
    /// Their address.
    pub email: Sealed,
    /// Their name.
    pub name: Sealed,
    /// Their language, with a region perhaps.
    pub locale: String,
    /// Until when it matters.
    pub good_until: Timestamp,
    /// The run.
    pub report: CoreReport,
}

/// What a nightly run has come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoreReport {
    /// The run.
    pub run: Uuid,
    /// For which night.
    pub turn: Timestamp,
    /// `done`, `failing`, `silent`.
    pub outcome: String,
    /// Changes that were told again.
    pub tried: i64,
    /// Taken now.
    pub delivered: i64,
    /// Refused for good.
    pub rejected: i64,
    /// To be told again next night.
    pub failed: i64,
    /// Everything that waits for the next night.
    pub waiting: i64,
    /// The first of those that were not taken.
    pub failures: Vec<CoreFailure>,
    /// Whether it knows each task as far as it was told; not asked after a run that was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<CoreChecksum>,
}

/// What has come of comparing the two sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoreChecksum {
    /// `compared`, `not_offered`, `failed`.
    pub outcome: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Tasks of which the core system has taken changes.
    pub tasks: i64,
    /// Of 256 parts, how many were gone through.
    pub buckets: i64,
    /// Tasks that the core system knows less far, further than it was told, or not at all, or that it should not know.
    pub differences: i64,
    /// The first of them.
    pub named: Vec<CoreDifference>,
}

/// A task that the two sides know differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoreDifference {
    /// The task.
    pub task: Uuid,
    /// Version of the last change that the core system has taken; null if it has taken none.
    pub expected: Option<i64>,
    /// What it says to know; null if nothing.
    pub found: Option<i64>,
}

/// A change that was not taken: ids and the core system's words, nothing of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct CoreFailure {
    /// The delivery.
    pub delivery: Uuid,
    /// The task.
    pub task: String,
    /// Place of the change in the log.
    pub position: i64,
    /// `failed`, `rejected`.
    pub state: String,
    /// The core system's code, or what kept an answer from coming.
    pub code: Option<String>,
    /// Its words.
    pub reason: Option<String>,
}

/// The mail; none for somebody who is erased.
pub(super) async fn compose(ink: &Ink, letter: &CoreLetter) -> Result<Mail, Unwritten> {
    let [address, name] = open(ink, [&letter.email, &letter.name]).await?;
    let language = language(&letter.locale);
    let url = format!("{}/v1/admin/interface", ink.public_url);
    let facts = Facts { name, when: minute(letter.report.turn), url };
    let topic = Topic::CoreRun(letter.report.clone());
    let words = match language {
        "ko" => texts::ko::words(topic, facts),
        _ => texts::en::words(topic, facts),
    };
    Ok(render(address, language, &words))
}

impl CoreDifference {
    /// In one line, the same in every language.
    pub(super) fn line(&self) -> String {
        let said =
            |version: Option<i64>| version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        format!("{}: {} / {}", self.task, said(self.expected), said(self.found))
    }
}

impl CoreFailure {
    /// In one line, the same in every language.
    pub(super) fn line(&self) -> String {
        let words = [self.code.as_deref(), self.reason.as_deref()];
        let words: Vec<_> =
            words.into_iter().flatten().map(|text| text.replace(char::is_control, " ")).collect();
        format!("{} #{} {}: {}", self.task, self.position, self.state, words.join(" "))
    }
}
