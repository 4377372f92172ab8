//! Mails that tell an announcement.

use domain::notification::{Category, Channel, Mailing};

use super::{
    Ink,
    compose::{Mail, Part, Words, render},
    notice::Writing,
};
use crate::channels::{
    announcement::{AnnouncementLetter, Announcing},
    telling::Unwritten,
};

/// The mail.
pub(super) async fn compose(ink: &Ink, letter: &AnnouncementLetter) -> Result<Mail, Unwritten> {
    let Announcing { view, author, content } = letter.open(&ink.sight, Channel::Email).await?;
    let writing = Writing::begin(ink, letter.user, &view, author.into_iter()).await?;
    let (telling, tongue) = (&writing.telling, writing.telling.tongue);
    let mut parts = vec![Part::Text(telling.hello()), Part::Text(tongue.announces(&telling.who(author)))];
    parts.extend(paragraphs(content.body.as_str()));
    let stop = writing.stop(Mailing::Category(Category::Announcement));
    parts.push(Part::Text(tongue.why(Category::Announcement)));
    parts.push(Part::Link { label: tongue.stop(), url: stop.clone() });
    let words = Words { subject: content.title.to_string(), parts };
    let mail = render(writing.address, tongue.code(), &words);
    Ok(Mail { unsubscribe: Some(stop), ..mail })
}

/// Markdown is read well as it is.
fn paragraphs(text: &str) -> impl Iterator<Item = Part> {
    let parts = text.split("\n\n").map(|part| part.trim_matches('\n'));
    parts.filter(|part| !part.is_empty()).map(|part| Part::Verse(part.to_owned()))
}
