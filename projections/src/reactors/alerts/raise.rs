//! When there is an alert, and whom it is told to.

use chrono::{TimeDelta, Utc};
use domain::{
    alert::{Alert, AlertKind, Threshold},
    ids::{EventId, UserId},
    notification::{Channel, ChannelSet},
    time::Timestamp,
    user::User,
};
use event_store::{Log, envelope::Envelope, past::all_at};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    channels::{
        alert::AlertLetter,
        email::{self, Letter},
        push::{self, PushLetter},
    },
    deliveries::NewDelivery,
    reactors::{ReactError, States, notices},
};

/// A mail that is later than this helps nobody.
const NEWS: TimeDelta = TimeDelta::days(3);

const NOTE: &str = "
INSERT INTO alert_signs (kind, subject, position, occurred_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

const FORGET: &str = "DELETE FROM alert_signs WHERE kind = $1 AND occurred_at <= $2";

const COUNT: &str = "SELECT count(*) FROM alert_signs WHERE kind = $1 AND subject = $2";

const RAISE: &str = "
INSERT INTO alerts (id, kind, subject, position, occurred_at)
SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (
    SELECT FROM alerts WHERE kind = $2 AND subject = $3 AND occurred_at > $6)
ON CONFLICT DO NOTHING";

const SHOW: &str = "
INSERT INTO notices (id, user_id, event_id, position, category, template, happening)
SELECT id, user_id, $3, $4, 'security', 'alert', $5 FROM unnest($1::uuid[], $2::uuid[]) AS t (id, user_id)
ON CONFLICT (user_id, event_id) DO NOTHING";

/// Counts an event in; the alert, if it is one more than may be.
pub(super) async fn count(
    tables: &mut PgConnection,
    at: &Envelope,
    kind: AlertKind,
    subject: &str,
) -> sqlx::Result<Option<Alert>> {
    let Threshold { count, within, .. } = kind.threshold();
    let query = sqlx::query(NOTE).bind(kind.as_str()).bind(subject).bind(at.position);
    query.bind(at.occurred_at.as_datetime()).execute(&mut *tables).await?;
    let old = at.occurred_at.plus(-within).as_datetime();
    sqlx::query(FORGET).bind(kind.as_str()).bind(old).execute(&mut *tables).await?;
    let query = sqlx::query_scalar(COUNT).bind(kind.as_str()).bind(subject);
    let found: i64 = query.fetch_one(&mut *tables).await?;
    if found < count {
        return Ok(None);
    }
    let alert = Alert {
        event: EventId::standing_for(&format!("{kind} of {subject} by {}", at.id)),
        trigger: kind,
        subject: subject.to_owned(),
        count: found,
        actor: at.actor_id,
        occurred_at: at.occurred_at,
    };
    Ok(raise(tables, &alert, at.position).await?.then_some(alert))
}

/// Writes an alert down; false if there was one about the same a short while ago.
pub(super) async fn raise(tables: &mut PgConnection, alert: &Alert, position: i64) -> sqlx::Result<bool> {
    let silent = alert.occurred_at.plus(-alert.trigger.threshold().silence);
    let query = sqlx::query(RAISE).bind(alert.event.0).bind(alert.trigger.as_str()).bind(&alert.subject);
    let query = query.bind(position).bind(alert.occurred_at.as_datetime()).bind(silent.as_datetime());
    Ok(query.execute(tables).await?.rows_affected() == 1)
}

/// Tells all admins whom it is to be told, by each of these ways: those who were and still are. No preference counts.
pub(super) async fn tell(
    tables: &mut PgConnection,
    log: &Log,
    ways: ChannelSet,
    alert: &Alert,
    position: i64,
) -> Result<Vec<NewDelivery>, ReactError> {
    let users = States::<User>::read_all(tables, log, notices::NAME).await?;
    let admins = users.iter().filter(|(id, user)| user.is_active_admin() && alert.tells(UserId(*id)));
    let mut admins: Vec<(Uuid, &User)> = admins.collect();
    // Who becomes one by that event, or later, is told of nothing that was before.
    let ids: Vec<Uuid> = admins.iter().map(|(id, _)| *id).collect();
    let then = all_at::<User>(log, &ids, position - 1).await?;
    admins.retain(|(id, _)| then.get(id).is_some_and(User::is_active_admin));
    let ids: Vec<Uuid> = admins.iter().map(|(id, _)| *id).collect();
    sqlx::query(SHOW)
        .bind(ids.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(&ids)
        .bind(alert.event.0)
        .bind(position)
        .bind(Json(alert))
        .execute(tables)
        .await?;
    let mut sent = Vec::new();
    for (id, admin) in admins {
        sent.extend(deliveries((id.into(), admin), ways, alert, position)?);
    }
    Ok(sent)
}

fn deliveries(
    (id, admin): (UserId, &User),
    ways: ChannelSet,
    alert: &Alert,
    position: i64,
) -> Result<Vec<NewDelivery>, serde_json::Error> {
    let good_until = Timestamp::from(Utc::now()).plus(NEWS);
    let letter = AlertLetter { user: id, good_until, alert: alert.clone() };
    let devices = if ways.has(Channel::Push) { push::recipients(id, admin) } else { Vec::new() };
    let note = serde_json::to_value(PushLetter::Alert(letter.clone()))?;
    let mail = serde_json::to_value(Letter::Alert(letter))?;
    let to = |channel, recipient, payload| NewDelivery {
        event_id: alert.event,
        position,
        channel,
        recipient,
        order_key: None,
        due: None,
        payload,
    };
    let notes = devices.into_iter().map(|device| to(push::NAME, device, note.clone()));
    Ok(notes.chain([to(email::NAME, id.to_string(), mail)]).collect())
}

/// As by the clock.
pub(super) fn of_projection(name: &str, behind: i64, now: Timestamp) -> Alert {
    Alert {
        event: EventId::standing_for(&format!("{} of {name} at {now}", AlertKind::ProjectionBehind)),
        trigger: AlertKind::ProjectionBehind,
        subject: format!("projections/{name}"),
        count: behind,
        actor: None,
        occurred_at: now,
    }
}
