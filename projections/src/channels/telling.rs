//! What happened to a task, told to one reader: in their language, and people by the names that they have now.

use std::collections::HashMap;

use domain::{
    ids::UserId,
    notice::{FieldChange, Happening},
    notification_rule::values::Template,
};
use event_store::{SealError, Sealer, Unsealed};
use serde_json::Value;

use super::{
    sight::View,
    tongue::{Lead, Tongue, tongue},
};
use crate::{deliveries::Attempted, reactors::StateError};

/// Why there is nothing to send.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritten {
    /// There is nothing to tell any more.
    #[error("{0}")]
    Needless(&'static str),
    /// What is sealed cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// What it is about cannot be looked at.
    #[error(transparent)]
    States(#[from] StateError),
}

impl From<Unwritten> for Attempted {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Needless(reason) => Self::skipped(reason),
            // It will not be mended by waiting.
            Unwritten::Sealed(SealError::Damaged) => Self::rejected("what is sealed cannot be opened"),
            error @ (Unwritten::Sealed(_) | Unwritten::States(_)) => Self::failed(error),
        }
    }
}

/// To whom, in what language, and what people are called.
pub(super) struct Telling {
    reader: UserId,
    pub(super) tongue: &'static dyn Tongue,
    names: HashMap<UserId, String>,
}

impl Telling {
    pub(super) async fn begin(
        sealer: &Sealer,
        reader: UserId,
        view: &View,
        happenings: impl Iterator<Item = &Happening>,
    ) -> Result<Self, Unwritten> {
        let user = view.reader().map_err(Unwritten::Needless)?;
        let language = user.locale.as_ref().map_or("en", |locale| locale.language());
        let people = happenings.flat_map(Happening::people).chain([reader]);
        let sealed = people.filter_map(|id| Some((id, view.person(id)?.name.clone()?)));
        let (ids, sealed): (Vec<_>, Vec<_>) = sealed.unzip();
        // Of those who are erased there is none.
        let opened = sealer.unseal_all(&sealed).await?.into_iter().map(Unsealed::clear);
        let names = ids.into_iter().zip(opened).filter_map(|(id, name)| Some((id, name?))).collect();
        Ok(Self { reader, tongue: tongue(language), names })
    }

    pub(super) fn hello(&self) -> String {
        self.tongue.hello(&self.name(self.reader))
    }

    /// Which task.
    pub(super) fn heading(happening: &Happening) -> String {
        format!("[{}] {}", happening.key, happening.title)
    }

    /// One sentence: who did what.
    pub(super) fn lead(&self, happening: &Happening, template: Template) -> String {
        let assigned = happening
            .changes
            .iter()
            .any(|change| change.field == "assignees" && change.people().any(|person| person == self.reader));
        let who = happening.actor.map_or_else(|| self.tongue.system().to_owned(), |actor| self.name(actor));
        self.tongue.lead(&Lead { who: &who, trigger: &happening.trigger, template, you: assigned })
    }

    /// What changed from what to what, a line each, but for what somebody wrote.
    pub(super) fn lines(&self, happening: &Happening) -> Vec<String> {
        let listed = happening.changes.iter().filter(|change| !is_written(change));
        listed.map(|change| self.line(change)).collect()
    }

    /// What somebody wrote.
    pub(super) fn quotes(happening: &Happening) -> impl Iterator<Item = &str> {
        let written = happening.changes.iter().filter(|change| is_written(change));
        written.filter_map(|change| change.new.as_str())
    }

    /// Somebody's name as it is now.
    fn name(&self, id: UserId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| self.tongue.somebody().to_owned())
    }

    fn line(&self, change: &FieldChange) -> String {
        let field = self.tongue.field(&change.field);
        let value = |value: &Value| self.value(&change.field, value);
        match (&change.old, &change.new) {
            (Value::Null, new) => format!("{field}: {}", value(new)),
            (old, new) => format!("{field}: {} → {}", value(old), value(new)),
        }
    }

    fn value(&self, field: &str, value: &Value) -> String {
        match (field, value) {
            (_, Value::Null) => self.tongue.none().to_owned(),
            ("assignees" | "watchers", Value::String(id)) => {
                id.parse().map_or_else(|_| id.clone(), |id| self.name(id))
            }
            ("status" | "priority" | "visibility", Value::String(word)) => self.tongue.word(word).to_owned(),
            (_, Value::String(text)) => text.clone(),
            (_, Value::Bool(yes)) => self.tongue.yes(*yes).to_owned(),
            (_, Value::Object(members)) => {
                let texts: Vec<_> = members.values().filter_map(Value::as_str).collect();
                texts.join(" ")
            }
            (_, other) => other.to_string(),
        }
    }
}

/// Texts of one kind are not told at once in a list.
fn is_written(change: &FieldChange) -> bool {
    matches!(change.field.as_str(), "comments" | "description" | "reason")
}
