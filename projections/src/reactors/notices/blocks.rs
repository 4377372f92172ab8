//! Which open task blocks which, as of each event.

use std::collections::{BTreeMap, BTreeSet};

use domain::task::{
    Task, TaskEvent,
    values::{Relation, RelationType},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// For the tasks that the events of one batch may set free: who blocks them, and whether that one is open.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blockers: BTreeMap<Uuid, BTreeMap<Uuid, bool>>,
    changed: BTreeSet<(Uuid, Uuid)>,
}

/// Look by look into the indexes, however many blocks there are.
const BLOCKED: &str = "
SELECT one.* FROM (
    SELECT theirs.blocked FROM unnest($1::uuid[]) AS changed (id) CROSS JOIN LATERAL (
        SELECT blocked FROM task_blocks WHERE blocker = changed.id OFFSET 0) AS theirs
    UNION SELECT unnest($2::uuid[])
) AS wanted (blocked) CROSS JOIN LATERAL (
    SELECT t.blocked, t.blocker, t.open FROM task_blocks AS t WHERE t.blocked = wanted.blocked OFFSET 0
) AS one";

const UNLINK: &str = "
DELETE FROM task_blocks AS b USING unnest($1::uuid[], $2::uuid[]) AS t (blocked, blocker)
WHERE b.blocked = t.blocked AND b.blocker = t.blocker";

const LINK: &str = "
INSERT INTO task_blocks (blocked, blocker, open) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::boolean[])
ON CONFLICT (blocked, blocker) DO UPDATE SET open = excluded.open";

impl Blocks {
    /// Reads what these tasks block, and who blocks those that these events name.
    pub(super) async fn read<'a>(
        tables: &mut PgConnection,
        tasks: &[Uuid],
        facts: impl Iterator<Item = &'a TaskEvent>,
    ) -> sqlx::Result<Self> {
        if tasks.is_empty() {
            return Ok(Self::default());
        }
        let named: Vec<Uuid> = facts.filter_map(link).map(|(blocked, _)| blocked).collect();
        let query = sqlx::query_as(BLOCKED).bind(tasks).bind(&named);
        let rows: Vec<(Uuid, Uuid, bool)> = query.fetch_all(tables).await?;
        let mut blocks = Self::default();
        for blocked in named {
            blocks.blockers.entry(blocked).or_default();
        }
        for (blocked, blocker, open) in rows {
            blocks.blockers.entry(blocked).or_default().insert(blocker, open);
        }
        Ok(blocks)
    }

    /// The tasks that may be set free.
    pub(super) fn blocked(&self) -> impl Iterator<Item = Uuid> {
        self.blockers.keys().copied()
    }

    /// Takes in what has become of a task; gives those that nothing blocks any more because it is not open any more.
    pub(super) fn take(&mut self, id: Uuid, fact: &TaskEvent, task: &Task) -> Vec<Uuid> {
        if let Some((blocked, there)) = link(fact) {
            self.link(blocked, id, there.then(|| task.is_open()));
        }
        let open = task.is_open();
        let mut free = Vec::new();
        for (blocked, blockers) in &mut self.blockers {
            let Some(known) = blockers.get_mut(&id).filter(|known| **known != open) else { continue };
            *known = open;
            self.changed.insert((*blocked, id));
            if blockers.values().all(|open| !open) {
                free.push(*blocked);
            }
        }
        free
    }

    fn link(&mut self, blocked: Uuid, blocker: Uuid, open: Option<bool>) {
        let blockers = self.blockers.entry(blocked).or_default();
        match open {
            Some(open) => blockers.insert(blocker, open),
            None => blockers.remove(&blocker),
        };
        self.changed.insert((blocked, blocker));
    }

    /// Writes down what has changed.
    pub(super) async fn write(self, tables: &mut PgConnection) -> sqlx::Result<()> {
        let open = |(blocked, blocker): &(Uuid, Uuid)| self.blockers.get(blocked)?.get(blocker).copied();
        let (there, gone): (Vec<_>, Vec<_>) = self.changed.iter().partition(|link| open(link).is_some());
        if !gone.is_empty() {
            let (blocked, blocker): (Vec<Uuid>, Vec<Uuid>) = gone.into_iter().copied().unzip();
            sqlx::query(UNLINK).bind(blocked).bind(blocker).execute(&mut *tables).await?;
        }
        if there.is_empty() {
            return Ok(());
        }
        let states: Vec<bool> = there.iter().filter_map(|link| open(link)).collect();
        let (blocked, blocker): (Vec<Uuid>, Vec<Uuid>) = there.into_iter().copied().unzip();
        sqlx::query(LINK).bind(blocked).bind(blocker).bind(states).execute(tables).await.map(drop)
    }
}

/// The task that this event says is blocked, or is not any more.
fn link(fact: &TaskEvent) -> Option<(Uuid, bool)> {
    let (Relation { kind, task }, there) = match fact {
        TaskEvent::RelationAdded(relation) => (*relation, true),
        TaskEvent::RelationRemoved(relation) => (*relation, false),
        _ => return None,
    };
    (kind == RelationType::Blocks).then_some((task.0, there))
}
