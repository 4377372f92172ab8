//! Every projection there is: to add one, write its tables and its projector, and add a line here.

use std::{sync::Arc, time::Duration};

use event_store::{Log, Sealer};

use crate::{
    fingerprint::fnv1a,
    projector::Projector,
    projectors::{audit::Audit, task_search::TaskSearch, tasks::Tasks, users::Users},
};

/// What a projection is called and which tables it fills.
#[derive(Debug)]
pub struct Projection {
    /// As in `/v1/admin/projections/{name}`.
    pub name: &'static str,
    /// The statements that make its tables; those after [`INDEXES`] run after a rebuild has filled them.
    pub tables: &'static str,
    /// How a rebuild compares each of its tables.
    pub compared: &'static [Compared],
    /// Raise it when the projector's code gives other rows from the same events.
    pub code: u32,
    /// A batch leaves so long after the one before at the earliest, unless that one was full: a transaction costs as much
    /// as some ten events, so under load fewer and larger ones keep up where many small ones would not. What comes alone
    /// does not wait.
    pub pace: Duration,
}

/// What is looked at right after a change.
const PROMPT: Duration = Duration::from_millis(3);
/// What is looked for.
const UNHURRIED: Duration = Duration::from_millis(50);
/// What was.
const LOOKING_BACK: Duration = Duration::from_millis(100);

/// How to tell whether two versions of a table say the same.
#[derive(Debug)]
pub struct Compared {
    /// The table.
    pub name: &'static str,
    /// Its primary key.
    pub key: &'static [&'static str],
    /// The column with the aggregate's id.
    pub aggregate: &'static str,
    /// The table of the aggregates themselves, when rows come and go without leaving a position behind.
    pub owner: Option<&'static str>,
}

/// The line of a tables file that parts tables from indexes.
pub const INDEXES: &str = "-- indexes";

/// Task rows with people, labels, comments, checklist and relations, and their former versions.
pub const TASKS: Projection = Projection {
    name: "tasks",
    tables: include_str!("../../migrations/read_model/tables/tasks.sql"),
    compared: &[
        Compared { name: "tasks", key: &["id"], aggregate: "id", owner: None },
        Compared {
            name: "task_people",
            key: &["user_id", "role", "task_id"],
            aggregate: "task_id",
            owner: Some("tasks"),
        },
        Compared {
            name: "task_labels",
            key: &["label", "task_id"],
            aggregate: "task_id",
            owner: Some("tasks"),
        },
        Compared { name: "comments", key: &["task_id", "id"], aggregate: "task_id", owner: Some("tasks") },
        Compared { name: "task_versions", key: &["id", "since"], aggregate: "id", owner: Some("tasks") },
        Compared {
            name: "task_past_links",
            key: &["kind", "value", "task_id"],
            aggregate: "task_id",
            owner: Some("tasks"),
        },
    ],
    code: 3,
    pace: PROMPT,
};

/// Searchable text of tasks.
pub const TASK_SEARCH: Projection = Projection {
    name: "task_search",
    tables: include_str!("../../migrations/read_model/tables/task_search.sql"),
    // `search_words` is left out: a version that has followed for longer knows words that no text has any more.
    compared: &[Compared {
        name: "task_search",
        key: &["task_id", "part"],
        aggregate: "task_id",
        owner: None,
    }],
    code: 2,
    pace: UNHURRIED,
};

/// Users with their names in clear.
pub const USERS: Projection = Projection {
    name: "users",
    tables: include_str!("../../migrations/read_model/tables/users.sql"),
    compared: &[Compared { name: "users", key: &["id"], aggregate: "id", owner: None }],
    code: 1,
    pace: PROMPT,
};

/// Every event, as auditors look for it.
pub const AUDIT: Projection = Projection {
    name: "audit",
    tables: include_str!("../../migrations/read_model/tables/audit.sql"),
    compared: &[Compared { name: "audit_events", key: &["position"], aggregate: "target", owner: None }],
    code: 2,
    pace: LOOKING_BACK,
};

/// All projections, in the order in which they are made.
pub const PROJECTIONS: [&Projection; 4] = [&TASKS, &TASK_SEARCH, &USERS, &AUDIT];

/// Their projectors, in the same order.
pub fn projectors(sealer: &Arc<Sealer>, log: &Log) -> Vec<Arc<dyn Projector>> {
    vec![
        Arc::new(Tasks),
        Arc::new(TaskSearch::default()),
        Arc::new(Users::new(sealer.clone())),
        Arc::new(Audit::new(sealer.clone(), log.clone())),
    ]
}

impl Projection {
    /// Changes when the tables or the code do: a live version of another shape is rebuilt at start.
    pub fn shape(&self) -> String {
        format!("{:016x}-{}", fnv1a(self.tables.as_bytes()), self.code)
    }

    /// The statements that make the tables, and those that make the indexes.
    pub fn statements(&self) -> (&'static str, &'static str) {
        self.tables.split_once(INDEXES).unwrap_or((self.tables, ""))
    }
}
