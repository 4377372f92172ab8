//! What a filter of records means, as a condition of SQL on one of the tables; values are bound and none written.

use std::net::IpAddr;

use domain::{
    filter::{
        Condition, Crud, Expression, Hours, Network, Order, Person, RecordCondition, RecordOutcome,
        RecordTarget, events_of_field,
    },
    ids::UserId,
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    Source,
    logged::Logged,
    words::{CRUD_OF_ATTEMPTS, EVERYDAY, crud_sql_of_events, events_of_crud},
};
use crate::queries::search::escaped;

pub(super) type Sql<'a> = QueryBuilder<'a, Postgres>;

/// Which records are asked for.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    /// All of these.
    pub all: Vec<Expression>,
    /// Who is meant with `me`.
    pub me: UserId,
    /// Only what happened at no time when people work.
    pub outside: Option<Hours>,
    /// Only logins with what nobody had seen that person log in with before.
    pub new_device: bool,
    /// Between these positions of the log, both excluded.
    pub events: (i64, i64),
    /// The same of the audit log.
    pub attempts: (i64, i64),
    /// Where in the log the targets and intents are.
    pub logged: Logged,
}

/// What leads to all records that pass: who, or from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// This user or service account did it.
    Actor(Uuid),
    /// It came from there.
    Network(Network),
}

/// What is not known before a record is read is judged so that none is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It may be so.
    AtMost,
    /// It may not be so.
    AtLeast,
}

impl Judgement {
    fn opposite(self) -> Self {
        match self {
            Self::AtMost => Self::AtLeast,
            Self::AtLeast => Self::AtMost,
        }
    }
}

/// Where people have come in.
const LOGINS: &str = "('auth.login', 'auth.mfa', 'auth.oidc_callback', 'auth.oidc_token')";

impl AuditFilter {
    /// Nothing that comes after these positions.
    pub fn end_with(&mut self, event: i64, attempt: i64) {
        self.events.1 = self.events.1.min(event.saturating_add(1));
        self.attempts.1 = self.attempts.1.min(attempt.saturating_add(1));
    }

    /// Adds `WHERE` with all conditions on `r`, a row of the source.
    pub(super) fn push_where(&self, source: Source, sql: &mut Sql<'_>) {
        self.push_where_but(None, source, sql);
    }

    /// The same without the lead, for who says it in another way.
    pub(super) fn push_where_but(&self, lead: Option<Lead>, source: Source, sql: &mut Sql<'_>) {
        let (after, before) = self.span(source);
        sql.push(" WHERE true");
        if after > 0 {
            sql.push(" AND r.position > ").push_bind(after);
        }
        if before < i64::MAX {
            sql.push(" AND r.position < ").push_bind(before);
        }
        for expression in self.all.iter().filter(|part| lead.is_none() || self.lead_of(part) != lead) {
            sql.push(" AND ");
            self.push_expression(expression, Judgement::AtMost, source, sql);
        }
        if let Some(hours) = self.outside {
            push_outside(hours, sql);
        }
        if self.new_device {
            push_new_device(source, sql);
        }
    }

    /// The shortest way to what passes, if there is one.
    pub(super) fn lead(&self) -> Option<Lead> {
        let leads = self.all.iter().filter_map(|part| self.lead_of(part));
        leads.min_by_key(|lead| matches!(lead, Lead::Network(_)))
    }

    fn lead_of(&self, part: &Expression) -> Option<Lead> {
        match part {
            Expression::Is(Condition::Actor(Some(person))) => Some(Lead::Actor(self.id(*person))),
            Expression::Is(Condition::Record(RecordCondition::Ip(network))) => Some(Lead::Network(*network)),
            _ => None,
        }
    }

    pub(super) fn span(&self, source: Source) -> (i64, i64) {
        match source {
            Source::Events => self.events,
            Source::Attempts => self.attempts,
        }
    }

    pub(super) fn push_expression(
        &self,
        expression: &Expression,
        as_to_content: Judgement,
        source: Source,
        sql: &mut Sql<'_>,
    ) {
        match expression {
            Expression::And(parts) => self.push_joined(parts, " AND ", as_to_content, source, sql),
            Expression::Or(parts) => self.push_joined(parts, " OR ", as_to_content, source, sql),
            Expression::Not(inner) => {
                // What a record has not is compared as no, so that what is not so can be asked for too.
                sql.push("NOT coalesce(");
                self.push_expression(inner, as_to_content.opposite(), source, sql);
                sql.push(", false)");
            }
            Expression::Is(condition) => self.push_condition(condition, as_to_content, source, sql),
        }
    }

    fn push_joined(
        &self,
        parts: &[Expression],
        word: &str,
        as_to_content: Judgement,
        source: Source,
        sql: &mut Sql<'_>,
    ) {
        for (index, part) in parts.iter().enumerate() {
            sql.push(if index == 0 { "(" } else { word });
            self.push_expression(part, as_to_content, source, sql);
        }
        sql.push(")");
    }

