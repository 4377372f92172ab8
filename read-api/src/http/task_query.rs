//! Parameters of task lists as a filter and a sort.

use domain::{filter::TasksAsked, ids::UserId, violation::Violation};
use service::{problem::Flaw, query::Query};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{asking::Asking, caller::Caller};
use crate::queries::{Sort, SortKey, TaskFilter, When, Words};

/// The filters of task lists and counts, as OpenAPI shows them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the documentation of what `filter` reads")]
pub(super) struct TaskFilterParams {
    /// Any of these statuses.
    #[param(nullable = false)]
    status: Option<Vec<String>>,
    /// Any of these users, `me`, or `none`.
    #[param(nullable = false)]
    assignee: Option<Vec<String>>,
    /// Any of these users, or `me`.
    #[param(nullable = false)]
    creator: Option<Vec<String>>,
    /// Any of these users, `me`, or `none`.
    #[param(nullable = false)]
    watcher: Option<Vec<String>>,
    /// All of these labels; `none` for tasks without.
    #[param(nullable = false)]
    label: Option<Vec<String>>,
    /// Any of these priorities.
    #[param(nullable = false)]
    priority: Option<Vec<String>>,
    /// Below any of these tasks; `none` for tasks without a parent.
    #[param(nullable = false)]
    parent: Option<Vec<String>>,
    /// Any of these names in other systems, `system:id`; `none` for tasks without.
    #[param(nullable = false)]
    external_ref: Option<Vec<String>>,
    /// Due at or after this time or day (UTC).
    #[param(nullable = false)]
    due_from: Option<String>,
    /// Due before this time or day (UTC).
    #[param(nullable = false)]
    due_to: Option<String>,
    /// Created at or after this time or day (UTC).
    #[param(nullable = false)]
    created_from: Option<String>,
    /// Created before this time or day (UTC).
    #[param(nullable = false)]
    created_to: Option<String>,
    /// Last changed at or after this time or day (UTC).
    #[param(nullable = false)]
    updated_from: Option<String>,
    /// Last changed before this time or day (UTC).
    #[param(nullable = false)]
    updated_to: Option<String>,
    /// Words that must all occur in title, description or comments, also within longer words; only plain words of one or
    /// two letters must stand alone.
    #[param(nullable = false)]
    q: Option<String>,
    /// An expression over these fields, which a task must meet too: `priority >= high AND (label : roof OR due < 2026-12-01)`.
    #[param(nullable = false)]
    filter: Option<String>,
    /// Also deleted tasks that can still be brought back.
    #[param(nullable = false)]
    show_deleted: Option<bool>,
    /// Wait until the answer shows this position (2 s at most).
    #[param(nullable = false)]
    min_position: Option<i64>,
}

/// Reads all filters; what is wrong shows in [`Query::finish`].
pub(super) fn filter(query: &mut Query, caller: Caller) -> TaskFilter {
    let asked = TasksAsked::read(&mut Asking(query), UserId(caller.id));
    TaskFilter { asked, words: query.one("q", words).unwrap_or_default(), when: When::Now }
}

/// Reads `sort`.
pub(super) fn sort(query: &mut Query) -> Sort {
    let parsed = query.one("sort", |text| {
        let (word, descending) = text.strip_prefix('-').map_or((text, false), |word| (word, true));
        let key = one_of(&SortKey::WORDS, word)?;
        Ok::<_, Flaw>(Sort { key, descending })
    });
    parsed.unwrap_or_default()
}

/// The value of a word of a closed set.
pub(super) fn one_of<T: Copy>(words: &[(&'static str, T)], word: &str) -> Result<T, Flaw> {
    let allowed = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
    found.ok_or_else(|| Flaw::new("UNKNOWN_VALUE").param("allowed", allowed()))
}

/// A violation of the domain's rules as a flaw of a parameter.
pub(super) fn flaw(violation: Violation) -> Flaw {
    let flaw = Flaw::new(violation.code()).detail(violation.to_string());
    violation.params().into_iter().fold(flaw, |flaw, (name, value)| flaw.param(name, value))
}

pub(super) fn person(text: &str, me: Option<Uuid>, optional: bool) -> Result<Option<Uuid>, Flaw> {
    domain::filter::person(text, me.map(UserId), optional).map_err(flaw)
}

fn words(text: &str) -> Result<Words, Flaw> {
    Words::parse(text).map_err(|error| Flaw::new("INVALID_SEARCH").detail(error.to_string()))
}

#[cfg(test)]
mod tests {
    use domain::policy::RoleSet;

    use super::*;

    fn read(raw: &str) -> Result<TaskFilter, service::problem::Problem> {
        let mut query = Query::parse(raw);
        let caller = Caller { id: Uuid::nil(), roles: RoleSet::EMPTY, scopes: None };
        let filter = filter(&mut query, caller);
        sort(&mut query);
        query.finish().map(|()| filter)
    }

    #[test]
    fn words_stand_for_people_and_absence() {
        let filter =
            read("assignee=me&assignee=none&parent=none&label=none&label=x&external_ref=a:b:c").unwrap();
        assert_eq!(filter.asked.assignees, [Some(Uuid::nil()), None]);
        assert_eq!(filter.asked.parents, [None]);
        assert_eq!(filter.asked.labels, [None, Some("x".to_owned())]);
        assert_eq!(filter.asked.external_refs[0].as_ref().unwrap().id(), "b:c");
    }

    #[test]
    fn times_are_instants_or_days() {
        let filter = read("due_from=2026-11-21&due_to=2026-11-21T09:30:00%2B09:00").unwrap();
        assert_eq!(filter.asked.due.from.unwrap().to_string(), "2026-11-21T00:00:00.000000Z");
        assert_eq!(filter.asked.due.to.unwrap().to_string(), "2026-11-21T00:30:00.000000Z");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for bad in [
            "status=open",
            "status=",
            "assignee=x",
            "creator=none",
            "priority=5",
            "parent=me",
            "label=",
            "external_ref=a",
            "external_ref=A:b",
            "due_from=0000-00-00",
            "due_from=1000000-01-01",
            "due_from=2026-06-30T23:59:60",
            "created_to=2026-11-21T00:00:00",
            "due_from=2026-11-22&due_to=2026-11-21",
            "q=%25%25",
            "show_deleted=1",
            "sort=id;drop%20table",
            "sort=-",
            "sort=update_time&sort=key",
            "unknown=1",
            "status=done'--",
            "assignee=%27%20OR%201=1--",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_bounded() {
        assert!(read(&"label=x&".repeat(50)).is_ok());
        assert!(read(&"label=x&".repeat(51)).is_err());
    }
}
