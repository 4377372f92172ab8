//! Lists.

use serde::Serialize;
use utoipa::ToSchema;

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on this page; may be fewer than asked for.
    pub items: Vec<T>,
    /// Empty at the end of the list, and only there.
    pub next_page_token: String,
}

/// One page of a list, with the size of the whole list where `count` asked for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountedPage<T> {
    /// What is on this page; may be fewer than asked for.
    pub items: Vec<T>,
    /// Empty at the end of the list, and only there.
    pub next_page_token: String,
    /// Size of the whole list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
}

/// A label that is in use.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Label {
    /// The label.
    pub label: String,
}

/// How many tasks have one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    /// A status, a user's id, or a label; null for tasks that have none.
    #[schema(required)]
    pub value: Option<String>,
    /// The user's name, when grouped by assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tasks.
    pub count: i64,
}

/// Tasks counted by the values of one field; a task with several labels or assignees counts for each.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Counts {
    /// `status`, `assignee` or `label`.
    pub group_by: &'static str,
    /// The most frequent values first, at most 1,000.
    pub items: Vec<Count>,
}
