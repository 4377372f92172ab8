//! A list as a file: read while it is sent, so that it says of nobody what the list would not say at that moment.

use std::io;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use service::{
    csv,
    deflated::{self, Crc},
};
use tokio::task::spawn_blocking;

use super::{lists::List, table};
use crate::{ReadApi, queries::ListExport};

/// The file, piece by piece.
pub(super) fn body<L: List>(api: ReadApi, list: L, export: ListExport, packed: bool) -> Body {
    let pieces = stream::try_unfold(Telling::of(api, list, export, packed), |telling| async move {
        let next = telling.next().await;
        next.inspect_err(|error| tracing::warn!(%error, "an export of a list is cut off"))
    });
    Body::from_stream(pieces)
}

/// A file on its way.
struct Telling<L> {
    api: ReadApi,
    list: L,
    export: ListExport,
    has_ended: bool,
    /// How many items there were.
    records: i64,
    /// What is not sent yet.
    plain: Vec<u8>,
    packing: Option<Packing>,
}

impl<L: List> Telling<L> {
    fn of(api: ReadApi, list: L, export: ListExport, packed: bool) -> Self {
        let mut plain = Vec::new();
        if is_table(&export) {
            csv::row(&mut plain, table::names::<L::Item>());
        }
        let packing = packed.then(Packing::default);
        Self { api, list, export, has_ended: false, records: 0, plain, packing }
    }

    /// The next piece, and how it goes on.
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if self.has_ended {
            return Ok(None);
        }
        let page = self.list.next(&self.api).await.map_err(io::Error::other)?;
        page.items.iter().try_for_each(|item| self.add(item))?;
        self.has_ended = page.is_last;
        if self.has_ended && !is_table(&self.export) {
            self.end()?;
        }
        let plain = std::mem::take(&mut self.plain);
        let piece = match &mut self.packing {
            Some(packing) => packing.pack(plain, self.has_ended).await?,
            None => plain,
        };
        Ok(Some((piece.into(), self)))
    }

    fn add(&mut self, item: &L::Item) -> io::Result<()> {
        self.records += 1;
        if !is_table(&self.export) {
            return self.line(item);
        }
        csv::row(&mut self.plain, table::cells::<L::Item>(&serde_json::to_value(item)?));
        Ok(())
    }

    /// The last line, by which a file that was cut off is known.
    fn end(&mut self) -> io::Result<()> {
        let ListExport { operation, kind, events, attempts, .. } = &self.export;
        let end = json!({
            "export": operation, "kind": kind, "events_to": events, "attempts_to": attempts, "records": self.records,
        });
        self.line(&end)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.plain, line)?;
        self.plain.push(b'\n');
        Ok(())
    }
}

fn is_table(export: &ListExport) -> bool {
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
