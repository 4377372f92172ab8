//! The lists that auditors can take away, each read page by page.

mod counts;
mod deliveries;
mod records;
mod role_holders;
mod tasks;
mod trace;

use axum::{http::HeaderMap, response::Response};
use domain::{export::ExportKind, filter::ListAsked, ids::UserId, personal::Sealed};
use service::{
    problem::{Code, Problem},
    query::Query,
};
use uuid::Uuid;

use self::{
    counts::Counts, deliveries::Deliveries, records::Records, role_holders::RoleHolders, tasks::Tasks,
    trace::Trace,
};
use super::{describe, table::Row, telling};
use crate::{
    ReadApi,
    http::{asking::Asking, caller::Caller, failure::opened},
    queries::{ListExport, history::HistoryError},
};

/// Items of one piece of a file.
const PIECE: i64 = 200;

/// A list that can be taken away.
pub(super) trait List: Send + 'static {
    /// What it has.
    type Item: Row + Send + Sync;

    /// The next items, if any; it is asked until the last.
    fn next(&mut self, api: &ReadApi) -> impl Future<Output = Result<Page<Self::Item>, HistoryError>> + Send;
}

/// Some items; where they are not the last there may be none.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) is_last: bool,
}

impl<T> Page<T> {
    /// These, which are the last where they are no whole piece.
    fn of(items: Vec<T>) -> Self {
        let is_last = i64::try_from(items.len()).is_ok_and(|count| count < PIECE);
        Self { items, is_last }
    }
}

/// The file; none if whoever asked for it is erased, and with them what they had asked for.
pub(super) async fn content(
    api: &ReadApi,
    caller: Caller,
    export: ListExport,
    packed: bool,
) -> Result<Option<Response>, Problem> {
    let kind: ExportKind = export.kind.parse().map_err(|_| Problem::internal("a list of another version"))?;
    caller.may(kind.right())?;
    let Some((asked, me)) = asked(api, kind, &export).await? else { return Ok(None) };
    let ListExport { events, attempts, format, .. } = &export;
    let mut headers = HeaderMap::new();
    describe(&mut headers, format, &format!("taskledger-{kind}-{events}-{attempts}.{format}"), packed);
    let api = api.clone();
    let body = match asked {
        ListAsked::Records(asked) => {
            let list = Records::of(&api, asked, me, &export).await?;
            telling::body(api, list, export, packed)
        }
        ListAsked::Counts(group, asked) => {
            let list = Counts::of(&api, group, asked, me, &export).await?;
            telling::body(api, list, export, packed)
        }
        ListAsked::Deliveries(asked) => {
            let list = Deliveries::of(&api, asked, &export).await?;
            telling::body(api, list, export, packed)
        }
        ListAsked::RoleHolders(asked) => {
            let list = RoleHolders::of(&api, asked, &export).await?;
            telling::body(api, list, export, packed)
        }
        ListAsked::Trace(asked) => {
            let list = Trace::of(&api, asked, &export).await?;
            telling::body(api, list, export, packed)
        }
        ListAsked::Tasks(asked, then) => {
            let list = Tasks::of(&api, caller.sight(), *asked, then, &export).await?;
            telling::body(api, list, export, packed)
        }
    };
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    Ok(Some(response))
}

/// What is asked for, and who is meant with `me`: whoever has sealed it.
async fn asked(
    api: &ReadApi,
    kind: ExportKind,
    export: &ListExport,
) -> Result<Option<(ListAsked, UserId)>, Problem> {
    let sealed = export.query.clone().map(Sealed);
    let me = UserId(sealed.as_ref().and_then(Sealed::subject).unwrap_or(Uuid::nil()));
    let query = match sealed {
        None => String::new(),
        Some(sealed) => match api.sealer.unseal(&sealed).await.map_err(opened)?.clear() {
            Some(query) => query,
            None => return Ok(None),
        },
    };
    let mut query = Query::parse(&query);
    let asked = ListAsked::read(kind, &mut Asking(&mut query), me);
    query.finish()?;
    asked.map(|asked| Some((asked, me))).ok_or_else(|| Problem::internal("an export without a list"))
}

/// Refuses as long as attempts that may be in the file cannot be found.
fn copied(export: &ListExport) -> Result<(), Problem> {
    match export.copied < export.attempts {
        true => Err(Problem::new(Code::ProjectionBehind).retry_after(1)),
        false => Ok(()),
    }
}
