//! Records as a file: read while it is sent, so that it says of nobody what the list would not say at that moment.

use std::io;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::{ids::UserId, personal::Sealed};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use service::{
    csv,
    deflated::{self, Crc},
    problem::{Code, Problem},
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{describe, table};
use crate::{
    ReadApi,
    http::{
        audit_query::{Asked, kept},
        failure::opened,
        fresh::{self, MinPosition},
    },
    model::AuditRecord,
    queries::{Archive, AuditCursor, AuditFilter, RecordExport, Search, history::HistoryError},
};

/// Records of one piece.
const PIECE: i64 = 200;

/// The file; none if whoever asked for it is erased, and with them what they had asked for.
pub(super) async fn content(
    api: &ReadApi,
    export: RecordExport,
    packed: bool,
) -> Result<Option<Response>, Problem> {
    let Some(asked) = asked(api, &export).await? else { return Ok(None) };
    MinPosition::at(export.events).wait(api, fresh::AUDIT).await?;
    if export.copied < export.attempts {
        return Err(Problem::new(Code::ProjectionBehind).retry_after(1));
    }
    let mut filter = asked.placed(api).await?;
    filter.end_with(export.events, export.attempts);
    let mut headers = axum::http::HeaderMap::new();
    let name = format!("taskledger-records-{}-{}.{}", export.events, export.attempts, export.format);
    describe(&mut headers, &export.format, &name, packed);
    let telling = Telling::of(api.clone(), filter, export, packed);
    let pieces = stream::try_unfold(telling, |telling| async move {
        let next = telling.next().await;
        next.inspect_err(|error| tracing::warn!(%error, "an export of records is cut off"))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    *response.headers_mut() = headers;
    Ok(Some(response))
}

/// What is asked for, by whoever has sealed it.
async fn asked(api: &ReadApi, export: &RecordExport) -> Result<Option<Asked>, Problem> {
    let Some(sealed) = export.query.clone().map(Sealed) else {
        return kept("", UserId(Uuid::nil())).map(Some);
    };
    let me = UserId(sealed.subject().unwrap_or_default());
    let query = api.sealer.unseal(&sealed).await.map_err(opened)?.clear();
    query.map(|query| kept(&query, me)).transpose()
}

/// A file on its way.
struct Telling {
    api: ReadApi,
    filter: AuditFilter,
    export: RecordExport,
    /// Where the next records are; nowhere at the end.
    next: Option<AuditCursor>,
    records: i64,
    /// What is not sent yet.
    plain: Vec<u8>,
    packing: Option<Packing>,
}

impl Telling {
    fn of(api: ReadApi, filter: AuditFilter, export: RecordExport, packed: bool) -> Self {
        let mut plain = Vec::new();
        if is_table(&export) {
            csv::row(&mut plain, table::names());
        }
        let packing = packed.then(Packing::default);
        let next = Some(AuditCursor::start(true));
        Self { api, filter, export, next, records: 0, plain, packing }
    }

    /// The next piece, and how it goes on.
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let Some(cursor) = self.next else { return Ok(None) };
        let (records, next) = self.page(cursor).await.map_err(io::Error::other)?;
        records.iter().try_for_each(|record| self.add(record))?;
        self.next = next;
        if next.is_none() && !is_table(&self.export) {
            self.end()?;
        }
        let plain = std::mem::take(&mut self.plain);
        let piece = match &mut self.packing {
            Some(packing) => packing.pack(plain, next.is_none()).await?,
            None => plain,
        };
        Ok(Some((piece.into(), self)))
    }

    async fn page(
        &self,
        cursor: AuditCursor,
    ) -> Result<(Vec<AuditRecord>, Option<AuditCursor>), HistoryError> {
        let archive = Archive::of(&self.api);
        Search { archive, filter: &self.filter, ascending: true }.page(cursor, PIECE).await
    }

    fn add(&mut self, record: &AuditRecord) -> io::Result<()> {
        self.records += 1;
        if !is_table(&self.export) {
            return self.line(record);
        }
        csv::row(&mut self.plain, table::cells(&serde_json::to_value(record)?));
        Ok(())
    }

    /// The last line, by which a file that was cut off is known.
    fn end(&mut self) -> io::Result<()> {
        let RecordExport { operation, events, attempts, .. } = self.export;
        let end = json!({
            "export": operation, "kind": "records", "events_to": events, "attempts_to": attempts, "records": self.records,
        });
        self.line(&end)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.plain, line)?;
        self.plain.push(b'\n');
        Ok(())
    }
}

fn is_table(export: &RecordExport) -> bool {
    export.format == "csv"
}

/// Makes a gzip file of the pieces.
#[derive(Default)]
struct Packing {
    crc: Crc,
    bytes: u64,
    has_begun: bool,
}

impl Packing {
    async fn pack(&mut self, plain: Vec<u8>, is_last: bool) -> io::Result<Vec<u8>> {
        self.crc.update(&plain);
        self.bytes += plain.len() as u64;
        let mut packed = if self.has_begun { Vec::new() } else { deflated::HEAD.to_vec() };
        self.has_begun = true;
        let piece = spawn_blocking(move || deflated::deflate(&plain)).await;
        packed.extend(piece.map_err(io::Error::other)??);
        if is_last {
            packed.extend(deflated::tail(self.crc.sum(), self.bytes));
        }
        Ok(packed)
    }
}
