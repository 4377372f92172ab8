//! As of when tasks are looked for: the tables to look in, and the condition on what stood then.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Sight, task_filter::push_any};

type Sql<'a> = QueryBuilder<'a, Postgres>;

/// What happened later than the log took it by more than this is marked in the tables.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// The moment of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// As tasks stand.
    #[default]
    Now,
    /// As the log had them.
    Position {
        /// After this event …
        position: i64,
        /// … which the log took then.
        recorded: DateTime<Utc>,
    },
    /// After what had happened then.
    Occurred(DateTime<Utc>),
}

impl When {
    /// Where `t` comes from; of the past also `n`, the task as it stands.
    pub(super) fn tables(self) -> &'static str {
        match self {
            Self::Now => "read_model.tasks t",
            Self::Position { .. } | Self::Occurred(_) => {
                "read_model.task_versions t JOIN read_model.tasks n ON n.id = t.id"
            }
        }
    }

    /// The row with what never changes.
    pub(super) fn unchanging(self) -> &'static str {
        if self == Self::Now { "t" } else { "n" }
    }

    /// Adds the condition on what can be seen and what is deleted. Who sees a task is judged today, what it was like then.
    pub(super) fn push_seen(self, sql: &mut Sql<'_>, sight: Sight, deleted: bool) {
        if self == Self::Now {
            sight.push(sql);
            return sight.push_deleted(sql, deleted);
        }
        self.push_span(sql, "t", "update_time");
        // Where the indexes by time may begin.
        for column in ["t.update_time", "n.create_time"] {
            self.push_not_later(sql, column);
        }
        sight.push_on(sql.push(" AND "), "n");
        if sight != Sight::Everything {
            sql.push(" AND (n.purge_time IS NULL OR n.purge_time > now())");
        }
        if !deleted {
            sql.push(" AND t.delete_time IS NULL");
        }
    }

    /// Adds the condition that this time is not later than that of anything that had happened. The log takes what has
    /// happened; what it took too early is marked.
    fn push_not_later(self, sql: &mut Sql<'_>, column: &str) {
        sql.push(format_args!(" AND {column} <= "));
        match self {
            Self::Now => sql.push("'infinity'"),
            Self::Occurred(time) => sql.push_bind(time),
            Self::Position { recorded, .. } => sql
                .push("(SELECT CASE WHEN EXISTS (SELECT FROM read_model.task_versions a WHERE a.ahead) ")
                .push("THEN 'infinity' ELSE ")
                .push_bind(recorded + AHEAD)
                .push(" END)"),
        };
    }

    /// Adds the condition that `row` stood then; `began` is when its span began.
    fn push_span(self, sql: &mut Sql<'_>, row: &str, began: &str) {
        match self {
            Self::Now => sql.push("true"),
            Self::Position { position, .. } => {
                sql.push(format_args!("{row}.since <= ")).push_bind(position);
                sql.push(format_args!(" AND ({row}.until IS NULL OR {row}.until > "));
                sql.push_bind(position).push(")")
            }
            Self::Occurred(time) => {
                sql.push(format_args!("{row}.{began} <= ")).push_bind(time);
                sql.push(format_args!(" AND ({row}.until_time IS NULL OR {row}.until_time > "));
                sql.push_bind(time).push(")")
            }
        };
    }

    /// Adds the condition that `t` has one of these people in this role.
    pub(super) fn push_people<'a, 'b>(
        self,
        sql: &'b mut Sql<'a>,
        role: &'static str,
        people: &[Uuid],
    ) -> &'b mut Sql<'a> {
        if self != Self::Now {
            return self.push_links(sql, role, people.iter().map(Uuid::to_string).collect());
        }
        sql.push("t.id IN (SELECT p.task_id FROM read_model.task_people p WHERE p.role = '").push(role);
        push_any(sql.push("' AND "), "p.user_id", people.to_vec());
        sql.push(")")
    }

    /// Adds the condition that `t` has this label.
    pub(super) fn push_label<'a, 'b>(self, sql: &'b mut Sql<'a>, label: &str) -> &'b mut Sql<'a> {
        if self != Self::Now {
            return self.push_links(sql, "label", vec![label.to_owned()]);
        }
        sql.push("t.id IN (SELECT l.task_id FROM read_model.task_labels l WHERE l.label = ");
        sql.push_bind(label.to_owned()).push(")")
    }

    fn push_links<'a, 'b>(
        self,
        sql: &'b mut Sql<'a>,
        kind: &'static str,
        values: Vec<String>,
    ) -> &'b mut Sql<'a> {
        sql.push("t.id IN (SELECT l.task_id FROM read_model.task_version_links l WHERE l.kind = '")
            .push(kind);
        push_any(sql.push("' AND "), "l.value", values);
        self.push_span(sql.push(" AND "), "l", "since_time");
        sql.push(")")
    }
}
