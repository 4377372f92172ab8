//! Parameters of audit lists as a filter.

use chrono::{DateTime, NaiveTime, Utc};
use domain::{
    filter::{
        Condition, Expression, Filter, FilterOver, Network, Order, Person, RecordCondition, RecordTarget,
        part, word,
    },
    ids::UserId,
    time::{TimeZone, Timestamp},
    violation::Violation,
};
use service::{
    problem::{Flaw, Problem},
    query::Query,
};
use utoipa::IntoParams;

use super::{
    caller::Caller,
    failure::{failed, unlogged, untold},
    task_query::{flaw, instant},
};
use crate::{
    ReadApi,
    queries::{AuditFilter, Hours, Logged, attempts_before, is_field},
};

/// More values of one filter are refused.
const MAX_VALUES: usize = 50;

/// The filters of audit lists and counts, as OpenAPI shows them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the documentation of what `read` reads")]
pub(super) struct AuditFilterParams {
    /// Recorded at or after this time or day (UTC).
    #[param(nullable = false)]
    from: Option<String>,
    /// Recorded before this time or day (UTC).
    #[param(nullable = false)]
    to: Option<String>,
    /// Happened at or after this time or day (UTC); imported history happened long before it was recorded.
    #[param(nullable = false)]
    occurred_from: Option<String>,
    /// Happened before this time or day (UTC).
    #[param(nullable = false)]
    occurred_to: Option<String>,
    /// How the action begins, any of these: `task.`, `auth.login`.
    #[param(nullable = false)]
    action: Option<Vec<String>>,
    /// Any of `create`, `read`, `update`, `delete`.
    #[param(nullable = false)]
    crud: Option<Vec<String>>,
    /// Any of `success`, `failure`, `denied`.
    #[param(nullable = false)]
    outcome: Option<Vec<String>>,
    /// Refused with any of these codes.
    #[param(nullable = false)]
    code: Option<Vec<String>>,
    /// Done by any of these users or service accounts, `me`, or `none`: by the system or a stranger.
    #[param(nullable = false)]
    actor: Option<Vec<String>>,
    /// Done to any of these, by id; tasks also by key.
    #[param(nullable = false)]
    target: Option<Vec<String>>,
    /// From any of these addresses or networks (`10.0.0.0/8`).
    #[param(nullable = false)]
    ip: Option<Vec<String>>,
    /// From a client with this in its name, whatever its case.
    #[param(nullable = false)]
    user_agent: Option<Vec<String>>,
    /// In any of these sessions, or with any of these API keys.
    #[param(nullable = false)]
    session: Option<Vec<String>>,
    /// In any of these requests.
    #[param(nullable = false)]
    request: Option<Vec<String>>,
    /// Of any of these intents.
    #[param(nullable = false)]
    correlation: Option<Vec<String>>,
    /// An expression which a record must meet too: `action = "task." AND (ip = 10.0.0.0/8 OR NOT outcome = success)`; lists also
    /// know `field`, `old`, `new`, `text` there.
    #[param(nullable = false)]
    filter: Option<String>,
    /// Only what happened at other times than these, `09:00-18:00`, or on a Saturday or Sunday.
    #[param(nullable = false)]
    outside_hours: Option<String>,
    /// The time zone of `outside_hours` and of days that are counted; `UTC` by default.
    #[param(nullable = false)]
    zone: Option<String>,
    /// Only logins with a client that the person had not logged in with before.
    #[param(nullable = false)]
    new_device: Option<bool>,
    /// Wait until the answer shows this position (2 s at most).
    #[param(nullable = false)]
    min_position: Option<i64>,
}

/// What is asked for, before times are looked up in the logs.
pub(super) struct Asked {
    filter: AuditFilter,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// By the clock there.
    pub(super) zone: TimeZone,
}

/// Reads all filters; what is wrong shows in [`Query::finish`].
pub(super) fn read(query: &mut Query, caller: Caller) -> Asked {
    let mut all = conditions(query);
    let occurred = [("occurred_from", Order::AtLeast), ("occurred_to", Order::Less)];
    for (name, order) in occurred {
        let time = query.one(name, instant).map(Timestamp::from);
        all.extend(time.map(|time| is(RecordCondition::OccurredAt(order, time))));
    }
    let expression = |text: &str| Filter::parse(text, FilterOver::Records).map_err(flaw);
    all.extend(query.one("filter", expression).map(|filter| filter.meaning().clone()));
    let (from, to) = (query.one("from", instant), query.one("to", instant));
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        query.refuse("to", Flaw::new("OUT_OF_RANGE").detail("must not be before from"));
    }
    let zone = query.one("zone", |name| TimeZone::parse(name).map_err(flaw)).unwrap_or(TimeZone::UTC);
    let outside = query.one("outside_hours", hours).map(|(from, to)| Hours { from, to, zone });
    let new_device = query.flag("new_device");
    let whole = (0, i64::MAX);
    let filter = AuditFilter {
        all,
        me: UserId(caller.id),
        outside,
        new_device,
        events: whole,
        attempts: whole,
        logged: Logged::default(),
    };
    Asked { filter, from, to, zone }
}

impl Asked {
    /// Reads what a record must have changed, from what and to what, all in one change, and what it must mention.
    pub(super) fn of_content(&mut self, query: &mut Query) {
        let part = |text: &str| part(text).map_err(flaw);
        let field = query.one("field", field).map(RecordCondition::Field);
        let (old, new) = (query.one("old", part), query.one("new", part));
        let changed = [field, old.map(RecordCondition::Old), new.map(RecordCondition::New)];
        let mut changed: Vec<_> = changed.into_iter().flatten().map(is).collect();
        let one = if changed.len() > 1 { Some(Expression::And(changed)) } else { changed.pop() };
        let text = query.one("text", part).map(RecordCondition::Text).map(is);
        self.filter.all.extend(one.into_iter().chain(text));
    }

