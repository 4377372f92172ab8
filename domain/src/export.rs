//! What auditors take out as a file: a part of the log, or of the audit log beside it, or a list that they are shown.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    event::EventPattern, ids::UserId, personal::Sealed, policy::Action, text::text, violation::Violation,
    webhook::values::Moment, words::words,
};

words! {
    /// What an export has.
    ExportKind {
        /// Events.
        Events = "events",
        /// Rows of the audit log: logins, refused requests, reads of what is sensitive.
        AuditRecords = "audit_records",
        /// Records as lists of them have them: of both logs, with all that is personal in clear.
        Records = "records",
        /// How many records there are, by what they have in common.
        Counts = "counts",
        /// What was on its way to the outside.
        Deliveries = "deliveries",
        /// Who had a role.
        RoleHolders = "role_holders",
        /// What an intent has set off.
        Trace = "trace",
        /// Tasks as they were.
        Tasks = "tasks",
    }
}

impl ExportKind {
    /// Whether it is a list that auditors are shown: no file of it is kept, it is read whenever it is fetched.
    pub fn is_list(self) -> bool {
        !matches!(self, Self::Events | Self::AuditRecords)
    }

    /// The right that the list asks for.
    pub fn right(self) -> Action {
        match self {
            Self::Events
            | Self::AuditRecords
            | Self::Records
            | Self::Counts
            | Self::RoleHolders
            | Self::Trace => Action::AuditRead,
            Self::Deliveries => Action::DeliveryRead,
            Self::Tasks => Action::TaskRead,
        }
    }
}

words! {
    /// How an export is written.
    ExportFormat {
        /// A line of JSON each: of events and the audit log exactly the bytes that were sealed.
        Ndjson = "ndjson",
        /// A row each, for spreadsheets.
        Csv = "csv",
    }
}

text!(
    /// An action of the audit log, `auth.login`, or all that begin alike, `auth.*`.
    ActionPattern
);

/// A file that an auditor asks for; what is absent does not matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Export {
    /// What is in it.
    pub kind: ExportKind,
    /// How it is written.
    pub format: ExportFormat,
    /// From there on, by default from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// Up to this position, or before this time; by default to the end when it is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Moment>,
    /// Events of any of these types; none: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<EventPattern>,
    /// Records of any of these actions; none: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionPattern>,
    /// What happened to this aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Uuid>,
    /// What this user has done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// What this intent has set off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// What of a list: its query, sealed with the key of the one who asks, since it may name people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Sealed>,
    /// Whether what proves it is in the file.
    #[serde(default)]
    pub include_seals: bool,
}

/// What of an event or a record says whether it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Exported<'a> {
    /// The type of the event, or the action.
    pub what: &'a str,
    /// The aggregate that the event is of.
    pub aggregate: Option<Uuid>,
    /// Who acted.
    pub actor: Option<UserId>,
    /// The intent.
    pub correlation: Option<Uuid>,
}

impl ActionPattern {
    /// Checks the form; which actions there are only the routes know.
    pub fn parse(pattern: &str) -> Result<Self, Violation> {
        const MALFORMED: Violation =
            Violation::Malformed { expected: "an action such as auth.login or auth.*" };
        let stem = pattern.strip_suffix('*').unwrap_or(pattern);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        let good = !pattern.is_empty() && pattern.len() <= 100 && stem.chars().all(plain);
        if good { Ok(Self(pattern.into())) } else { Err(MALFORMED) }
    }

    fn matches(&self, action: &str) -> bool {
        self.0.strip_suffix('*').map_or(&*self.0 == action, |stem| action.starts_with(stem))
    }
}

impl Export {
    /// Everything of a kind in a format, without seals.
    pub fn everything(kind: ExportKind, format: ExportFormat) -> Self {
        Self {
            kind,
            format,
            from: None,
            to: None,
            types: Vec::new(),
            actions: Vec::new(),
            aggregate: None,
            actor: None,
            correlation: None,
            query: None,
            include_seals: false,
        }
    }

    /// Whether this is to be in the file.
    pub fn takes(&self, one: &Exported<'_>) -> bool {
        let named = match self.kind {
            ExportKind::Events => {
                self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(one.what))
            }
            ExportKind::AuditRecords => {
                self.actions.is_empty() || self.actions.iter().any(|pattern| pattern.matches(one.what))
            }
            ExportKind::Records
            | ExportKind::Counts
            | ExportKind::Deliveries
            | ExportKind::RoleHolders
            | ExportKind::Trace
            | ExportKind::Tasks => false,
        };
        named
            && self.aggregate.is_none_or(|id| one.aggregate == Some(id))
            && self.actor.is_none_or(|id| one.actor == Some(id))
            && self.correlation.is_none_or(|id| one.correlation == Some(id))
    }
}
