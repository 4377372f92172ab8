//! What a filter means, as a condition of SQL: the same as [`Filter::matches`] says of each task, with values bound and none
//! written.

use domain::{
    filter::{Condition, Expression, Filter, Order, Person},
    ids::UserId,
    task::values::{ExternalRef, Visibility},
    time::Timestamp,
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::when::Source;

type Sql<'a> = QueryBuilder<'a, Postgres>;

/// A filter, and who is meant with `me`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// What is asked for.
    pub(super) filter: &'a Filter,
    /// Who asks.
    pub(super) me: UserId,
}

impl Asked<'_> {
    /// Adds the condition on `t`, a row of [`Source::tables`].
    pub(super) fn push(&self, sql: &mut Sql<'_>, source: Source) {
        self.push_expression(self.filter.meaning(), source, sql);
    }

    /// SQL joins yes, no and unknown as filters do, and takes no row of which it cannot say yes.
    fn push_expression(&self, expression: &Expression, source: Source, sql: &mut Sql<'_>) {
        match expression {
            Expression::And(parts) => self.push_joined(parts, " AND ", source, sql),
            Expression::Or(parts) => self.push_joined(parts, " OR ", source, sql),
            Expression::Not(inner) => {
                sql.push("NOT (");
                self.push_expression(inner, source, sql);
                sql.push(")");
            }
            Expression::Is(condition) => self.push_condition(condition, source, sql),
        }
    }

    fn push_joined(&self, parts: &[Expression], word: &str, source: Source, sql: &mut Sql<'_>) {
        for (index, part) in parts.iter().enumerate() {
            sql.push(if index == 0 { "(" } else { word });
            self.push_expression(part, source, sql);
        }
        sql.push(")");
    }

    /// Each of them is yes or no for every task: what a task has not is compared as no.
    fn push_condition(&self, condition: &Condition, source: Source, sql: &mut Sql<'_>) {
        match condition {
            Condition::Status(status) => sql.push("t.status = ").push_bind(status.as_str().to_owned()),
            Condition::Assignee(None) => sql.push("t.assignees = '{}'"),
            Condition::Assignee(Some(person)) => source.push_people(sql, "assignee", &[self.id(*person)]),
            Condition::Creator(person) => source.push_people(sql, "creator", &[self.id(*person)]),
            Condition::Watcher(None) => sql.push("t.watchers = '{}'"),
            Condition::Watcher(Some(person)) => source.push_people(sql, "watcher", &[self.id(*person)]),
            Condition::Label(None) => sql.push("t.labels = '{}'"),
            Condition::Label(Some(label)) => source.push_label(sql, label.as_str()),
            Condition::Priority(order, priority) => {
                sql.push("t.priority").push(sign(*order)).push_bind(*priority as i16)
            }
            Condition::Parent(None) => sql.push("t.parent IS NULL"),
            Condition::Parent(Some(parent)) => {
                sql.push("(t.parent IS NOT NULL AND t.parent = ").push_bind(parent.0).push(")")
            }
            Condition::ExternalRef(None) => sql.push("t.external_system IS NULL"),
            Condition::ExternalRef(Some(name)) => push_external_ref(name, sql),
            Condition::Due(None) => sql.push("t.due_order = 'infinity'"),
            Condition::Due(Some((order, time))) => {
                push_time("(t.due_order < 'infinity' AND t.due_order", *order, *time, sql).push(")")
            }
            Condition::CreateTime(order, time) => {
                push_time(&format!("{}.create_time", source.task()), *order, *time, sql)
            }
            Condition::UpdateTime(order, time) => push_time("t.update_time", *order, *time, sql),
            Condition::Visibility(Visibility::Private) => sql.push("t.private"),
            Condition::Visibility(Visibility::Team) => sql.push("NOT t.private"),
            // A list is of no event and of no record.
            Condition::Type(_) | Condition::Actor(_) | Condition::Record(_) => sql.push("NULL::boolean"),
        };
    }

    fn id(&self, person: Person) -> Uuid {
        match person {
            Person::Me => self.me.0,
            Person::User(id) => id.0,
        }
    }
}

fn push_external_ref<'a, 'b>(name: &ExternalRef, sql: &'b mut Sql<'a>) -> &'b mut Sql<'a> {
    sql.push("(t.external_system IS NOT NULL AND t.external_system = ").push_bind(name.system().to_owned());
    sql.push(" AND t.external_id = ").push_bind(name.id().to_owned()).push(")")
}

fn push_time<'a, 'b>(column: &str, order: Order, time: Timestamp, sql: &'b mut Sql<'a>) -> &'b mut Sql<'a> {
    sql.push(column).push(sign(order)).push_bind(time.as_datetime())
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
    use domain::filter::FilterOver;

    use super::*;
    use crate::queries::When;

    fn sql(text: &str) -> String {
        let filter = Filter::parse(text, FilterOver::Tasks).unwrap();
        let mut sql = Sql::new("");
        Asked { filter: &filter, me: UserId(Uuid::nil()) }.push(&mut sql, When::Now.standing());
        sql.sql().to_owned()
    }

    #[test]
    fn what_clients_write_is_bound() {
        let canary = "x' OR 1=1 --";
        for text in [format!("label = \"{canary}\""), format!("external_ref = \"jira:{canary}\"")] {
            let sql = sql(&text);
            assert!(sql.contains("$1") && !sql.contains("1=1"), "{sql}");
        }
        assert_eq!(
            sql("priority >= high AND NOT due = none"),
            "(t.priority >= $1 AND NOT (t.due_order = 'infinity'))"
        );
    }
}
