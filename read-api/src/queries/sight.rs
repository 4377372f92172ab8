//! Which tasks a caller can see, as a condition of SQL; the same rule as `domain::policy::sees`.

use domain::{
    ids::UserId,
    policy::{Role, RoleSet},
    task::{Task, values::Visibility},
};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

/// What the roles of a caller let him see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sight {
    /// No task.
    Nothing,
    /// Team tasks, and private ones that concern this member.
    Member(Uuid),
    /// Every task, also those that were deleted for good (auditors).
    Everything,
}

impl Sight {
    /// The sight of a user with these roles.
    pub fn of(user: Uuid, roles: RoleSet) -> Self {
        if roles.has(Role::Auditor) {
            Self::Everything
        } else if roles.has(Role::Member) {
            Self::Member(user)
        } else {
            Self::Nothing
        }
    }

    /// Whether it takes in this task, as it stood at some moment.
    pub(super) fn sees(self, task: &Task) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Member(user) => {
                let user = UserId(user);
                task.visibility == Visibility::Team
                    || task.creator == Some(user)
                    || task.assignees.contains(&user)
                    || task.watchers.contains(&user)
            }
        }
    }

    /// Adds the condition on `t`, a row of `read_model.tasks`.
    pub(super) fn push(self, sql: &mut QueryBuilder<'_, Postgres>) {
        self.push_on(sql, "t");
    }

    /// The same under another name.
    pub(super) fn push_on(self, sql: &mut QueryBuilder<'_, Postgres>, t: &str) {
        match self {
            Self::Nothing => {
                sql.push("false");
            }
            Self::Everything => {
                sql.push("true");
            }
            Self::Member(user) => {
                sql.push(format_args!("(NOT {t}.private OR {t}.creator = ")).push_bind(user);
                sql.push(format_args!(" OR {t}.assignees @> ")).push_bind(vec![user]);
                sql.push(format_args!(" OR {t}.watchers @> ")).push_bind(vec![user]).push(")");
            }
        }
    }

    /// Adds the condition on deletion: live tasks, or with `deleted` also those that can still be brought back.
    pub(super) fn push_deleted(self, sql: &mut QueryBuilder<'_, Postgres>, deleted: bool) {
        sql.push(match (deleted, self) {
            (false, _) => " AND t.delete_time IS NULL",
            (true, Self::Everything) => "",
            (true, Self::Nothing | Self::Member(_)) => " AND (t.purge_time IS NULL OR t.purge_time > now())",
        });
    }
}
