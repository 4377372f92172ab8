//! How another tracker's rows become commands: the TOML file that `docs/import.md` documents.

use std::{collections::BTreeMap, path::Path};

use domain::task::values::{Priority, Status, Visibility};
use serde::Deserialize;

/// A mapping file is unreadable or contradicts itself; one line for the person who wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MappingError {
    /// The file cannot be read.
    #[error("cannot read the mapping {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not a mapping.
    #[error("the mapping {path} is not valid: {reason}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong, with the line.
        reason: String,
    },
}

/// One mapping file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    /// Name of the other tracker: `external_ref.system` of its tasks, and the source of its people.
    pub(crate) system: String,
    /// Which columns hold what every row has.
    pub(crate) columns: Columns,
    /// What the first row of a case makes before it counts itself.
    pub(crate) create: Create,
    /// Rules by activity; the name `*` takes every other activity.
    pub(crate) activity: Vec<Activity>,
}

/// The columns that every row has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Columns {
    /// RFC 3339 time of the change.
    pub(crate) time: String,
    /// The case: one case becomes one task.
    pub(crate) case: String,
    /// Who changed it: one name becomes one user.
    pub(crate) actor: String,
    /// What was done.
    pub(crate) activity: String,
}

/// The task that a case becomes. Texts may name columns in braces: `{product}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// Title of the task.
    pub(crate) title: Template,
    /// Description of the task.
    #[serde(default)]
    pub(crate) description: Option<Template>,
    /// Who sees the task; `team` unless said otherwise.
    #[serde(default)]
    pub(crate) visibility: Option<Visibility>,
    /// Labels of every task.
    #[serde(default)]
    pub(crate) labels: Vec<Template>,
}

/// What rows of one activity do, step by step, all or nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activity {
    /// The activity as the file has it.
    pub(crate) name: String,
    /// The commands, in order.
    pub(crate) steps: Vec<Step>,
}

/// One step of a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    /// A command that moves the status; already there adds nothing.
    Run(Move),
    /// Commands that depend on the status the task has at this moment; a status that is not listed adds nothing.
    When(BTreeMap<StatusName, Vec<Move>>),
    /// Assign the row's actor.
    AssignActor(bool),
    /// Set the priority from a column.
    Priority(PriorityFrom),
    /// Add a label.
    Label(Template),
    /// Add a comment.
    Comment(Template),
}

/// A status as the mapping names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusName {
    /// `waiting`
    Waiting,
    /// `in_progress`
    InProgress,
    /// `on_hold`
    OnHold,
    /// `done`
    Done,
    /// `cancelled`
    Cancelled,
}

impl From<Status> for StatusName {
    fn from(status: Status) -> Self {
        match status {
            Status::Waiting => Self::Waiting,
            Status::InProgress => Self::InProgress,
            Status::OnHold => Self::OnHold,
            Status::Done => Self::Done,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// A command that moves the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Move {
    /// waiting → in progress
    Start,
    /// → on hold
    Hold,
    /// on hold → in progress
    Resume,
    /// → done
    Complete,
    /// → cancelled
    Cancel,
    /// done, cancelled → waiting
    Reopen,
}

/// A priority taken from a column through a table of values.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriorityFrom {
    /// The column.
    pub(crate) column: String,
    /// The column's value → the priority; any other value rejects the row.
    pub(crate) values: BTreeMap<String, Priority>,
}

/// A text with columns in braces: `{ticket}, product {product}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Template(String);

impl Template {
    /// The text with every `{column}` replaced by the row's value; an unknown column stays as it is written.
    pub(crate) fn fill<'row>(&self, value_of: impl Fn(&str) -> Option<&'row str>) -> String {
        let mut filled = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}').and_then(|(name, tail)| Some((value_of(name)?, tail))) {
                Some((value, tail)) => {
                    filled.push_str(value);
                    rest = tail;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }
}

impl Mapping {
    /// Reads a mapping file.
    pub(crate) fn read(path: &Path) -> Result<Self, MappingError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| MappingError::Read { path: name.clone(), source })?;
        toml::from_str(&text).map_err(|error| MappingError::Invalid { path: name, reason: one_line(&error) })
    }

    /// The rule of an activity: its own, else that of `*`, else none.
    pub(crate) fn steps(&self, activity: &str) -> Option<&[Step]> {
        let rule = |name: &str| self.activity.iter().find(|rule| rule.name == name);
        rule(activity).or_else(|| rule("*")).map(|rule| rule.steps.as_slice())
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_take_columns() {
        let template: Template = Template("{ticket}: {unknown} {product".into());
        let filled = template.fill(|name| (name == "ticket").then_some("ticket-1"));
        assert_eq!(filled, "ticket-1: {unknown} {product");
    }

    #[test]
    fn the_shipped_mapping_is_valid() {
        let mapping =
            Mapping::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/helpdesk.toml"))).unwrap();
        assert!(mapping.steps("Wait").is_some_and(|steps| matches!(steps, [Step::Run(Move::Hold)])));
        assert!(mapping.steps("anything").is_some_and(|steps| matches!(steps, [Step::Comment(_)])));
    }

    #[test]
    fn a_wrong_member_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "system = \"x\"\ncolour = 1\n").unwrap();
        let error = Mapping::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("colour") && !error.contains('\n'), "{error}");
    }
}