    /// Whether records must be read to know which of them are asked for.
    pub(super) fn is_of_content(&self) -> bool {
        self.filter.is_of_content()
    }

    /// The filter with times, targets and intents as places in the logs.
    pub(super) async fn placed(self, api: &ReadApi) -> Result<AuditFilter, Problem> {
        let mut filter = self.filter;
        if let Some(from) = self.from {
            filter.events.0 = before(api, from).await?;
            filter.attempts.0 = attempts_before(&api.lists, from).await.map_err(failed)?;
        }
        if let Some(to) = self.to {
            filter.events.1 = before(api, to).await?.saturating_add(1);
            filter.attempts.1 = attempts_before(&api.lists, to).await.map_err(failed)?.saturating_add(1);
        }
        filter.logged = Logged::find(&api.log, &api.lists, &filter.all).await.map_err(untold)?;
        Ok(filter)
    }
}

/// Position of the last event before this time.
async fn before(api: &ReadApi, time: DateTime<Utc>) -> Result<i64, Problem> {
    let moment = domain::webhook::values::Moment::Time(time.into());
    api.log.position_before(moment).await.map_err(unlogged)
}

fn is(condition: RecordCondition) -> Expression {
    Expression::Is(Condition::Record(condition))
}

/// The filters that may be repeated; any value of each will do.
fn conditions(query: &mut Query) -> Vec<Expression> {
    fn record<T>(value: Result<T, Violation>, of: fn(T) -> RecordCondition) -> Result<Condition, Violation> {
        value.map(|value| Condition::Record(of(value)))
    }
    type Read = fn(&str) -> Result<Condition, Violation>;
    const FILTERS: [(&str, Read); 11] = [
        ("action", |text| RecordCondition::action(text).map(Condition::Record)),
        ("crud", |text| record(text.parse(), RecordCondition::Crud)),
        ("outcome", |text| record(text.parse(), RecordCondition::Outcome)),
        ("code", |text| record(word(text), RecordCondition::Code)),
        ("actor", |text| person(text).map(Condition::Actor)),
        ("target", |text| record(RecordTarget::parse(text), RecordCondition::Target)),
        ("ip", |text| record(Network::parse(text), RecordCondition::Ip)),
        ("user_agent", |text| record(word(text), RecordCondition::UserAgent)),
        ("session", |text| record(id(text), RecordCondition::Session)),
        ("request", |text| record(id(text), RecordCondition::Request)),
        ("correlation", |text| record(id(text), RecordCondition::Correlation)),
    ];
    FILTERS.into_iter().filter_map(|(name, read)| any(query, name, read)).collect()
}

fn any(
    query: &mut Query,
    name: &'static str,
    read: fn(&str) -> Result<Condition, Violation>,
) -> Option<Expression> {
    let mut parts = query.many(name, |text| read(text).map(Expression::Is).map_err(flaw));
    if parts.len() > MAX_VALUES {
        query.refuse(name, Flaw::new("TOO_MANY").param("max", MAX_VALUES));
    }
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Expression::Or(parts)),
    }
}

fn person(text: &str) -> Result<Option<Person>, Violation> {
    match text {
        "none" => Ok(None),
        "me" => Ok(Some(Person::Me)),
        text => id(text).map(|id| Some(Person::User(UserId(id)))),
    }
}

fn id(text: &str) -> Result<uuid::Uuid, Violation> {
    super::path::uuid(text).ok_or(Violation::Malformed { expected: "a UUID" })
}

/// `09:00-18:00`
fn hours(text: &str) -> Result<(NaiveTime, NaiveTime), Flaw> {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let read = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
    read.filter(|(from, to)| from < to)
        .ok_or_else(|| Flaw::new("MALFORMED").detail("must be two times of a day such as 09:00-18:00"))
}

/// A field of tasks or users.
fn field(text: &str) -> Result<String, Flaw> {
    if is_field(text) { Ok(text.to_owned()) } else { Err(Flaw::new("UNKNOWN_VALUE")) }
}

#[cfg(test)]
mod tests {
    use domain::policy::RoleSet;
    use uuid::Uuid;

    use super::*;

    fn wrong(raw: &str) -> bool {
        let mut query = Query::parse(raw);
        read(&mut query, Caller { id: Uuid::nil(), roles: RoleSet::EMPTY, scopes: None });
        query.finish().is_err()
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for good in [
            "",
            "action=task.&action=user.*&crud=read&outcome=denied&code=FORBIDDEN&actor=me&actor=none&target=T-1",
            "ip=10.0.0.0/8&ip=::1&user_agent=curl&from=2026-11-21&to=2026-11-22T00:00:00Z&new_device=true",
            "outside_hours=09:00-18:00&zone=Asia/Seoul&occurred_from=2020-01-01&occurred_to=2020-01-02",
            "filter=action%3Dtask.%20AND%20NOT%20(ip%3D10.0.0.0/8%20OR%20field%3Dtitle)",
        ] {
            assert!(!wrong(good), "{good}");
        }
        for bad in [
            "action=",
            "action=task%25",
            "crud=write",
            "outcome=ok",
            "actor=ann",
            "target=x",
            "ip=10.0.0.0/99",
            "session=1",
            "from=2026-11-22&to=2026-11-21",
            "outside_hours=18:00-09:00",
            "outside_hours=9-18",
            "zone=Seoul",
            "filter=status%3Ddone",
            "filter=action",
            "new_device=yes",
            "nothing=1",
        ] {
            assert!(wrong(bad), "{bad}");
        }
    }
}
