//! Announcements, whom they mean, and what became of them.

use std::collections::{BTreeMap, HashMap};

use domain::{
    announcement::{AnnouncementContent, values::Recipients},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    names,
    task_row::{damaged, optional_time, time},
};
use crate::model::{
    Announcement, AnnouncementAudience, AnnouncementOutcome, AnnouncementSchedule, ChannelOutcome, Person,
};

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncementCursor {
    create_time: Timestamp,
    id: Uuid,
}

impl AnnouncementCursor {
    /// Behind this one.
    pub fn of(announcement: &Announcement) -> Self {
        Self { create_time: announcement.create_time, id: announcement.id }
    }
}

/// An announcement, and whom it means.
#[derive(Clone, Debug)]
pub struct AnnouncementRow {
    /// As clients see it.
    pub shown: Announcement,
    /// To whom.
    pub audience: Recipients,
    /// The event that says that it is sent.
    sent_by: Option<Uuid>,
}

impl FromRow<'_, PgRow> for AnnouncementRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let content: Value = row.try_get("content")?;
        let content: AnnouncementContent =
            serde_json::from_value(content).map_err(|error| damaged("content", error))?;
        let AnnouncementContent { title, body, audience, channels } = content;
        let zone: Option<String> = row.try_get("zone")?;
        let schedule = optional_time(row, "send_time")?.zip(zone);
        let shown = Announcement {
            id: row.try_get("id")?,
            version: row.try_get("version")?,
            author: row.try_get("author")?,
            state: row.try_get("state")?,
            schedule: schedule.map(|(at, zone)| AnnouncementSchedule { at, zone }),
            recipients: row.try_get("recipients")?,
            title: title.to_string(),
            body: body.to_string(),
            audience: AnnouncementAudience {
                everyone: audience.everyone,
                roles: audience.roles.iter().map(|role| role.as_str()).collect(),
                users: audience.users.iter().map(|user| user.0).collect(),
            },
            channels: channels.iter().map(|channel| channel.as_str()).collect(),
            create_time: time(row, "create_time")?,
            update_time: time(row, "update_time")?,
        };
        Ok(Self { shown, audience, sent_by: row.try_get("event_id")? })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.version, a.author, a.state, a.content, a.send_time, a.zone, a.create_time, a.update_time, ",
            "s.event_id, CASE WHEN s.event_id IS NOT NULL THEN s.recipients END AS recipients ",
            "FROM delivery.announcements AS a LEFT JOIN delivery.announcement_sendings AS s ON s.announcement_id = a.id ",
            $rest
        )
    };
}

const LIST: &str = select!(
    "WHERE ($1::timestamptz IS NULL OR (a.create_time, a.id) < ($1, $2)) AND ($3::text IS NULL OR a.state = $3) \
     ORDER BY a.create_time DESC, a.id DESC LIMIT $4"
);

/// The announcements behind a page's end, the newest first, at most `limit`; only those in this state, if asked so.
pub async fn announcements(
    pool: &PgPool,
    state: Option<&'static str>,
    after: Option<AnnouncementCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Announcement>> {
    let (create_time, id) = after.map(|cursor| (cursor.create_time.as_datetime(), cursor.id)).unzip();
    let query = sqlx::query_as(LIST).bind(create_time).bind(id).bind(state).bind(limit);
    let rows: Vec<AnnouncementRow> = query.fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| row.shown).collect())
}

