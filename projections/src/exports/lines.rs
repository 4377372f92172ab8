//! Events as lines of JSON or rows of a table.

use domain::export::{Export, ExportFormat, ExportKind};
use event_store::seals::{Evidence, Exhibit};
use serde::Serialize;

use super::read::{Entry, OF_EVENTS, OF_RECORDS};

/// Lines that are not in the file yet.
pub(super) struct Lines {
    kind: ExportKind,
    format: ExportFormat,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn of(export: &Export) -> Self {
        Self { kind: export.kind, format: export.format, buffer: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// The names of the columns, if there are any.
    pub(super) fn head(&mut self) {
        match (self.format, self.kind) {
            (ExportFormat::Ndjson, _) => {}
            (ExportFormat::Csv, ExportKind::Events) => row(&mut self.buffer, OF_EVENTS),
            (ExportFormat::Csv, ExportKind::AuditRecords) => row(&mut self.buffer, OF_RECORDS),
        }
    }

    pub(super) fn line(&mut self, exhibit: &Exhibit, entry: &Entry) {
        match self.format {
            ExportFormat::Ndjson => {
                self.buffer.extend_from_slice(&exhibit.bytes);
                self.buffer.push(b'\n');
            }
            ExportFormat::Csv => row(&mut self.buffer, entry.cells()),
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

/// A row as RFC 4180 has it.
fn row(buffer: &mut Vec<u8>, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    let cells: Vec<String> = cells.into_iter().map(|text| cell(text.as_ref())).collect();
    buffer.extend_from_slice(cells.join(",").as_bytes());
    buffer.extend_from_slice(b"\r\n");
}

/// Spreadsheets take what begins like this for a formula and compute it: behind an apostrophe it is a text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let apostrophe = if formula { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{apostrophe}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{apostrophe}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_back_and_never_computed() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("+82", "'+82"),
            ("-1", "'-1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("{\"title\":\"=1\"}", "\"{\"\"title\"\":\"\"=1\"\"}\""),
        ] {
            assert_eq!(cell(text), expected);
        }
        let mut rows = Vec::new();
        row(&mut rows, ["a", "b,c"]);
        assert_eq!(rows, b"a,\"b,c\"\r\n");
    }
}
