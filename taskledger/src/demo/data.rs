use serde::Deserialize;

/// What `demo.toml` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Demo {
    pub(super) people: Vec<Person>,
    pub(super) tasks: Vec<Task>,
}

impl Demo {
    pub(super) fn read() -> Result<Self, toml::de::Error> {
        toml::from_str(include_str!("demo.toml"))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) locale: String,
    pub(super) zone: String,
    pub(super) roles: Vec<domain::policy::Role>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) labels: Vec<String>,
    #[serde(default)]
    pub(super) priority: domain::task::values::Priority,
    /// Key of the creator.
    pub(super) by: String,
    #[serde(default)]
    pub(super) assignees: Vec<String>,
    /// Days from now.
    pub(super) due: Option<i64>,
    /// Days ago.
    pub(super) day: i64,
    pub(super) story: Story,
    #[serde(default)]
    pub(super) comments: Vec<String>,
    #[serde(default)]
    pub(super) checklist: Vec<String>,
}

/// How a task fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Story {
    /// Nothing happened yet.
    Fresh,
    /// Begun and going on.
    Running,
    /// Begun and held up.
    Held,
    /// Completed.
    Done,
    /// Given up.
    Cancelled,
    /// Completed, found wanting, begun again.
    Reopened,
}
