//! Seals that somebody has kept outside Postgres.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    iter::Peekable,
    path::{Path, PathBuf},
};

use super::{Ledger, SignedSeal};

/// The file with the seals is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// It cannot be read.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of it is no seal.
    #[error("{}: line {line} is not a seal", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// The seals of one log in a file, in its order.
pub(super) struct Outside(Option<Peekable<Lines>>);

struct Lines {
    path: PathBuf,
    ledger: Ledger,
    reader: BufReader<File>,
    line: usize,
}

impl Outside {
    /// What the file has from the seal with this number on.
    pub(super) fn open(path: Option<&Path>, ledger: Ledger, from: i64) -> Result<Self, OutsideError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::open(path).map_err(|source| OutsideError::File { path: path.to_owned(), source })?;
        let lines = Lines { path: path.to_owned(), ledger, reader: BufReader::new(file), line: 0 };
        let mut outside = Self(Some(lines.peekable()));
        while outside.take_if(|signed| signed.seal.number < from)?.is_some() {}
        Ok(outside)
    }

    /// Is there another line?
    pub(super) fn has_more(&mut self) -> bool {
        self.0.as_mut().is_some_and(|lines| lines.peek().is_some())
    }

    /// The next seal, if it is such a one.
    pub(super) fn take_if(
        &mut self,
        such: impl Fn(&SignedSeal) -> bool,
    ) -> Result<Option<SignedSeal>, OutsideError> {
        let Some(lines) = &mut self.0 else { return Ok(None) };
        lines.next_if(|line| line.as_ref().map_or(true, &such)).transpose()
    }
}

impl Lines {
    /// The next line that is whole: the last one may just be written.
    fn whole_line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        self.line += 1;
        Ok(line.strip_suffix('\n').map(str::to_owned))
    }
}

impl Iterator for Lines {
    type Item = Result<SignedSeal, OutsideError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.whole_line() {
                Ok(line) => line?,
                Err(source) => return Some(Err(OutsideError::File { path: self.path.clone(), source })),
            };
            match SignedSeal::parse(&line) {
                Ok(signed) if signed.seal.log == self.ledger => return Some(Ok(signed)),
                Ok(_) => {}
                Err(_) => {
                    return Some(Err(OutsideError::Malformed { path: self.path.clone(), line: self.line }));
                }
            }
        }
    }
}
