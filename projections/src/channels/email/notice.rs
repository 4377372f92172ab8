//! Mails about tasks: one of one event, or one of a day.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::{
    ids::{TaskId, UserId},
    notice::{FieldChange, Happening},
    notification::{Channel, Mailing},
    notification_rule::values::Template,
    time::Timestamp,
    user::User,
};
use event_store::Unsealed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Ink,
    account::open,
    compose::{Mail, Part, Unwritten, Words, render},
    texts::notices::{Lead, Tongue, tongue},
};
use crate::channels::{
    notice::{NoticeLetter, Told},
    sight::View,
};

/// The payload of a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DigestLetter {
    /// Who is told.
    pub user: UserId,
    /// Of which day, where the person lives.
    pub day: NaiveDate,
    /// Afterwards it is no news.
    pub good_until: Timestamp,
    /// Of what, in the order of the log.
    pub told: Vec<Told>,
    /// Of how much more there was no room to tell.
    pub more: usize,
}

/// The mail about one event.
pub(super) async fn compose(ink: &Ink, letter: &NoticeLetter) -> Result<Mail, Unwritten> {
    let Told { category, template, happening } = &letter.told;
    let view = ink.sight.look(letter.user, std::iter::once(happening)).await?;
    if let Some(reason) = view.hindrance(happening, *category, Channel::Email) {
        return Err(Unwritten::Needless(reason));
    }
    let writing = Writing::begin(ink, letter.user, &view, happening.people()).await?;
    let tongue = writing.tongue;
    let mut parts = vec![writing.hello(), Part::Text(writing.lead(happening, *template))];
    parts.extend(writing.changes(happening));
    parts.push(Part::Link { label: tongue.open(), url: writing.task_url(happening) });
    let stop = writing.stop(Mailing::Category(*category));
    parts.push(Part::Text(tongue.why(*category)));
    parts.push(Part::Link { label: tongue.stop(), url: stop.clone() });
    let words = Words { subject: heading(happening), parts };
    let mail = render(writing.address, tongue.code(), &words);
    Ok(Mail { thread: Some(happening.task.0), unsubscribe: Some(stop), ..mail })
}

/// The mail about a day, task by task.
pub(super) async fn compose_digest(ink: &Ink, letter: &DigestLetter) -> Result<Mail, Unwritten> {
    let happenings = || letter.told.iter().map(|told| &told.happening);
    let view = ink.sight.look(letter.user, happenings()).await?;
    view.reader().map_err(Unwritten::Needless)?;
    let seen = |told: &&Told| view.hindrance(&told.happening, told.category, Channel::Email).is_none();
    let told: Vec<&Told> = letter.told.iter().filter(seen).collect();
    if told.is_empty() {
        return Err(Unwritten::Needless("the person sees nothing of it any more"));
    }
    let writing = Writing::begin(ink, letter.user, &view, happenings().flat_map(Happening::people)).await?;
    let tongue = writing.tongue;
    let tasks = by_task(&told);
    let mut parts = vec![writing.hello(), Part::Text(tongue.digest(tasks.len()))];
    for happened in &tasks {
        parts.extend(writing.task(happened));
    }
    if letter.more > 0 {
        parts.push(Part::Text(tongue.more(letter.more)));
    }
    let stop = writing.stop(Mailing::Digest);
    parts.push(Part::Text(tongue.why_digest().to_owned()));
    parts.push(Part::Link { label: tongue.stop(), url: stop.clone() });
    let words = Words { subject: tongue.digest_subject(letter.day), parts };
    let mail = render(writing.address, tongue.code(), &words);
    Ok(Mail { unsubscribe: Some(stop), ..mail })
}

/// What happened to each task; the task of which there was news first comes first.
fn by_task<'a>(told: &[&'a Told]) -> Vec<Vec<&'a Told>> {
    let mut tasks: Vec<(TaskId, Vec<&Told>)> = Vec::new();
    for one in told {
        let id = one.happening.task;
        match tasks.iter_mut().find(|(task, _)| *task == id) {
            Some((_, known)) => known.push(one),
            None => tasks.push((id, vec![one])),
        }
    }
    tasks.into_iter().map(|(_, told)| told).collect()
}

