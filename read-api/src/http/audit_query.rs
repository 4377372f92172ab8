//! Parameters of audit lists as a filter.

use chrono::{DateTime, Utc};
use domain::{filter::RecordsAsked, ids::UserId, time::TimeZone};
use service::{
    problem::{Flaw, Problem, Violation},
    query::Query,
};
use utoipa::IntoParams;

use super::{
    asking::Asking,
    caller::Caller,
    failure::{failed, unlogged, untold},
};
use crate::{
    ReadApi,
    queries::{AuditFilter, Logged, MOST_READ, attempts_before},
};

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
    /// An expression which a record must meet too: `action = "task." AND (ip = 10.0.0.0/8 OR NOT outcome = success)`.
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
    /// Changed this field of a task or user: `title`, `status`, `comments`, `comments/<id>`.
    #[param(nullable = false)]
    field: Option<String>,
    /// Changed a value with this in it, whatever its case.
    #[param(nullable = false)]
    old: Option<String>,
    /// Changed something to a value with this in it.
    #[param(nullable = false)]
    new: Option<String>,
    /// Has this in its values, reason, action, code, target, client or query.
    #[param(nullable = false)]
    text: Option<String>,
    /// Wait until the answer shows this position (2 s at most).
    #[param(nullable = false)]
    min_position: Option<i64>,
}

/// What is asked for, before times are looked up in the logs.
pub(super) struct Asked {
    pub(super) records: RecordsAsked,
    pub(super) me: UserId,
}

/// Reads all filters; what is wrong shows in [`Query::finish`].
pub(super) fn read(query: &mut Query, caller: Caller) -> Asked {
    let parameters = &mut Asking(query);
    Asked { records: RecordsAsked::read(parameters), me: UserId(caller.id) }
}

impl Asked {
    /// Whose clock counts.
    pub(super) fn zone(&self) -> TimeZone {
        self.records.zone
    }

    /// The filter with times, targets and intents as places in the logs.
    pub(super) async fn placed(self, api: &ReadApi) -> Result<AuditFilter, Problem> {
        let Self { records, me } = self;
        let RecordsAsked { all, from, to, outside, new_device, zone: _ } = records;
        let logged = Logged::find(&api.log, &api.lists, &all).await.map_err(untold)?;
        let whole = (0, i64::MAX);
        let mut filter = AuditFilter { all, me, outside, new_device, events: whole, attempts: whole, logged };
        if let Some(from) = from.map(DateTime::from) {
            filter.events.0 = before(api, from).await?;
            filter.attempts.0 = attempts_before(&api.lists, from).await.map_err(failed)?;
        }
        if let Some(to) = to.map(DateTime::from) {
            filter.events.1 = before(api, to).await?.saturating_add(1);
            filter.attempts.1 = attempts_before(&api.lists, to).await.map_err(failed)?.saturating_add(1);
        }
        Ok(filter)
    }
}

/// The parameter that asks what records say, if any does.
pub(super) fn of_content(query: &Query) -> &'static str {
    ["field", "old", "new", "text"].into_iter().find(|name| query.has(name)).unwrap_or("filter")
}

/// More records would have to be read than one answer may take.
pub(super) fn too_many(parameter: &'static str) -> Problem {
    let flaw = Flaw::new("TOO_MANY").param("max", MOST_READ).detail(format!(
        "asks what more than {MOST_READ} records say: add from, to, actor, target or action, ask for count=estimate of the list, or \
         for an export of counts"
    ));
    Problem::violations(vec![Violation::parameter(parameter, flaw)])
}

/// Position of the last event before this time.
async fn before(api: &ReadApi, time: DateTime<Utc>) -> Result<i64, Problem> {
    let moment = domain::webhook::values::Moment::Time(time.into());
    api.log.position_before(moment).await.map_err(unlogged)
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
