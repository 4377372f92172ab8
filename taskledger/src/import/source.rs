//! Rows of another tracker's history, read from CSV or gzipped CSV.

use std::{collections::HashMap, fs::File, io::Read, path::Path};

use domain::time::Timestamp;
use flate2::read::MultiGzDecoder;

use super::mapping::Mapping;

/// The file as a whole cannot be imported; one line for the person who ran it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A column that the mapping names is missing.
    #[error("{path} has no column {column:?}, which the mapping needs; it has {found}")]
    Column {
        /// The file.
        path: String,
        /// The column.
        column: String,
        /// The columns that are there.
        found: String,
    },
}

/// One change of one case.
#[derive(Clone, Debug)]
pub(crate) struct SourceRow {
    /// Line in the file, the header being line 1.
    pub(crate) line: u64,
    /// The case.
    pub(crate) case: String,
    /// Number of the row among its case's rows, from 1.
    pub(crate) number: u64,
    /// Who did it.
    pub(crate) actor: String,
    /// What was done.
    pub(crate) activity: String,
    /// The time as written; parsed when the row is applied, so that a bad one rejects only its row.
    pub(crate) time: String,
    values: HashMap<String, String>,
}

impl SourceRow {
    /// The value of a column.
    pub(crate) fn value(&self, column: &str) -> Option<&str> {
        self.values.get(column).map(String::as_str)
    }

    /// When it happened.
    pub(crate) fn occurred_at(&self) -> Option<Timestamp> {
        self.time.parse().ok()
    }
}

/// A row that cannot even be read.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    /// Line in the file.
    pub(crate) line: u64,
    /// What is wrong.
    pub(crate) reason: String,
}

/// Everything that a file holds, in its own order.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// The rows that can be read.
    pub(crate) rows: Vec<SourceRow>,
    /// The others.
    pub(crate) unreadable: Vec<Unreadable>,
}

impl Source {
    /// Reads a file; gzip is told by its first bytes, not by its name.
    pub(crate) fn read(path: &Path, mapping: &Mapping) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let reading = |reason: String| SourceError::Read { path: name.clone(), reason };
        let mut reader = csv::Reader::from_reader(open(path).map_err(|error| reading(error.to_string()))?);
        let headers = reader.headers().map_err(|error| reading(error.to_string()))?.clone();
        let columns = &mapping.columns;
        for column in [&columns.time, &columns.case, &columns.actor, &columns.activity] {
            if !headers.iter().any(|header| header == column) {
                let found = headers.iter().collect::<Vec<_>>().join(", ");
                return Err(SourceError::Column { path: name, column: column.clone(), found });
            }
        }
        Ok(Self::collect(reader, &headers, mapping))
    }

    fn collect(
        mut reader: csv::Reader<Box<dyn Read>>,
        headers: &csv::StringRecord,
        mapping: &Mapping,
    ) -> Self {
        let mut source = Self::default();
        let mut numbers = HashMap::<String, u64>::new();
        for record in reader.records() {
            match record {
                Ok(record) => source.rows.push(row(&record, headers, mapping, &mut numbers)),
                Err(error) => source.unreadable.push(Unreadable {
                    line: error.position().map_or(0, csv::Position::line),
                    reason: error.to_string(),
                }),
            }
        }
        source
    }
}

fn row(
    record: &csv::StringRecord,
    headers: &csv::StringRecord,
    mapping: &Mapping,
    numbers: &mut HashMap<String, u64>,
) -> SourceRow {
    let values: HashMap<_, _> =
        headers.iter().zip(record).map(|(header, value)| (header.to_owned(), value.to_owned())).collect();
    let take = |column: &str| values.get(column).cloned().unwrap_or_default();
    let case = take(&mapping.columns.case);
    let number = numbers.entry(case.clone()).or_default();
    *number += 1;
    SourceRow {
        line: record.position().map_or(0, csv::Position::line),
        number: *number,
        actor: take(&mapping.columns.actor),
        activity: take(&mapping.columns.activity),
        time: take(&mapping.columns.time),
        case,
        values,
    }
}

fn open(path: &Path) -> std::io::Result<Box<dyn Read>> {
    let mut magic = [0_u8; 2];
    let gzipped = File::open(path)?.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    let file = std::io::BufReader::new(File::open(path)?);
    Ok(if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}
