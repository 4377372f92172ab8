//! Mails that alert admins.

use domain::{alert::Alert, ids::UserId, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Ink,
    account::minute,
    compose::{Mail, Part, Unwritten, Words, render},
    notice::Writing,
    texts::notices::Alerting,
};

/// To whom, and of what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertLetter {
    /// Who is told.
    pub user: UserId,
    /// Afterwards it helps nobody.
    pub good_until: Timestamp,
    /// Of what.
    pub alert: Alert,
}

/// The mail; none for who is no admin any more.
pub(super) async fn compose(ink: &Ink, letter: &AlertLetter) -> Result<Mail, Unwritten> {
    let alert = &letter.alert;
    let view = ink.sight.meet(letter.user, alert.people()).await?;
    if !view.reader().map_err(Unwritten::Needless)?.is_active_admin() {
        return Err(Unwritten::Needless("the person is no admin"));
    }
    let writing = Writing::begin(ink, letter.user, &view, alert.people()).await?;
    let tongue = writing.tongue;
    let subject = alert.user().map_or_else(|| alert.subject.clone(), |user| writing.name(user));
    let actor = alert.actor.map_or_else(|| tongue.system().to_owned(), |actor| writing.name(actor));
    let said = Alerting { kind: alert.trigger, subject: &subject, actor: &actor, count: alert.count };
    let (heading, text) = tongue.alert(&said);
    let when = Part::Text(minute(alert.occurred_at));
    let parts = vec![writing.hello(), Part::Text(text), when];
    let words = Words { subject: heading.to_owned(), parts };
    Ok(render(writing.address, tongue.code(), &words))
}
