//! Mails that alert admins.

use super::{
    Ink,
    account::minute,
    compose::{Mail, Part, Words, render},
    notice::Writing,
};
use crate::channels::{alert::AlertLetter, telling::Unwritten};

/// The mail.
pub(super) async fn compose(ink: &Ink, letter: &AlertLetter) -> Result<Mail, Unwritten> {
    let view = letter.open(&ink.sight).await?;
    let Writing { address, telling, .. } =
        Writing::begin(ink, letter.user, &view, letter.alert.people()).await?;
    let (heading, text) = telling.alert(&letter.alert);
    let parts =
        vec![Part::Text(telling.hello()), Part::Text(text), Part::Text(minute(letter.alert.occurred_at))];
    let words = Words { subject: heading.to_owned(), parts };
    Ok(render(address, telling.tongue.code(), &words))
}
