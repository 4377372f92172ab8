//! Refusals of the inside as problems of the outside.

use domain::{
    operation::OperationError,
    record::RecordError,
    task::TaskError,
    user::UserError,
    violation::{FieldViolation, Unit, Violation as Rule},
};
use event_store::{AppendError, SealError};
use serde_json::{Value, json};
use service::{
    http::headers::etag,
    problem::{Code, Flaw, Problem, Violation},
};

use crate::{
    auth::{
        AdmissionError, ApiKeysError, LoginError, OutsideError, PasswordError, RefreshError,
        SecondFactorError, SecondStepError, SessionsError,
    },
    commands::{Refusal, Refused},
    oidc::OidcError,
};

/// The problem of a refusal.
pub(super) fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Task(error) => task_problem(error, ""),
        Refusal::User(error) => user_problem(error),
        Refusal::Operation(OperationError::Forbidden) => Problem::new(Code::Forbidden),
        Refusal::Operation(OperationError::NotFound) => Problem::new(Code::NotFound),
        Refusal::Operation(OperationError::IdTaken) => Problem::new(Code::IdTaken),
        Refusal::Record(error) => record_problem(error),
        Refusal::VersionMoved { current: 0 } => Problem::new(Code::PreconditionFailed),
        Refusal::VersionMoved { current } => Problem::new(Code::PreconditionFailed)
            .header(axum::http::header::ETAG, etag(current))
            .with("current_version", current),
        Refusal::BaseAhead { current } => {
            Violation::at("/base_version", Flaw::new("TOO_LARGE").param("max", current)).into()
        }
        Refusal::FieldConflict(conflict) => Problem::new(Code::FieldConflict)
            .with("current_version", conflict.current)
            .with("conflicting_fields", json!(conflict.fields))
            .with("events", Value::from(conflict.events)),
        Refusal::Taken { scope, owner } => match scope.as_ref() {
            "task.external_ref" => Problem::new(Code::ExternalRefTaken),
            "user.email" => Problem::new(Code::EmailTaken),
            "webhook.target" | "notification_rule.replaces" => {
                Problem::new(Code::StateConflict).with("taken_by", owner.to_string())
            }
            _ => Problem::new(Code::StateConflict).caused_by(Refusal::Taken { scope, owner }),
        },
        Refusal::Moving => Problem::new(Code::ConcurrentChange).retry_after(1),
        Refusal::Crowded(_) => Problem::new(Code::Overloaded).retry_after(1),
        Refusal::Append(error) => append_problem(error),
        // Of the acting person: the token is about to be known as worthless everywhere.
        Refusal::Seal(SealError::Erased) => Problem::new(Code::TokenStale),
        error @ (Refusal::Load(_) | Refusal::Log(_) | Refusal::Seal(_)) => unavailable(error),
        error @ Refusal::Encode(_) => Problem::internal(error),
    }
}

/// The problem of one command among several: pointers lead into its data.
pub(super) fn step_problem(refused: Refused) -> Problem {
    let problem = match refused.why {
        Refusal::Task(error) => task_problem(error, &format!("/commands/{}/data", refused.step)),
        other => problem(other),
    };
    if problem.status().is_client_error() { problem.with("index", refused.step) } else { problem }
}

fn task_problem(error: TaskError, base: &str) -> Problem {
    match error {
        TaskError::NotFound | TaskError::CommentNotFound | TaskError::ChecklistItemNotFound => {
            Problem::new(Code::NotFound)
        }
        TaskError::Forbidden => Problem::new(Code::Forbidden),
        TaskError::IdTaken => Problem::new(Code::IdTaken),
        TaskError::TransitionNotAllowed { status, allowed, .. } => Problem::new(Code::TransitionNotAllowed)
            .with("current_status", status.as_str())
            .with("allowed", allowed.iter().map(|transition| transition.as_str()).collect::<Vec<_>>()),
        TaskError::NotDeleted => Problem::new(Code::NotDeleted),
        TaskError::Invalid(violations) => violated(violations, base),
    }
}

