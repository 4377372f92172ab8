//! Notices inside the product.

use domain::{
    ids::UserId,
    notice::{Happening, Notice},
    notification::Channel,
    time::Timestamp,
    user::User,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    channels::notice::{Told, deliveries},
    deliveries::NewDelivery,
    reactors::States,
};

/// What somebody finds in the inbox.
#[derive(Debug)]
pub(super) struct NewNotice {
    pub(super) recipient: UserId,
    pub(super) position: i64,
    pub(super) told: Told,
}

/// Puts a notice where it belongs: among the deliveries, or into the inbox.
pub(super) fn put(
    notice: Notice,
    happening: &Happening,
    users: &States<User>,
    (position, now): (i64, Timestamp),
    sent: &mut Vec<NewDelivery>,
    shown: &mut Vec<NewNotice>,
) -> Result<(), serde_json::Error> {
    let Notice { recipient, category, template, .. } = notice;
    let told = Told { category, template, happening: happening.clone() };
    let devices = users.get(recipient.0).map_or(&[][..], |user| &user.devices[..]);
    sent.extend(deliveries(&notice, &told, devices, position, now)?);
    if notice.channel == Channel::Inbox {
        shown.push(NewNotice { recipient, position, told });
    }
    Ok(())
}

const INSERT: &str = "
INSERT INTO notices (id, user_id, event_id, position, task_id, category, template, happening)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::jsonb[])
ON CONFLICT (user_id, event_id) DO NOTHING";

/// Writes notices down, those that are there once only.
pub(super) async fn insert(tables: &mut PgConnection, new: &[NewNotice]) -> sqlx::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let happenings = || new.iter().map(|one| &one.told.happening);
    sqlx::query(INSERT)
        .bind(new.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.recipient.0).collect::<Vec<_>>())
        .bind(happenings().map(|one| one.event.0).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.position).collect::<Vec<_>>())
        .bind(happenings().map(|one| one.task.0).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.told.category.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.told.template.as_str()).collect::<Vec<_>>())
        .bind(happenings().map(Json).collect::<Vec<_>>())
        .execute(tables)
        .await
        .map(drop)
}
