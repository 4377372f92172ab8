//! As of when tasks are looked for: the tables to look in, and the condition on what stood then.

use chrono::{DateTime, Utc};
use event_store::envelope::Envelope;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Sight, task_filter::push_any};

type Sql<'a> = QueryBuilder<'a, Postgres>;

/// The moment of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// As tasks stand.
    #[default]
    Now,
    /// As the log had them.
    Position {
        /// After this event.
        position: i64,
        /// Nothing in the log had happened later than that …
        latest: DateTime<Utc>,
        /// … or else it is marked in the tables, and there are such.
        ahead: bool,
    },
    /// After what had happened then.
    Occurred(DateTime<Utc>),
}

/// Where a list looks. What stands is in one table and what stands no more in another: each by itself lets Postgres go by
/// the order of the list in the one and, near the end of the log, by the few that ended since in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    when: When,
    former: bool,
    /// Of a position: only what is said to have happened later than the log took it, or none of that.
    ahead: bool,
}

const AHEAD: &str = "
SELECT EXISTS (SELECT FROM read_model.tasks WHERE ahead) OR EXISTS (SELECT FROM read_model.task_versions WHERE ahead)";

impl When {
    /// After the event at this position, which the log took then. The tables must have come as far.
    ///
    /// The log takes what has happened; what it took too early is marked.
    pub async fn position(pool: &PgPool, position: i64, recorded: DateTime<Utc>) -> sqlx::Result<Self> {
        let ahead = sqlx::query_scalar(AHEAD).fetch_one(pool).await?;
        Ok(Self::Position { position, latest: recorded + Envelope::AHEAD, ahead })
    }

    /// The tasks.
    pub(super) fn standing(self) -> Source {
        Source { when: self, former: false, ahead: false }
    }

    /// Everywhere that there may be something, what stands before what stands no more; nothing is in two of them.
    pub(super) fn sources(self) -> Vec<Source> {
        let (standing, former) = (self.standing(), Source { former: true, ..self.standing() });
        let ahead = |source| Source { ahead: true, ..source };
        match self {
            Self::Now => vec![standing],
            Self::Position { ahead: true, .. } => vec![standing, ahead(standing), former, ahead(former)],
            Self::Position { .. } | Self::Occurred(_) => vec![standing, former],
        }
    }
}

impl Source {
    /// Where `t` comes from; of former versions also `n`, the task as it stands.
    pub(super) fn tables(self) -> &'static str {
        if self.former {
            "read_model.task_versions t JOIN read_model.tasks n ON n.id = t.id"
        } else {
            "read_model.tasks t"
        }
    }

    /// The row of the task as it stands, which has what never changes.
    pub(super) fn task(self) -> &'static str {
        if self.former { "n" } else { "t" }
    }

    /// Adds the condition on what can be seen and what is deleted. Who sees a task is judged today, what it was like then.
    pub(super) fn push_seen(self, sql: &mut Sql<'_>, sight: Sight, deleted: bool) {
        sight.push_on(sql, self.task());
        if !self.former {
            sight.push_deleted(sql, deleted);
        } else {
            if sight != Sight::Everything {
                sql.push(" AND (n.purge_time IS NULL OR n.purge_time > now())");
            }
            if !deleted {
                sql.push(" AND t.delete_time IS NULL");
            }
        }
        self.push_stood(sql);
    }

    /// Nothing that is looked for here had happened later than this; none if that is not known.
    pub(super) fn latest(self) -> Option<DateTime<Utc>> {
        match self.when {
            When::Now => None,
            When::Position { latest, .. } => (!self.ahead).then_some(latest),
            When::Occurred(time) => Some(time),
        }
    }

    /// Adds the condition that `t` stood then.
    fn push_stood(self, sql: &mut Sql<'_>) {
        if let When::Position { position, .. } = self.when {
            let since = if self.former { "since" } else { "position" };
            sql.push(format_args!(" AND t.{since} <= ")).push_bind(position);
            sql.push(if self.ahead { " AND t.ahead" } else { " AND NOT t.ahead" });
        }
        // Of a position it says where the indexes by time may begin.
        if let Some(latest) = self.latest() {
            sql.push(" AND t.update_time <= ").push_bind(latest);
        }
        if self.former {
            self.push_ended_later(sql, "t");
        }
    }

    /// Adds the condition that `row`, which stands no more, did so at the moment.
    fn push_ended_later(self, sql: &mut Sql<'_>, row: &str) {
        match self.when {
            When::Now => sql.push(" AND false"),
            When::Position { position, .. } => {
                sql.push(format_args!(" AND {row}.until > ")).push_bind(position)
            }
            When::Occurred(time) => sql.push(format_args!(" AND {row}.until_time > ")).push_bind(time),
        };
    }

    /// Adds the condition that `t` has one of these people in this role.
    pub(super) fn push_people<'a, 'b>(
        self,
        sql: &'b mut Sql<'a>,
        role: &'static str,
        people: &[Uuid],
    ) -> &'b mut Sql<'a> {
        // Nobody ceases to be the creator.
        let may_have_left = self.former && role != "creator";
        if may_have_left {
            sql.push(format_args!("(t.{role}s && ")).push_bind(people.to_vec()).push(" AND ");
        }
        sql.push("t.id IN (SELECT p.task_id FROM read_model.task_people p WHERE p.role = '").push(role);
        push_any(sql.push("' AND "), "p.user_id", people.to_vec());
        if may_have_left {
            self.push_past_links(sql, role, people.iter().map(Uuid::to_string).collect());
            sql.push(")");
        }
        sql.push(")")
    }

    /// Adds the condition that `t` has this label.
    pub(super) fn push_label<'a, 'b>(self, sql: &'b mut Sql<'a>, label: &str) -> &'b mut Sql<'a> {
        if self.former {
            sql.push("(t.labels @> ").push_bind(vec![label.to_owned()]).push(" AND ");
        }
        sql.push("t.id IN (SELECT l.task_id FROM read_model.task_labels l WHERE l.label = ");
        sql.push_bind(label.to_owned());
        if self.former {
            self.push_past_links(sql, "label", vec![label.to_owned()]);
            sql.push(")");
        }
        sql.push(")")
    }

    /// Goes on with the tasks that lost such a link after the moment, whether or not they have it again.
    fn push_past_links(self, sql: &mut Sql<'_>, kind: &'static str, values: Vec<String>) {
        sql.push(" UNION ALL SELECT l.task_id FROM read_model.task_past_links l WHERE l.kind = '").push(kind);
        push_any(sql.push("' AND "), "l.value", values);
        self.push_ended_later(sql, "l");
    }
}