fn user_problem(error: UserError) -> Problem {
    match error {
        UserError::NotFound => Problem::new(Code::NotFound),
        UserError::Forbidden => Problem::new(Code::Forbidden),
        UserError::IdTaken => Problem::new(Code::IdTaken),
        UserError::StateNotAllowed { state } => {
            Problem::new(Code::StateConflict).with("current_state", state.as_str())
        }
        UserError::TooManyKeys { max } => Problem::new(Code::StateConflict).with("max", max),
        UserError::TooManyDevices { max } => Problem::new(Code::StateConflict).with("max", max),
        UserError::LinkVoid => Violation::at("/token", Flaw::new("LINK_VOID")).into(),
        UserError::WrongPassword => Violation::at("/old_password", Flaw::new("WRONG_PASSWORD")).into(),
        UserError::PasswordNeedsFactor => Problem::new(Code::PasswordNeedsFactor),
        UserError::SecondFactor => Problem::new(Code::StateConflict),
        UserError::RecoveryCodeWorthless => Problem::new(Code::MfaInvalid),
        UserError::IdentityConflict => Problem::new(Code::IdentityConflict),
        UserError::LastWayIn => Problem::new(Code::LastWayIn),
        UserError::LastAdmin => Problem::new(Code::LastAdmin),
        UserError::Erased => Problem::new(Code::StateConflict).with("erased", true),
        UserError::Invalid(violations) => violated(violations, ""),
    }
}

fn record_problem(error: RecordError) -> Problem {
    match error {
        RecordError::NotFound => Problem::new(Code::NotFound),
        RecordError::Forbidden => Problem::new(Code::Forbidden),
        RecordError::IdTaken => Problem::new(Code::IdTaken),
        RecordError::StateNotAllowed { state } => {
            Problem::new(Code::StateConflict).with("current_state", state)
        }
        RecordError::TooMany { most } => Problem::new(Code::LimitReached).with("max", most),
        RecordError::Invalid(violations) => violated(violations, ""),
    }
}

/// Cycles and inactive users are conflicts with the state of others; everything else is a fault of the body.
fn violated(violations: Vec<FieldViolation>, base: &str) -> Problem {
    let all = |wanted: fn(&Rule) -> bool| violations.iter().all(|violated| wanted(&violated.violation));
    let conflict = if all(|rule| matches!(rule, Rule::Cycle)) {
        Some(Code::Cycle)
    } else if all(|rule| matches!(rule, Rule::UserNotActive { .. })) {
        Some(Code::UserNotActive)
    } else {
        None
    };
    let entries = violations.into_iter();
    let entries = entries
        .map(|violated| Violation::at(format!("{base}{}", violated.pointer), flaw(violated.violation)));
    match conflict {
        Some(code) => entries.fold(Problem::new(code), Problem::violation),
        None => Problem::violations(entries.collect()),
    }
}

/// A broken rule of the domain as an entry of `errors`.
pub(super) fn flaw(rule: Rule) -> Flaw {
    let code = match &rule {
        Rule::TooLong { unit: Unit::Bytes, .. } => "TOO_MANY_BYTES",
        other => other.code(),
    };
    let flaw = Flaw::new(code).detail(rule.to_string());
    rule.params().into_iter().fold(flaw, |flaw, (name, value)| match value.parse::<i64>() {
        Ok(number) => flaw.param(name, number),
        Err(_) => flaw.param(name, value),
    })
}

fn append_problem(error: AppendError) -> Problem {
    match &error {
        AppendError::Overloaded { retry_after } => {
            Problem::new(Code::Overloaded).retry_after(retry_after.as_secs().max(1)).caused_by(error)
        }
        AppendError::OutcomeUnknown => Problem::new(Code::OutcomeUnknown).retry_after(1).caused_by(error),
        AppendError::TooLarge => Problem::new(Code::BodyTooLarge),
        AppendError::Malformed(_) => Problem::internal(error),
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    Problem::new(Code::Unavailable).retry_after(1).caused_by(error)
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Invalid => Self::new(Code::InvalidCredentials),
            LoginError::Locked(span) => Self::new(Code::RateLimited)
                .detail(
                    "Too many wrong passwords for this address. Wait for Retry-After, or reset the password.",
                    "이 주소로 틀린 비밀번호가 너무 많이 입력되었습니다. Retry-After만큼 기다리거나 비밀번호를 재설정하세요.",
                )
                .retry_after(span.num_seconds().max(0).unsigned_abs() + 1),
            LoginError::NotVerified => Self::new(Code::AccountNotVerified),
            LoginError::Deactivated => Self::new(Code::AccountDeactivated),
            LoginError::Busy(_) => Self::new(Code::Overloaded).retry_after(1),
            LoginError::Refused(refusal) => problem(refusal),
            error @ LoginError::Database(_) => unavailable(error),
            LoginError::Admission(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::new(Code::TokenInvalid),
            RefreshError::Reused => Self::new(Code::RefreshTokenReused),
            RefreshError::Refused(refusal) => problem(refusal),
            error @ RefreshError::Database(_) => unavailable(error),
            RefreshError::Admission(error) => error.into(),
        }
    }
}

