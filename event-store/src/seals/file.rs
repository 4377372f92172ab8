//! The file outside Postgres to which every seal is appended.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, Write},
    path::{Path, PathBuf},
};

use sqlx::PgPool;
use tokio::task::spawn_blocking;

use super::{Digest, Fault, KeyRing, Ledger, Malformed, SignedSeal, table};

/// Seals of one read, and of one write.
const PAGE: i64 = 1000;

/// Seals cannot be kept outside.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of it is no seal, or its end is the beginning of none of ours.
    #[error("{}: there is something else than seals in it", .0.display())]
    Malformed(PathBuf),
    /// The file has a seal that the table has not: the log was cut, changed or restored.
    #[error("the file has a seal {number} of {} that the database has not: run taskledger verify", .log.as_str())]
    Parted {
        /// Of which log.
        log: Ledger,
        /// Its number.
        number: i64,
    },
    /// The table has a seal that is none of ours.
    #[error("the database has a seal {number} of {} that is not to be trusted: {fault}", .log.as_str())]
    Untrusted {
        /// Of which log.
        log: Ledger,
        /// The number that it should have.
        number: i64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The database did not answer as asked.
    #[error("the seals cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

impl FileError {
    /// Does it mean that the log is not what it was?
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Parted { .. } | Self::Untrusted { .. })
    }
}

/// The last seal of a log in the file.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    number: i64,
    hash: Digest,
}

/// How the file ends.
#[derive(Clone, Debug, Default)]
struct Tail {
    length: u64,
    events: Kept,
    audit: Kept,
    /// The beginning of a line that was being written when the machine stopped.
    torn: String,
}

impl Tail {
    fn of(&self, ledger: Ledger) -> Kept {
        match ledger {
            Ledger::Events => self.events,
            Ledger::Audit => self.audit,
        }
    }

    fn note(&mut self, signed: &SignedSeal) {
        let kept = Kept { number: signed.seal.number, hash: signed.hash() };
        match signed.seal.log {
            Ledger::Events => self.events = kept,
            Ledger::Audit => self.audit = kept,
        }
    }

    /// What is to be written for this log: a line that was torn comes first, whosever it is.
    fn order(&self, ledger: Ledger) -> Vec<Ledger> {
        match (self.torn.is_empty(), self.torn.contains(r#""log":"audit""#)) {
            (true, _) => vec![ledger],
            (false, true) => vec![Ledger::Audit, Ledger::Events],
            (false, false) => Ledger::ALL.to_vec(),
        }
    }
}

/// Follows the table: whatever seal is missing in the file is written to it, after a crash too. Nothing that is in it is ever
/// changed, so the file may be one that can only be appended to.
#[derive(Debug)]
pub struct SealFile {
    path: PathBuf,
    tail: Tail,
    looked: bool,
}

impl SealFile {
    /// The file at this path, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path, tail: Tail::default(), looked: false }
    }

    /// The number of the last seal of a log that it has, as far as is known; nothing before it was completed once.
    pub fn number(&self, ledger: Ledger) -> Option<i64> {
        self.looked.then(|| self.tail.of(ledger).number)
    }

    /// Writes down what the table has of a log and the file has not, and waits until the disk has it. Only seals that follow those
    /// in the file and are signed by one of these keys come in.
    pub async fn complete(&mut self, pool: &PgPool, ring: &KeyRing, ledger: Ledger) -> Result<(), FileError> {
        let mut file = self.open().await?;
        for ledger in self.tail.order(ledger) {
            loop {
                let news = self.news(pool, ring, ledger).await?;
                if news.is_empty() {
                    break;
                }
                file = self.append(file, &news).await?;
            }
        }
        if self.tail.torn.is_empty() { Ok(()) } else { Err(FileError::Malformed(self.path.clone())) }
    }

    /// Opens the file and, unless it is as we left it, reads how it ends. It is locked until it is closed.
    async fn open(&mut self) -> Result<File, FileError> {
        let (path, known) = (self.path.clone(), self.tail.clone());
        let opened = spawn_blocking(move || open(&path, known)).await.unwrap_or_else(|_| Err(crashed()));
        let (file, tail) = opened.map_err(|source| self.failed(source))?;
        self.tail = tail.map_err(|_| FileError::Malformed(self.path.clone()))?;
        self.looked = true;
        Ok(file)
    }

    /// The next seals of the table that the file has not.
    async fn news(
        &self,
        pool: &PgPool,
        ring: &KeyRing,
        ledger: Ledger,
    ) -> Result<Vec<SignedSeal>, FileError> {
        let Kept { number, hash } = self.tail.of(ledger);
        let mut lines = table::lines(pool, ledger, number.max(1), PAGE).await?.into_iter();
        if number > 0 && lines.next().map(|line| Digest::of(&[line.as_bytes()])) != Some(hash) {
            return Err(FileError::Parted { log: ledger, number });
        }
        let mut before = hash;
        let mut follow = |(number, line): (i64, String)| {
            let untrusted = |fault| FileError::Untrusted { log: ledger, number, fault };
            let signed = SignedSeal::parse(&line).map_err(|_| untrusted(Fault::SealChanged))?;
            signed.verify(ring).map_err(untrusted)?;
            if (signed.seal.log, signed.seal.number, signed.seal.previous) != (ledger, number, before) {
                return Err(untrusted(Fault::Chain));
            }
            before = signed.hash();
            Ok(signed)
        };
        (number + 1..).zip(lines).map(&mut follow).collect()
    }

    async fn append(&mut self, mut file: File, news: &[SignedSeal]) -> Result<File, FileError> {
        let mut text: String = news.iter().flat_map(|signed| [signed.line(), "\n"]).collect();
        text = match text.strip_prefix(&*self.tail.torn) {
            Some(rest) => rest.to_owned(),
            None => return Err(FileError::Malformed(self.path.clone())),
        };
        let length = text.len() as u64;
        let written = spawn_blocking(move || {
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            Ok(file)
        });
        let file = written.await.unwrap_or_else(|_| Err(crashed())).map_err(|source| self.failed(source))?;
        self.tail.torn.clear();
        self.tail.length += length;
        news.iter().for_each(|signed| self.tail.note(signed));
        Ok(file)
    }

    fn failed(&self, source: io::Error) -> FileError {
        FileError::File { path: self.path.clone(), source }
    }
}

fn crashed() -> io::Error {
    io::Error::other("the writer has crashed")
}

fn open(path: &Path, known: Tail) -> io::Result<(File, Result<Tail, Malformed>)> {
    let is_new = !path.exists();
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    file.lock()?;
    if is_new && let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(directory)?.sync_all()?;
    }
    let length = file.metadata()?.len();
    if length == known.length && length > 0 {
        return Ok((file, Ok(known)));
    }
    file.rewind()?;
    let tail = read(BufReader::new(&file), length)?;
    Ok((file, tail))
}

fn read(mut reader: impl BufRead, length: u64) -> io::Result<Result<Tail, Malformed>> {
    let mut tail = Tail { length, ..Tail::default() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some(whole) = line.strip_suffix('\n') else {
            tail.torn = line;
            return Ok(Ok(tail));
        };
        match SignedSeal::parse(whole) {
            Ok(signed) => tail.note(&signed),
            Err(malformed) => return Ok(Err(malformed)),
        }
    }
}
