//! Mails about tasks: one of one event, or one of a day.

use chrono::NaiveDate;
use domain::{
    ids::{TaskId, UserId},
    notice::Happening,
    notification::{Channel, Mailing},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    Ink,
    account::open,
    compose::{Mail, Part, Words, render},
};
use crate::channels::{
    notice::{NoticeLetter, Told},
    sight::View,
    telling::{Telling, Unwritten},
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
    let writing = Writing::begin(ink, letter.user, &view, std::iter::once(happening)).await?;
    let (telling, tongue) = (&writing.telling, writing.telling.tongue);
    let mut parts = vec![Part::Text(telling.hello()), Part::Text(telling.lead(happening, *template))];
    parts.extend(writing.changes(happening));
    parts.push(Part::Link { label: tongue.open(), url: writing.task_url(happening) });
    let stop = writing.stop(Mailing::Category(*category));
    parts.push(Part::Text(tongue.why(*category)));
    parts.push(Part::Link { label: tongue.stop(), url: stop.clone() });
    let words = Words { subject: Telling::heading(happening), parts };
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
    let writing = Writing::begin(ink, letter.user, &view, happenings()).await?;
    let tongue = writing.telling.tongue;
    let tasks = by_task(&told);
    let mut parts = vec![Part::Text(writing.telling.hello()), Part::Text(tongue.digest(tasks.len()))];
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

/// Who is written to, and in what words.
struct Writing<'a> {
    ink: &'a Ink,
    reader: UserId,
    address: String,
    telling: Telling,
}

impl<'a> Writing<'a> {
    async fn begin(
        ink: &'a Ink,
        reader: UserId,
        view: &View,
        happenings: impl Iterator<Item = &Happening>,
    ) -> Result<Self, Unwritten> {
        let user = view.reader().map_err(Unwritten::Needless)?;
        let Some(email) = &user.email else { return Err(Unwritten::Needless("the person has no address")) };
        let [address] = open(ink, [email]).await?;
        let telling = Telling::begin(&ink.sealer, reader, view, happenings).await?;
        Ok(Self { ink, reader, address, telling })
    }

    fn changes(&self, happening: &Happening) -> Vec<Part> {
        let lines = self.telling.lines(happening);
        let quotes = Telling::quotes(happening).map(|text| Part::Quote(text.to_owned()));
        (!lines.is_empty()).then_some(Part::Lines(lines)).into_iter().chain(quotes).collect()
    }

    fn task(&self, told: &[&Told]) -> Vec<Part> {
        let Some(first) = told.first() else { return Vec::new() };
        let happening = &first.happening;
        let heading = Telling::heading(happening);
        let mut parts = vec![Part::Heading { text: heading, url: self.task_url(happening) }];
        for one in told {
            parts.push(Part::Text(self.telling.lead(&one.happening, one.template)));
            parts.extend(self.changes(&one.happening));
        }
        parts
    }

    fn task_url(&self, happening: &Happening) -> String {
        format!("{}/tasks/{}", self.ink.public_url, happening.key)
    }

    /// Where these mails come to an end.
    fn stop(&self, mailing: Mailing) -> String {
        let token = self.ink.tokens.write_unsubscribe(self.reader.0, &mailing.to_string());
        format!("{}/auth/unsubscribe/{token}", self.ink.public_url)
    }
}