impl From<AdmissionError> for Problem {
    fn from(error: AdmissionError) -> Self {
        match error {
            AdmissionError::Refused(refusal) => problem(refusal),
            error @ AdmissionError::Database(_) => unavailable(error),
            error @ AdmissionError::Token(_) => Self::internal(error),
            error @ AdmissionError::NoKey => unavailable(error),
        }
    }
}

impl From<SecondFactorError> for Problem {
    fn from(error: SecondFactorError) -> Self {
        match error {
            SecondFactorError::Wrong => Self::new(Code::MfaInvalid),
            SecondFactorError::Blocked { retry_after } => {
                Self::new(Code::RateLimited).retry_after(retry_after)
            }
            SecondFactorError::Refused(refusal) => problem(refusal),
            error @ SecondFactorError::Database(_) => unavailable(error),
        }
    }
}

impl From<ApiKeysError> for Problem {
    fn from(error: ApiKeysError) -> Self {
        match error {
            ApiKeysError::Refused(refusal) => problem(refusal),
            error @ ApiKeysError::Database(_) => unavailable(error),
        }
    }
}

impl From<SecondStepError> for Problem {
    fn from(error: SecondStepError) -> Self {
        match error {
            SecondStepError::Over => Self::new(Code::TokenInvalid),
            SecondStepError::WrongPassword => Self::new(Code::InvalidCredentials),
            SecondStepError::Busy(_) => Self::new(Code::Overloaded).retry_after(1),
            SecondStepError::Factor(error) => error.into(),
            SecondStepError::Admission(error) => error.into(),
        }
    }
}

impl From<OutsideError> for Problem {
    fn from(error: OutsideError) -> Self {
        match error {
            OutsideError::EmailNotVerified => Self::new(Code::OidcEmailNotVerified),
            OutsideError::NoAccount => Self::new(Code::OidcNoAccount),
            OutsideError::NotVerified => Self::new(Code::AccountNotVerified),
            OutsideError::Deactivated => Self::new(Code::AccountDeactivated),
            OutsideError::Conflict => Self::new(Code::IdentityConflict),
            OutsideError::Over => Self::new(Code::TokenInvalid),
            OutsideError::NoIdentity => Self::new(Code::NotFound),
            OutsideError::Refused(refusal) => problem(refusal),
            error @ OutsideError::Database(_) => unavailable(error),
            OutsideError::Admission(error) => error.into(),
            OutsideError::Factor(error) => error.into(),
        }
    }
}

impl From<OidcError> for Problem {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::UnknownProvider => Self::new(Code::NotFound),
            OidcError::Void => Self::new(Code::OidcLoginVoid),
            OidcError::Refused { error, description } => {
                let refused = Self::new(Code::OidcRefused).with("provider_error", error);
                match description {
                    Some(description) => refused.with("provider_error_description", description),
                    None => refused,
                }
            }
            OidcError::NotBelieved(reason) => Self::new(Code::OidcNotBelieved).with("reason", reason),
            OidcError::Unavailable(error) => Self::new(Code::OidcUnavailable).retry_after(5).caused_by(error),
            error @ OidcError::Database(_) => unavailable(error),
        }
    }
}

impl From<SessionsError> for Problem {
    fn from(error: SessionsError) -> Self {
        match error {
            SessionsError::NotFound => Self::new(Code::NotFound),
            SessionsError::Refused(refusal) => problem(refusal),
            error @ SessionsError::Database(_) => unavailable(error),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy(_) => Self::new(Code::Overloaded).retry_after(1),
            PasswordError::Refused(refusal) => problem(refusal),
            error @ PasswordError::Database(_) => unavailable(error),
        }
    }
}
