//! Who was erased, kept outside the database: a backup from before knows nothing of it, and has their keys.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use domain::{ids::UserId, time::Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::task::spawn_blocking;

/// Somebody who was erased: one line of the file, in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Who.
    pub user: UserId,
    /// When the log took it.
    pub time: Timestamp,
}

/// The list cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ErasedError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A whole line of it is something else.
    #[error("{}, line {line}: not somebody erased", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// The log did not answer.
    #[error("the log cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

/// The file to which everybody erased is added, and from which nothing is ever taken.
#[derive(Debug)]
pub struct ErasedFile {
    path: PathBuf,
    /// Up to there the log was looked at.
    looked: i64,
}

impl ErasedFile {
    /// The file at this path, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path, looked: 0 }
    }

    /// Writes down whom the log knows as erased and the file does not, and waits until the disk has it; how many.
    pub async fn complete(&mut self, pool: &PgPool) -> Result<usize, ErasedError> {
        const SQL: &str = "SELECT position, aggregate_id::uuid, recorded_at FROM event_store.events \
             WHERE event_type = 'user.erased' AND position > $1 ORDER BY position";
        let rows: Vec<(i64, uuid::Uuid, chrono::DateTime<chrono::Utc>)> =
            sqlx::query_as(SQL).bind(self.looked).fetch_all(pool).await?;
        let Some((last, ..)) = rows.last().copied() else { return Ok(0) };
        let erased = rows.into_iter().map(|(_, user, time)| Erased { user: UserId(user), time: time.into() });
        let (path, erased) = (self.path.clone(), erased.collect::<Vec<_>>());
        let added = spawn_blocking(move || add(&path, &erased)).await;
        let added = added.unwrap_or_else(|_| Err(self.failed(io::Error::other("the writer has crashed"))))?;
        self.looked = last;
        Ok(added)
    }

    fn failed(&self, source: io::Error) -> ErasedError {
        ErasedError::File { path: self.path.clone(), source }
    }
}

/// Everybody in the file. The beginning of a line that was never finished is nobody: it comes again whole.
pub fn read(path: &Path) -> Result<Vec<Erased>, ErasedError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ErasedError::File { path: path.to_owned(), source })?;
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let malformed = |index: usize| ErasedError::Malformed { path: path.to_owned(), line: index + 1 };
    lines.map(|(index, line)| serde_json::from_str(line).map_err(|_| malformed(index))).collect()
}

fn add(path: &Path, erased: &[Erased]) -> Result<usize, ErasedError> {
    let failed = |source| ErasedError::File { path: path.to_owned(), source };
    let mut file = open(path).map_err(failed)?;
    let known: BTreeSet<UserId> = read(path)?.into_iter().map(|erased| erased.user).collect();
    let new: Vec<&Erased> = erased.iter().filter(|erased| !known.contains(&erased.user)).collect();
    let lines: Result<Vec<String>, _> = new.iter().map(serde_json::to_string).collect();
    let lines = lines.map_err(|error| failed(error.into()))?;
    if !lines.is_empty() {
        let text = lines.join("\n") + "\n";
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
    }
    Ok(new.len())
}

/// Locked until it is closed: several may write. What was torn by a crash is taken away: it comes again whole.
fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.lock()?;
    let text = std::fs::read(path)?;
    if let Some(torn) = text.rsplit(|byte| *byte == b'\n').next().filter(|torn| !torn.is_empty()) {
        let whole = text.len() - torn.len();
        file.set_len(whole as u64)?;
        file.flush()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(n: u128) -> Erased {
        let time = "2026-11-22T01:00:00Z".parse().expect("a time");
        Erased { user: UserId(uuid::Uuid::from_u128(n)), time }
    }

    #[test]
    fn everybody_is_in_it_once_whatever_was_torn() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("erased");
        assert_eq!(add(&path, &[somebody(1)]).expect("written"), 1);
        let whole = std::fs::read(&path).expect("the file");
        std::fs::write(&path, [&whole[..], &whole[..20]].concat()).expect("torn");
        assert_eq!(read(&path).expect("read"), [somebody(1)]);
        assert_eq!(add(&path, &[somebody(1), somebody(2)]).expect("written"), 1);
        assert_eq!(read(&path).expect("read"), [somebody(1), somebody(2)]);
    }

    #[test]
    fn what_is_something_else_is_said() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("erased");
        std::fs::write(&path, "{}\n").expect("written");
        assert!(matches!(read(&path), Err(ErasedError::Malformed { line: 1, .. })));
    }
}
