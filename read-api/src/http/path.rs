//! Identifiers in paths.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use domain::ids::TaskKey;
use service::problem::{Code, Problem};
use uuid::Uuid;

/// `{id}` of a task: its UUID or its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskRef {
    /// The id.
    Id(Uuid),
    /// The number of `T-123`.
    Key(i64),
}

impl TaskRef {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let key = || text.parse::<TaskKey>().ok().map(|key| Self::Key(key.0));
        uuid(text).map(Self::Id).or_else(key)
    }
}

/// `{id}` of anything else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(pub(super) Uuid);

/// Only the usual form with hyphens, in either case.
pub(super) fn uuid(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|_| text.len() == 36)
}

async fn text<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, Problem> {
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.map(|Path(text)| text).map_err(|_| Code::InvalidId.into())
}

impl<S: Send + Sync> FromRequestParts<S> for TaskRef {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::parse(&text(parts, state).await?).ok_or_else(|| Code::InvalidId.into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        uuid(&text(parts, state).await?).map(Self).ok_or_else(|| Code::InvalidId.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_form() {
        let id = Uuid::now_v7();
        assert_eq!(TaskRef::parse(&id.to_string()), Some(TaskRef::Id(id)));
        assert_eq!(TaskRef::parse(&id.to_string().to_uppercase()), Some(TaskRef::Id(id)));
        assert_eq!(TaskRef::parse("T-123"), Some(TaskRef::Key(123)));
        for bad in ["", "t-1", "T-0", "T-01", "T--1", "T-9999999999999999999", "1", &id.simple().to_string()]
        {
            assert_eq!(TaskRef::parse(bad), None, "{bad}");
        }
        assert_eq!(TaskRef::parse(&id.braced().to_string()), None);
    }
}
