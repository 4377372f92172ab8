//! Which status a code of ours is.

use axum::http::StatusCode;
use tonic::Code as Grpc;

use crate::problem::Code;

/// Clients try again by themselves only after UNAVAILABLE: what another try cannot mend never gets it.
pub(super) fn of_code(code: Code) -> Grpc {
    match code {
        Code::ExternalRefTaken | Code::IdTaken | Code::EmailTaken => Grpc::AlreadyExists,
        Code::PreconditionFailed
        | Code::IdempotencyInFlight
        | Code::FieldConflict
        | Code::ConcurrentChange
        | Code::GroupMoved
        | Code::FellBehind => Grpc::Aborted,
        Code::PositionExpired | Code::PositionAhead => Grpc::OutOfRange,
        other => of_status(other.status()),
    }
}

/// What stands for an HTTP status without a code of ours.
pub(super) fn of_status(status: StatusCode) -> Grpc {
    match status {
        StatusCode::UNAUTHORIZED => Grpc::Unauthenticated,
        StatusCode::FORBIDDEN => Grpc::PermissionDenied,
        StatusCode::NOT_FOUND => Grpc::NotFound,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Grpc::Unimplemented,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_REQUIRED => Grpc::FailedPrecondition,
        StatusCode::PRECONDITION_FAILED => Grpc::Aborted,
        StatusCode::GONE => Grpc::OutOfRange,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => Grpc::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Grpc::Unavailable,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Grpc::DeadlineExceeded,
        other if other.is_client_error() => Grpc::InvalidArgument,
        _ => Grpc::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_may_repeat_by_themselves_is_unavailable_and_nothing_else() {
        for code in Code::ALL.iter().copied().filter(|code| of_code(*code) == Grpc::Unavailable) {
            assert_eq!(code.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", code.as_str());
        }
        assert_eq!(of_code(Code::ConcurrentChange), Grpc::Aborted);
    }

    #[test]
    fn conflicts_are_told_apart() {
        let table = [
            (Code::EmailTaken, Grpc::AlreadyExists),
            (Code::FieldConflict, Grpc::Aborted),
            (Code::IdempotencyInFlight, Grpc::Aborted),
            (Code::PreconditionFailed, Grpc::Aborted),
            (Code::PreconditionRequired, Grpc::FailedPrecondition),
            (Code::TransitionNotAllowed, Grpc::FailedPrecondition),
            (Code::IdempotencyKeyReused, Grpc::InvalidArgument),
            (Code::PositionAhead, Grpc::OutOfRange),
            (Code::PositionExpired, Grpc::OutOfRange),
            (Code::BodyTooLarge, Grpc::ResourceExhausted),
            (Code::RateLimited, Grpc::ResourceExhausted),
            (Code::DeadlineExceeded, Grpc::DeadlineExceeded),
            (Code::Internal, Grpc::Internal),
        ];
        for (code, expected) in table {
            assert_eq!(of_code(code), expected, "{}", code.as_str());
        }
    }
}