    fn push_condition(
        &self,
        condition: &Condition,
        as_to_content: Judgement,
        source: Source,
        sql: &mut Sql<'_>,
    ) {
        match condition {
            Condition::Record(record) if record.is_of_content() && as_to_content == Judgement::AtLeast => {
                sql.push("false")
            }
            Condition::Actor(None) => sql.push("r.actor IS NULL"),
            Condition::Actor(Some(person)) => sql.push("r.actor = ").push_bind(self.id(*person)),
            Condition::Record(record) => {
                self.push_record(record, source, sql);
                sql
            }
            Condition::Status(_)
            | Condition::Assignee(_)
            | Condition::Creator(_)
            | Condition::Watcher(_)
            | Condition::Label(_)
            | Condition::Priority(..)
            | Condition::Parent(_)
            | Condition::ExternalRef(_)
            | Condition::Due(_)
            | Condition::CreateTime(..)
            | Condition::UpdateTime(..)
            | Condition::Visibility(_)
            | Condition::Type(_) => sql.push("NULL::boolean"),
        };
    }

    fn push_record(&self, condition: &RecordCondition, source: Source, sql: &mut Sql<'_>) {
        match condition {
            RecordCondition::Action(begins) => {
                push_action(begins, source, sql);
                sql
            }
            RecordCondition::Crud(crud) => {
                push_crud(*crud, source, sql);
                sql
            }
            RecordCondition::Outcome(outcome) => {
                push_outcome(*outcome, source, sql);
                sql
            }
            RecordCondition::Code(code) => match source {
                Source::Events => sql.push("false"),
                Source::Attempts => sql.push("r.code = ").push_bind(code.clone()),
            },
            RecordCondition::Target(target) => {
                match source {
                    Source::Events => push_positions(self.logged.of_target(*target), sql),
                    Source::Attempts => push_target(*target, sql),
                }
                sql
            }
            RecordCondition::Ip(network) if network.first == network.last => {
                push_address("r.ip = ", network.first, sql)
            }
            RecordCondition::Ip(network) => {
                push_address("(r.ip >= ", network.first, sql);
                push_address(" AND r.ip <= ", network.last, sql).push(")")
            }
            RecordCondition::UserAgent(part) => {
                sql.push("r.user_agent ILIKE ").push_bind(format!("%{}%", escaped(part)))
            }
            RecordCondition::Session(id) => sql.push("r.session = ").push_bind(*id),
            RecordCondition::Request(id) => {
                match source {
                    Source::Events => self.push_request(*id, sql),
                    Source::Attempts => push_request(*id, sql),
                }
                sql
            }
            RecordCondition::Correlation(id) => match source {
                Source::Events => {
                    push_positions(self.logged.of_intent(*id), sql);
                    sql
                }
                Source::Attempts => sql.push("r.correlation = ").push_bind(*id),
            },
            RecordCondition::Field(field) => {
                push_field(field, source, sql);
                sql
            }
            RecordCondition::Old(_) | RecordCondition::New(_) | RecordCondition::Text(_) => sql.push("true"),
            RecordCondition::OccurredAt(order, time) => {
                sql.push("r.occurred_at").push(sign(*order)).push_bind(time.as_datetime())
            }
            RecordCondition::RecordedAt(order, time) => {
                sql.push("r.recorded_at").push(sign(*order)).push_bind(time.as_datetime())
            }
        };
    }

    /// A request is its own intent, but where the system goes on with it.
    fn push_request(&self, id: Uuid, sql: &mut Sql<'_>) {
        sql.push("(r.request = ").push_bind(id).push(" OR r.request IS NULL AND ");
        push_positions(self.logged.of_intent(id), sql);
        sql.push(")");
    }

    fn id(&self, person: Person) -> Uuid {
        match person {
            Person::Me => self.me.0,
            Person::User(id) => id.0,
        }
    }
}

fn push_crud(crud: Crud, source: Source, sql: &mut Sql<'_>) {
    if source == Source::Events && crud == Crud::Delete {
        // Rare, so by their index; all others are never far.
        sql.push("r.action = ANY(").push_bind(events_of_crud(crud)).push(")");
        return push_rare(sql);
    }
    match source {
        Source::Events => sql.push(crud_sql_of_events()),
        Source::Attempts => sql.push(CRUD_OF_ATTEMPTS),
    };
    sql.push(" = ").push_bind(crud.as_str());
}

/// What is in the log was done.
fn push_outcome(outcome: RecordOutcome, source: Source, sql: &mut Sql<'_>) {
    match (source, outcome) {
        (Source::Events, RecordOutcome::Success) => sql.push("true"),
        (Source::Events, RecordOutcome::Failure | RecordOutcome::Denied) => sql.push("false"),
        (Source::Attempts, outcome) => sql.push("r.outcome = ").push_bind(outcome.as_str()),
    };
}