/// One announcement.
pub async fn announcement(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<AnnouncementRow>> {
    sqlx::query_as(select!("WHERE a.id = $1")).bind(id).fetch_optional(pool).await
}

const MEANT: &str = "
SELECT user_id FROM delivery.active_people WHERE ($1 OR roles && $2 OR user_id = ANY($3))
    AND ($4::uuid IS NULL OR user_id > $4) ORDER BY user_id LIMIT $5";

const COUNT: &str = "
SELECT count(*) FROM delivery.active_people WHERE $1 OR roles && $2 OR user_id = ANY($3)";

/// Those behind a page's end whom an audience means by now, at most `limit`, and how many they are in all.
pub async fn audience(
    pool: &PgPool,
    audience: &Recipients,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<(Vec<Person>, i64)> {
    let roles: Vec<_> = audience.roles.iter().map(|role| role.as_str()).collect();
    let users: Vec<_> = audience.users.iter().map(|user| user.0).collect();
    let query = sqlx::query_scalar(MEANT).bind(audience.everyone).bind(&roles).bind(&users);
    let ids: Vec<Uuid> = query.bind(after).bind(limit).fetch_all(pool).await?;
    let query = sqlx::query_scalar(COUNT).bind(audience.everyone).bind(&roles).bind(&users);
    let count = query.fetch_one(pool).await?;
    Ok((people(pool, ids).await?, count))
}

async fn people(pool: &PgPool, ids: Vec<Uuid>) -> sqlx::Result<Vec<Person>> {
    let names = names(pool, &ids).await?;
    Ok(ids.into_iter().map(|id| Person { id, name: names.get(&id).cloned() }).collect())
}

const RECIPIENTS: &str = "
SELECT user_id FROM delivery.announcement_recipients
WHERE announcement_id = $1 AND ($2::uuid IS NULL OR user_id > $2) ORDER BY user_id LIMIT $3";

/// Of several devices of a person the one counts that has been told, or may still be.
const OUTCOMES: &str = "
(SELECT DISTINCT ON (user_id, channel) split_part(recipient, '/', 1)::uuid AS user_id, channel, state, reason, attempts, end_time
FROM delivery.deliveries
WHERE event_id = $1 AND channel IN ('email', 'push') AND split_part(recipient, '/', 1) = ANY($2)
ORDER BY user_id, channel, state = 'delivered' DESC, end_time DESC)
UNION ALL
SELECT n.user_id, 'inbox', CASE WHEN n.position <= coalesce(i.read_up_to, 0) OR n.id = ANY(coalesce(i.read, '{}'))
    THEN 'read' ELSE 'delivered' END, NULL, 0, n.create_time
FROM delivery.notices AS n LEFT JOIN delivery.inboxes AS i ON i.user_id = n.user_id
WHERE n.event_id = $1 AND n.user_id = ANY($3)";

/// What became of an announcement for the recipients behind a page's end, at most `limit`; nothing before it is sent.
pub async fn outcomes(
    pool: &PgPool,
    announcement: &AnnouncementRow,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<AnnouncementOutcome>> {
    let Some(event) = announcement.sent_by else { return Ok(Vec::new()) };
    let query = sqlx::query_scalar(RECIPIENTS).bind(announcement.shown.id).bind(after).bind(limit);
    let ids: Vec<Uuid> = query.fetch_all(pool).await?;
    let mut found = by_recipient(pool, event, &ids).await?;
    let outcome = |recipient: Person| {
        let channels = found.remove(&recipient.id).unwrap_or_default();
        AnnouncementOutcome { recipient, channels }
    };
    Ok(people(pool, ids).await?.into_iter().map(outcome).collect())
}

type Channels = BTreeMap<String, ChannelOutcome>;

async fn by_recipient(pool: &PgPool, event: Uuid, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Channels>> {
    let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let rows = sqlx::query(OUTCOMES).bind(event).bind(texts).bind(ids).fetch_all(pool).await?;
    let mut found: HashMap<Uuid, Channels> = HashMap::new();
    for row in &rows {
        let outcome = ChannelOutcome {
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            attempts: row.try_get("attempts")?,
            end_time: optional_time(row, "end_time")?,
        };
        found.entry(row.try_get("user_id")?).or_default().insert(row.try_get("channel")?, outcome);
    }
    Ok(found)
}

/// Up to where events about announcements are taken in.
pub async fn announcements_position(pool: &PgPool) -> sqlx::Result<i64> {
    const SQL: &str =
        "SELECT coalesce(max(position), 0) FROM delivery.checkpoints WHERE consumer = 'announcements'";
    sqlx::query_scalar(SQL).fetch_one(pool).await
}
