//! What can be wrong with one value, as words a client can act on; the HTTP edge adds the pointer.

use crate::{
    filter::FilterFault,
    ids::{TaskId, UserId},
};

/// In which unit a length is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values after NFC.
    Characters,
    /// Bytes of UTF-8 after NFC.
    Bytes,
}

impl Unit {
    /// The wire word, as in `params.unit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Bytes => "bytes",
        }
    }
}

/// One thing wrong with one value. `Display` is the English detail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It must be given.
    #[error("is required")]
    Required,
    /// It goes without the other one only.
    #[error("cannot be given together with {other}")]
    Excludes {
        /// Which.
        other: &'static str,
    },
    /// No instant.
    #[error("must be a time such as 2026-11-21T09:30:00Z")]
    NotATime,
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// Longer than the limit.
    #[error("must have at most {max} {}", unit.as_str())]
    TooLong {
        /// The limit.
        max: usize,
        /// What is counted.
        unit: Unit,
    },
    /// A control character that this text may not hold.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Not of the expected form.
    #[error("must be {expected}")]
    Malformed {
        /// The form in words.
        expected: &'static str,
    },
    /// More entries than the limit.
    #[error("must have at most {max} entries")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A number outside its range.
    #[error("must be from {min} to {max}")]
    OutOfRange {
        /// Lowest value.
        min: i64,
        /// Highest value.
        max: i64,
    },
    /// A span that would end before it begins.
    #[error("must not be before from")]
    BeforeFrom,
    /// Not one of the known words.
    #[error("must be one of: {}", allowed.join(", "))]
    UnknownValue {
        /// The known words.
        allowed: &'static [&'static str],
    },
    /// The user is unknown, unverified or deactivated.
    #[error("user {user} is not active")]
    UserNotActive {
        /// Which user.
        user: UserId,
    },
    /// The task does not exist, is deleted, or may not be seen by the caller.
    #[error("task {task} does not exist")]
    UnknownTask {
        /// Which task.
        task: TaskId,
    },
    /// The task would come before itself.
    #[error("would make a cycle")]
    Cycle,
    /// The task is named in a relation to itself.
    #[error("must not name the task itself")]
    SelfReference,
    /// The chain behind the named task is too long to be checked.
    #[error("is linked to more than {max} tasks")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// Two roles that one user may not hold together.
    #[error("role {role} excludes role {held}")]
    RolesExclude {
        /// The role asked for.
        role: &'static str,
        /// The role held.
        held: &'static str,
    },
    /// The role is for people and not for service accounts, or the other way round.
    #[error("role {role} does not fit this kind of user")]
    RoleDoesNotFit {
        /// The role asked for.
        role: &'static str,
    },
    /// A filter cannot be understood from here on.
    #[error("cannot be understood at character {position}: {fault}")]
    Filter {
        /// Where, in characters from 0.
        position: usize,
        /// Why.
        fault: Box<FilterFault>,
    },
    /// The service account's keys are not for this.
    #[error("scope {scope} is not one of the service account's")]
    ScopeNotHeld {
        /// The scope asked for.
        scope: &'static str,
    },
}

impl Violation {
    /// The wire code, as in `errors[].code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::Excludes { .. } => "EXCLUDES",
            Self::NotATime => "NOT_A_TIME",
            Self::Empty => "EMPTY",
            Self::TooLong { unit: Unit::Characters, .. } => "TOO_LONG",
            Self::TooLong { unit: Unit::Bytes, .. } => "TOO_MANY_BYTES",
            Self::ControlCharacter => "CONTROL_CHARACTER",
            Self::Malformed { .. } => "MALFORMED",
            Self::TooMany { .. } => "TOO_MANY",
            Self::OutOfRange { .. } | Self::BeforeFrom => "OUT_OF_RANGE",
            Self::UnknownValue { .. } => "UNKNOWN_VALUE",
            Self::UserNotActive { .. } => "USER_NOT_ACTIVE",
            Self::UnknownTask { .. } => "UNKNOWN_TASK",
            Self::Cycle => "CYCLE",
            Self::SelfReference => "SELF_REFERENCE",
            Self::TooDeep { .. } => "TOO_DEEP",
            Self::RolesExclude { .. } => "ROLES_EXCLUDE",
            Self::RoleDoesNotFit { .. } => "ROLE_DOES_NOT_FIT",
            Self::Filter { .. } => "INVALID_FILTER",
            Self::ScopeNotHeld { .. } => "SCOPE_NOT_HELD",
        }
    }

    /// The values behind the detail, as in `errors[].params`.
    pub fn params(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Required
            | Self::NotATime
            | Self::Empty
            | Self::ControlCharacter
            | Self::BeforeFrom
            | Self::Cycle
            | Self::SelfReference => Vec::new(),
            Self::Excludes { other } => vec![("other", (*other).into())],
            Self::TooLong { max, unit } => vec![("max", max.to_string()), ("unit", unit.as_str().into())],
            Self::Malformed { expected } => vec![("expected", (*expected).into())],
            Self::TooMany { max } | Self::TooDeep { max } => vec![("max", max.to_string())],
            Self::OutOfRange { min, max } => vec![("min", min.to_string()), ("max", max.to_string())],
            Self::UnknownValue { allowed } => vec![("allowed", allowed.join(" "))],
            Self::UserNotActive { user } => vec![("user", user.to_string())],
            Self::UnknownTask { task } => vec![("task", task.to_string())],
            Self::RolesExclude { role, held } => vec![("role", (*role).into()), ("held", (*held).into())],
            Self::RoleDoesNotFit { role } => vec![("role", (*role).into())],
            Self::Filter { position, fault } => {
                vec![("position", position.to_string()), ("reason", fault.to_string())]
            }
            Self::ScopeNotHeld { scope } => vec![("scope", (*scope).into())],
        }
    }
}

/// A violation and the member of the command's data that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer} {violation}")]
pub struct FieldViolation {
    /// JSON pointer into the command's data: `/parent`, `/assignees/2`.
    pub pointer: String,
    /// What is wrong there.
    pub violation: Violation,
}

impl FieldViolation {
    /// A violation of a member of the command's data.
    pub fn of(member: &str, violation: Violation) -> Self {
        Self { pointer: format!("/{member}"), violation }
    }

    /// A violation of one entry of a list.
    pub fn of_entry(member: &str, index: usize, violation: Violation) -> Self {
        Self { pointer: format!("/{member}/{index}"), violation }
    }
}
