//! Mails that tell an announcement.

use domain::{
    ids::UserId,
    notification::{Category, Channel, Mailing, Mode},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Ink,
    compose::{Mail, Part, Unwritten, Words, render},
    notice::Writing,
};

/// To whom, and which one: its words are found when it is sent, and do not change any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnouncementLetter {
    /// Who is told.
    pub user: UserId,
    /// The announcement.
    pub announcement: Uuid,
    /// Afterwards it is no news.
    pub good_until: Timestamp,
}

/// The mail.
pub(super) async fn compose(ink: &Ink, letter: &AnnouncementLetter) -> Result<Mail, Unwritten> {
    let Some((view, announced)) = ink.sight.announced(letter.user, letter.announcement).await? else {
        return Err(Unwritten::Needless("there is no such announcement"));
    };
    let reader = view.reader().map_err(Unwritten::Needless)?;
    if reader.preferences.mode(Category::Announcement, Channel::Email) == Mode::Off {
        return Err(Unwritten::Needless("the person does not want it"));
    }
    let writing = Writing::begin(ink, letter.user, &view, announced.author.iter().copied()).await?;
    let tongue = writing.tongue;
    let who = announced.author.map_or_else(|| tongue.system().to_owned(), |author| writing.name(author));
    let mut parts = vec![writing.hello(), Part::Text(tongue.announces(&who))];
    parts.extend(paragraphs(announced.content.body.as_str()));
    let stop = writing.stop(Mailing::Category(Category::Announcement));
    parts.push(Part::Text(tongue.why(Category::Announcement)));
    parts.push(Part::Link { label: tongue.stop(), url: stop.clone() });
    let words = Words { subject: announced.content.title.to_string(), parts };
    let mail = render(writing.address, tongue.code(), &words);
    Ok(Mail { unsubscribe: Some(stop), ..mail })
}

/// Markdown is read well as it is.
fn paragraphs(text: &str) -> impl Iterator<Item = Part> {
    let parts = text.split("\n\n").map(|part| part.trim_matches('\n'));
    parts.filter(|part| !part.is_empty()).map(|part| Part::Verse(part.to_owned()))
}
