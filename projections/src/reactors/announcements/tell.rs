//! One announcement, told to its recipients.

use chrono::TimeDelta;
use domain::{
    announcement::{Announced, Announcement},
    notification::{Category, Channel},
    time::Timestamp,
    user::User,
};
use event_store::envelope::Envelope;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Announcements, audience::settled};
use crate::{
    channels::{
        announcement::AnnouncementLetter,
        email::Letter,
        push::{self, PushLetter},
    },
    deliveries::NewDelivery,
    reactors::{ReactError, States, notices},
};

/// A mail that is later than this is not sent any more.
const NEWS: TimeDelta = TimeDelta::days(7);

const SENT: &str = "
INSERT INTO announcement_sendings (announcement_id, version, as_of, recipients, event_id, position)
VALUES ($1, $2, $4, $5, $3, $4)
ON CONFLICT (announcement_id)
DO UPDATE SET event_id = excluded.event_id, position = excluded.position, recipients = excluded.recipients";

const SHOW: &str = "
INSERT INTO notices (id, user_id, event_id, position, announcement_id, category, template, happening)
SELECT id, user_id, $3, $4, $5, $6, $6, $7 FROM unnest($1::uuid[], $2::uuid[]) AS t (id, user_id)
ON CONFLICT (user_id, event_id) DO NOTHING";

impl Announcements {
    /// Those who have gone since are passed over by the channels.
    pub(super) async fn tell(
        &self,
        tables: &mut PgConnection,
        at: &Envelope,
        announcement: &Announcement,
    ) -> Result<Vec<NewDelivery>, ReactError> {
        let Some(content) = &announcement.content else { return Ok(Vec::new()) };
        let recipients = settled(tables, at.aggregate_id).await?;
        note(tables, at, recipients.len()).await?;
        let users = States::<User>::read(tables, &self.log, notices::NAME, &recipients).await?;
        let now = (self.clock)();
        let (mut sent, mut shown) = (Vec::new(), Vec::new());
        for id in recipients {
            let Some(user) = users.get(id) else { continue };
            let ways = content.ways(user, now).into_iter().filter(|(channel, _)| self.channels.has(*channel));
            for (channel, due) in ways {
                match channel {
                    Channel::Inbox => shown.push(id),
                    Channel::Email | Channel::Push => {
                        sent.extend(deliveries(at, (id, user), channel, due, now)?)
                    }
                }
            }
        }
        show(tables, at, announcement, &shown).await?;
        Ok(sent)
    }
}

async fn note(tables: &mut PgConnection, at: &Envelope, recipients: usize) -> sqlx::Result<()> {
    let query = sqlx::query(SENT).bind(at.aggregate_id).bind(at.version).bind(at.id.0).bind(at.position);
    query.bind(i64::try_from(recipients).unwrap_or(i64::MAX)).execute(tables).await.map(drop)
}

fn deliveries(
    at: &Envelope,
    (id, user): (Uuid, &User),
    channel: Channel,
    due: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<NewDelivery>, serde_json::Error> {
    let good_until = due.unwrap_or(now).plus(NEWS);
    let letter = AnnouncementLetter { user: id.into(), announcement: at.aggregate_id, good_until };
    let (recipients, payload) = match channel {
        Channel::Email => (vec![id.to_string()], serde_json::to_value(Letter::Announcement(letter))?),
        Channel::Push | Channel::Inbox => {
            (push::recipients(id.into(), user), serde_json::to_value(PushLetter::Announcement(letter))?)
        }
    };
    let to = |recipient| NewDelivery {
        event_id: at.id,
        position: at.position,
        channel: channel.as_str(),
        recipient,
        // Each says something of its own: none waits for another.
        order_key: None,
        due,
        payload: payload.clone(),
    };
    Ok(recipients.into_iter().map(to).collect())
}

async fn show(
    tables: &mut PgConnection,
    at: &Envelope,
    announcement: &Announcement,
    shown: &[Uuid],
) -> sqlx::Result<()> {
    let announced = Announced {
        event: at.id,
        trigger: at.event_type.to_string(),
        announcement: at.aggregate_id,
        actor: announcement.author,
        occurred_at: at.occurred_at,
    };
    sqlx::query(SHOW)
        .bind(shown.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(shown)
        .bind(at.id.0)
        .bind(at.position)
        .bind(at.aggregate_id)
        .bind(Category::Announcement.as_str())
        .bind(Json(announced))
        .execute(tables)
        .await
        .map(drop)
}
