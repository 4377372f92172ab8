//! When open tasks are due: what reminders go by.

use std::collections::BTreeMap;

use domain::{
    notice::Reminders,
    task::values::Due,
    time::{TimeZone, Timestamp},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// What the events of one batch change.
#[derive(Debug)]
pub(super) struct Dues {
    zone: TimeZone,
    changed: BTreeMap<Uuid, Option<Row>>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    due: Due,
    at: Reminders,
    /// What was to be told by then is no news.
    silent_until: Option<Timestamp>,
}

const CLOSE: &str = "DELETE FROM task_dues WHERE task_id = ANY($1)";

const OPEN: &str = "
INSERT INTO task_dues (task_id, due, soon_at, overdue_at, soon_told, overdue_told, escalated)
SELECT *, overdue_told FROM unnest($1::uuid[], $2::jsonb[], $3::timestamptz[], $4::timestamptz[], $5::boolean[], $6::boolean[])
    AS t (task_id, due, soon_at, overdue_at, soon_told, overdue_told)
ON CONFLICT (task_id) DO UPDATE SET due = excluded.due, soon_at = excluded.soon_at, overdue_at = excluded.overdue_at,
    soon_told = excluded.soon_told, overdue_told = excluded.overdue_told, escalated = excluded.escalated";

impl Dues {
    /// Days are those of this zone.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, changed: BTreeMap::new() }
    }

    /// A task is due then from now on, or not any more.
    pub(super) fn note(&mut self, task: Uuid, due: Option<Due>, silent_until: Option<Timestamp>) {
        let row = due.map(|due| Row { due, at: Reminders::of(due, self.zone), silent_until });
        self.changed.insert(task, row);
    }

    /// Writes it down.
    pub(super) async fn write(self, tables: &mut PgConnection) -> sqlx::Result<()> {
        let closed = self.changed.iter().filter(|(_, row)| row.is_none());
        let closed: Vec<Uuid> = closed.map(|(id, _)| *id).collect();
        if !closed.is_empty() {
            sqlx::query(CLOSE).bind(closed).execute(&mut *tables).await?;
        }
        let open: Vec<(Uuid, Row)> =
            self.changed.iter().filter_map(|(id, row)| Some((*id, (*row)?))).collect();
        if open.is_empty() {
            return Ok(());
        }
        let rows = || open.iter().map(|(_, row)| row);
        let told = |row: &Row, at: Timestamp| row.silent_until.is_some_and(|until| at <= until);
        sqlx::query(OPEN)
            .bind(open.iter().map(|(id, _)| *id).collect::<Vec<_>>())
            .bind(rows().map(|row| Json(row.due)).collect::<Vec<_>>())
            .bind(rows().map(|row| row.at.soon.as_datetime()).collect::<Vec<_>>())
            .bind(rows().map(|row| row.at.overdue.as_datetime()).collect::<Vec<_>>())
            .bind(rows().map(|row| told(row, row.at.soon)).collect::<Vec<_>>())
            .bind(rows().map(|row| told(row, row.at.overdue)).collect::<Vec<_>>())
            .execute(tables)
            .await
            .map(drop)
    }
}
