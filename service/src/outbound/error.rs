//! Why there is no answer.

use std::{error::Error, io};

use super::reach::Refusal;

/// Why a call has brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It may not go there; nothing was sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its own headers or address cannot be sent.
    #[error("the request cannot be written")]
    Request,
    /// The name has no address.
    #[error("the name of the host was not resolved")]
    Name,
    /// Nobody takes the connection.
    #[error("no connection: {0}")]
    Connect(io::ErrorKind),
    /// No connection, with TLS, in time.
    #[error("no connection in time")]
    ConnectTimeout,
    /// The other side cannot prove who it is, or does not speak TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// No whole answer in time. What was asked may have been done.
    #[error("no whole answer in time")]
    Timeout,
    /// The answer does not end within the limit.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not HTTP, or its head does not end.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The connection ended before the answer did. What was asked may have been done.
    #[error("the connection was cut off")]
    CutOff,
}

impl CallError {
    /// One word for rows and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Request => "request",
            Self::Name => "name",
            Self::Connect(_) => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls(_) => "tls",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::NotHttp => "not_http",
            Self::CutOff => "cut_off",
        }
    }

    pub(super) fn of(error: &reqwest::Error) -> Self {
        if let Some(refusal) = find::<Refusal>(error) {
            return Self::Refused(*refusal);
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Tls(tls.to_string());
        }
        if error.is_builder() {
            Self::Request
        } else if error.is_timeout() {
            if error.is_connect() { Self::ConnectTimeout } else { Self::Timeout }
        } else if error.is_dns() {
            Self::Name
        } else if error.is_connect() {
            Self::Connect(find::<io::Error>(error).map_or(io::ErrorKind::Other, io::Error::kind))
        } else if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
            Self::NotHttp
        } else {
            Self::CutOff
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

/// What an I/O error wraps is not its source, but comes before that.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
