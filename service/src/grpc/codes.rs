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
    fn each_code_is_what_the_documentation_says() {
        let lines = Code::ALL.iter().map(|code| format!("{} {:?}", code.as_str(), of_code(*code)));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }
}