/// There is an index of rare actions; everyday ones are never far.
fn push_action(begins: &str, source: Source, sql: &mut Sql<'_>) {
    sql.push("r.action LIKE ").push_bind(format!("{}%", escaped(begins)));
    if source == Source::Events && !EVERYDAY.iter().any(|action| action.starts_with(begins)) {
        push_rare(sql);
    }
}

fn push_field(field: &str, source: Source, sql: &mut Sql<'_>) {
    let events = events_of_field(field).unwrap_or_default();
    let rare = !events.iter().any(|event| EVERYDAY.contains(event));
    let events: Vec<String> = events.iter().map(ToString::to_string).collect();
    sql.push("r.action = ANY(").push_bind(events).push(")");
    if source == Source::Events && rare {
        push_rare(sql);
    }
}

/// Says what follows anyway, as the index does.
fn push_rare(sql: &mut Sql<'_>) {
    sql.push(format_args!(" AND r.action NOT IN ('{}')", EVERYDAY.join("', '")));
}

fn push_positions(positions: Vec<i64>, sql: &mut Sql<'_>) {
    sql.push("r.position = ANY(").push_bind(positions).push(")");
}

fn push_request(id: Uuid, sql: &mut Sql<'_>) {
    sql.push("(r.correlation = ").push_bind(id).push(" AND r.request = ").push_bind(id);
    sql.push(" OR r.request <> r.correlation AND r.request = ").push_bind(id).push(")");
}

/// Paths name tasks by id or by key.
fn push_target(target: RecordTarget, sql: &mut Sql<'_>) {
    match target {
        RecordTarget::Id(id) => {
            sql.push("(r.target = ").push_bind(id);
            sql.push(" OR r.target_key = (SELECT 'T-' || t.key FROM read_model.tasks t WHERE t.id = ")
                .push_bind(id)
                .push("))")
        }
        RecordTarget::Key(key) => {
            sql.push("(r.target = (SELECT t.id FROM read_model.tasks t WHERE t.key = ").push_bind(key.0);
            sql.push(") OR r.target_key = ").push_bind(key.to_string()).push(")")
        }
    };
}

fn push_address<'a, 'b>(before: &str, address: IpAddr, sql: &'b mut Sql<'a>) -> &'b mut Sql<'a> {
    sql.push(before).push_bind(address.to_string()).push("::text::inet")
}

fn push_outside(hours: Hours, sql: &mut Sql<'_>) {
    let zone = hours.zone.to_string();
    sql.push(" AND (extract(isodow FROM r.occurred_at AT TIME ZONE ").push_bind(zone.clone());
    sql.push(") > 5 OR (r.occurred_at AT TIME ZONE ")
        .push_bind(zone.clone())
        .push(")::time < ")
        .push_bind(hours.from);
    sql.push(" OR (r.occurred_at AT TIME ZONE ")
        .push_bind(zone)
        .push(")::time >= ")
        .push_bind(hours.to)
        .push(")");
}

fn push_new_device(source: Source, sql: &mut Sql<'_>) {
    match source {
        Source::Events => sql.push(" AND false"),
        Source::Attempts => sql.push(format_args!(
            " AND r.action IN {LOGINS} AND r.outcome = 'success' AND r.session IS NOT NULL AND NOT EXISTS (SELECT \
             FROM read_model.audit_attempts e WHERE e.actor = r.actor AND e.position < r.position AND e.action IN {LOGINS} \
             AND e.outcome = 'success' AND e.user_agent IS NOT DISTINCT FROM r.user_agent)"
        )),
    };
}

fn sign(order: Order) -> &'static str {
    match order {
        Order::Less => " < ",
        Order::AtMost => " <= ",
        Order::Equal => " = ",
        Order::AtLeast => " >= ",
        Order::More => " > ",
    }
}

#[cfg(test)]
mod tests {
    use domain::filter::{Filter, FilterOver};

    use super::*;

    #[test]
    fn what_clients_write_is_bound() {
        let canary = "x' OR 1=1 --";
        for field in ["user_agent", "code", "field", "old", "new", "text"] {
            let text = format!("{field} = \"{canary}\" OR NOT code = \"{canary}\"");
            for source in Source::ALL {
                let filter = Filter::parse(&text, FilterOver::Records).unwrap();
                let all = vec![filter.meaning().clone()];
                let span = (0, i64::MAX);
                let asked = AuditFilter {
                    all,
                    me: UserId(Uuid::nil()),
                    outside: None,
                    new_device: false,
                    events: span,
                    attempts: span,
                    logged: Logged::default(),
                };
                let mut sql = Sql::new("");
                asked.push_held(source, &mut sql);
                asked.push_where(source, &mut sql);
                assert!(!sql.sql().contains("1=1"), "{}", sql.sql());
            }
        }
    }
}
