//! Events as lines of JSON or rows of a table.

use domain::export::ExportFormat;
use event_store::seals::{Evidence, Exhibit, Ledger};
use serde::Serialize;
use service::csv;

use super::read::{Entry, OF_EVENTS, OF_RECORDS};

/// Lines that are not in the file yet.
pub(super) struct Lines {
    ledger: Ledger,
    format: ExportFormat,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn of(ledger: Ledger, format: ExportFormat) -> Self {
        Self { ledger, format, buffer: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// The names of the columns, if there are any.
    pub(super) fn head(&mut self) {
        match (self.format, self.ledger) {
            (ExportFormat::Ndjson, _) => {}
            (ExportFormat::Csv, Ledger::Events) => csv::row(&mut self.buffer, OF_EVENTS),
            (ExportFormat::Csv, Ledger::Audit) => csv::row(&mut self.buffer, OF_RECORDS),
        }
    }

    pub(super) fn line(&mut self, exhibit: &Exhibit, entry: &Entry) {
        match self.format {
            ExportFormat::Ndjson => {
                self.buffer.extend_from_slice(&exhibit.bytes);
                self.buffer.push(b'\n');
            }
            ExportFormat::Csv => csv::row(&mut self.buffer, entry.cells()),
        }
    }

    /// What proves the lines of a block.
    pub(super) fn evidence(&mut self, evidence: &Evidence) {
        self.json(evidence);
    }

    /// The last line.
    pub(super) fn end(&mut self, end: &impl Serialize) {
        self.json(end);
    }

    fn json(&mut self, line: &impl Serialize) {
        // Neither texts nor numbers can fail.
        if serde_json::to_writer(&mut self.buffer, line).is_ok() {
            self.buffer.push(b'\n');
        }
    }
}
