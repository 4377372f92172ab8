//! Who is told, settled once for each announcement.

use domain::{
    announcement::{Announcement, AnnouncementContent},
    user::User,
};
use event_store::Log;
use sqlx::PgConnection;
use uuid::Uuid;

use super::NAME;
use crate::reactors::{StateError, States, notices};

const CLEAR: &str = "DELETE FROM announcement_recipients WHERE announcement_id = $1";

const SETTLE: &str = "
INSERT INTO announcement_recipients (announcement_id, user_id) SELECT $1, * FROM unnest($2::uuid[])";

const COUNT: &str = "UPDATE announcement_sendings SET recipients = $2 WHERE announcement_id = $1";

const SETTLED: &str =
    "SELECT user_id FROM announcement_recipients WHERE announcement_id = $1 ORDER BY user_id";

/// Settles who is told, as users are known now.
pub(super) async fn settle(tables: &mut PgConnection, log: &Log, id: Uuid) -> Result<(), StateError> {
    let known = States::<Announcement>::read(tables, log, NAME, &[id]).await?;
    let Some(content) = known.get(id).and_then(|one| one.content.as_ref()) else { return Ok(()) };
    let users = States::<User>::read_all(tables, log, notices::NAME).await?;
    let meant = meant(content, &users);
    sqlx::query(CLEAR).bind(id).execute(&mut *tables).await?;
    sqlx::query(SETTLE).bind(id).bind(&meant).execute(&mut *tables).await?;
    let count = i64::try_from(meant.len()).unwrap_or(i64::MAX);
    sqlx::query(COUNT).bind(id).bind(count).execute(&mut *tables).await?;
    Ok(())
}

fn meant(content: &AnnouncementContent, users: &States<User>) -> Vec<Uuid> {
    let meant = users.iter().filter(|(id, user)| content.audience.mean((*id).into(), user));
    meant.map(|(id, _)| id).collect()
}

/// Those who were settled on.
pub(super) async fn settled(tables: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(SETTLED).bind(id).fetch_all(tables).await
}