fn heading(happening: &Happening) -> String {
    format!("[{}] {}", happening.key, happening.title)
}

/// Texts of one kind are not told at once in a list.
fn is_written(change: &FieldChange) -> bool {
    matches!(change.field.as_str(), "comments" | "description" | "reason")
}

/// Who is written to, in what language, and what people are called.
pub(super) struct Writing<'a> {
    ink: &'a Ink,
    reader: UserId,
    pub(super) address: String,
    pub(super) tongue: &'static dyn Tongue,
    names: HashMap<UserId, String>,
}

impl<'a> Writing<'a> {
    /// These people are named besides the reader.
    pub(super) async fn begin(
        ink: &'a Ink,
        reader: UserId,
        view: &View,
        people: impl Iterator<Item = UserId>,
    ) -> Result<Self, Unwritten> {
        let user = view.reader().map_err(Unwritten::Needless)?;
        let Some(email) = &user.email else { return Err(Unwritten::Needless("the person has no address")) };
        let [address] = open(ink, [email]).await?;
        let language = user.locale.as_ref().map_or("en", |locale| locale.language());
        let people = people.chain([reader]).filter_map(|id| Some((id, view.person(id)?)));
        let names = names(ink, people).await?;
        Ok(Self { ink, reader, address, tongue: tongue(language), names })
    }

    pub(super) fn hello(&self) -> Part {
        Part::Text(self.tongue.hello(&self.name(self.reader)))
    }

    /// Somebody's name as it is now.
    pub(super) fn name(&self, id: UserId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| self.tongue.somebody().to_owned())
    }

    fn lead(&self, happening: &Happening, template: Template) -> String {
        let assigned = happening
            .changes
            .iter()
            .any(|change| change.field == "assignees" && change.people().any(|person| person == self.reader));
        let who = happening.actor.map_or_else(|| self.tongue.system().to_owned(), |actor| self.name(actor));
        self.tongue.lead(&Lead { who: &who, trigger: &happening.trigger, template, you: assigned })
    }

    fn changes(&self, happening: &Happening) -> Vec<Part> {
        let listed = happening.changes.iter().filter(|change| !is_written(change));
        let lines: Vec<_> = listed.map(|change| self.line(change)).collect();
        let written = happening.changes.iter().filter(|change| is_written(change));
        let quotes = written.filter_map(|change| Some(Part::Quote(change.new.as_str()?.to_owned())));
        (!lines.is_empty()).then_some(Part::Lines(lines)).into_iter().chain(quotes).collect()
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

    fn task(&self, told: &[&Told]) -> Vec<Part> {
        let Some(first) = told.first() else { return Vec::new() };
        let happening = &first.happening;
        let mut parts = vec![Part::Heading { text: heading(happening), url: self.task_url(happening) }];
        for one in told {
            parts.push(Part::Text(self.lead(&one.happening, one.template)));
            parts.extend(self.changes(&one.happening));
        }
        parts
    }

    fn task_url(&self, happening: &Happening) -> String {
        format!("{}/tasks/{}", self.ink.public_url, happening.key)
    }

    /// Where these mails come to an end.
    pub(super) fn stop(&self, mailing: Mailing) -> String {
        let token = self.ink.tokens.write_unsubscribe(self.reader.0, &mailing.to_string());
        format!("{}/auth/unsubscribe/{token}", self.ink.public_url)
    }
}

/// Names in clear of those who are not erased.
async fn names<'a>(
    ink: &Ink,
    people: impl Iterator<Item = (UserId, &'a User)>,
) -> Result<HashMap<UserId, String>, Unwritten> {
    let sealed = people.filter_map(|(id, user)| Some((id, user.name.clone()?)));
    let (ids, sealed): (Vec<_>, Vec<_>) = sealed.unzip();
    let opened = ink.sealer.unseal_all(&sealed).await?.into_iter().map(Unsealed::clear);
    Ok(ids.into_iter().zip(opened).filter_map(|(id, name)| Some((id, name?))).collect())
}
