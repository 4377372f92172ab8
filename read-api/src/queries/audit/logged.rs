//! What of a filter the log itself has indexes for: the table of events has none.

use std::collections::{BTreeSet, HashMap};

use domain::filter::{Condition, Expression, RecordCondition, RecordTarget};
use event_store::{Log, LogError};
use sqlx::PgPool;
use uuid::Uuid;

use crate::queries::history::HistoryError;

/// Where the events are that are about the targets and of the intents that a filter names.
#[derive(Clone, Debug, Default)]
pub struct Logged {
    keys: HashMap<i64, Uuid>,
    targets: HashMap<Uuid, Vec<i64>>,
    intents: HashMap<Uuid, Vec<i64>>,
}

impl Logged {
    /// Looks up all that is named; of a request the intent, since most are their own.
    pub async fn find(log: &Log, pool: &PgPool, all: &[Expression]) -> Result<Self, HistoryError> {
        let mut named = Named::default();
        all.iter().for_each(|expression| named.add(expression));
        let keys = ids(pool, &named.keys).await?;
        named.targets.extend(keys.values());
        let targets = positions(log.positions_of_aggregates(&list(&named.targets)).await)?;
        let intents = positions(log.positions_of_intents(&list(&named.intents)).await)?;
        Ok(Self { keys, targets, intents })
    }

    /// The positions of the events about this target.
    pub(super) fn of_target(&self, target: RecordTarget) -> Vec<i64> {
        let id = match target {
            RecordTarget::Id(id) => Some(id),
            RecordTarget::Key(key) => self.keys.get(&key.0).copied(),
        };
        id.and_then(|id| self.targets.get(&id)).cloned().unwrap_or_default()
    }

    /// The positions of the events of this intent.
    pub(super) fn of_intent(&self, correlation: Uuid) -> Vec<i64> {
        self.intents.get(&correlation).cloned().unwrap_or_default()
    }
}

fn list(ids: &BTreeSet<Uuid>) -> Vec<Uuid> {
    ids.iter().copied().collect()
}

fn positions(found: Result<Vec<(Uuid, i64)>, LogError>) -> Result<HashMap<Uuid, Vec<i64>>, LogError> {
    let mut positions: HashMap<Uuid, Vec<i64>> = HashMap::new();
    for (id, position) in found? {
        positions.entry(id).or_default().push(position);
    }
    Ok(positions)
}

async fn ids(pool: &PgPool, keys: &BTreeSet<i64>) -> sqlx::Result<HashMap<i64, Uuid>> {
    const SQL: &str = "SELECT key, id FROM read_model.tasks WHERE key = ANY($1)";
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<i64> = keys.iter().copied().collect();
    let rows: Vec<(i64, Uuid)> = sqlx::query_as(SQL).bind(keys).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

/// What filters name.
#[derive(Default)]
struct Named {
    keys: BTreeSet<i64>,
    targets: BTreeSet<Uuid>,
    intents: BTreeSet<Uuid>,
}

impl Named {
    fn add(&mut self, expression: &Expression) {
        match expression {
            Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| self.add(part)),
            Expression::Not(inner) => self.add(inner),
            Expression::Is(Condition::Record(RecordCondition::Target(RecordTarget::Id(id)))) => {
                self.targets.insert(*id);
            }
            Expression::Is(Condition::Record(RecordCondition::Target(RecordTarget::Key(key)))) => {
                self.keys.insert(key.0);
            }
            Expression::Is(Condition::Record(
                RecordCondition::Request(id) | RecordCondition::Correlation(id),
            )) => {
                self.intents.insert(*id);
            }
            Expression::Is(_) => {}
        }
    }
}
