//! What an import did, and every row that it could not take.

use std::{io, path::Path};

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// Line in the file, the header being line 1.
    pub(crate) line: u64,
    /// The case, empty if the row has none.
    pub(crate) case: String,
    /// The activity, empty if the row has none.
    pub(crate) activity: String,
    /// Why not, in words.
    pub(crate) reason: String,
}

/// Totals of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Rows of the file.
    pub(crate) rows: u64,
    /// Rows carried out by this run.
    pub(crate) imported: u64,
    /// Rows that an earlier run had carried out or rejected.
    pub(crate) known: u64,
    /// Tasks created by this run.
    pub(crate) tasks: u64,
    /// Users created by this run.
    pub(crate) users: u64,
    /// Rows that this run rejected.
    pub(crate) rejected: Vec<Rejected>,
}

impl Report {
    /// Writes the rejected rows as CSV.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut writer = csv::Writer::from_path(path).map_err(io::Error::other)?;
        writer.write_record(["line", "case", "activity", "reason"]).map_err(io::Error::other)?;
        for rejected in &self.rejected {
            let Rejected { line, case, activity, reason } = rejected;
            writer.write_record([&line.to_string(), case, activity, reason]).map_err(io::Error::other)?;
        }
        writer.flush()
    }

    /// Adds what another part of the run did.
    pub(super) fn add(&mut self, other: Self) {
        self.imported += other.imported;
        self.known += other.known;
        self.tasks += other.tasks;
        self.rejected.extend(other.rejected);
    }
}
