//! What may go wrong, each told in one line that names the way out.

use std::io;
use std::path::{Path, PathBuf};

/// Why the servers could not be found, installed or started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process works on the same data directory.
    #[error("data directory {} is in use by process {owner}", path.display())]
    DataDirInUse {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it, as far as it wrote that down.
        owner: String,
    },
    /// The value of `TASKLEDGER_SERVERS` is none of the three words.
    #[error("\"{0}\" is none of system, bundled, auto")]
    UnknownChoice(String),
    /// No program of that name anywhere, and the bundled one is not wanted.
    #[error("no {program} found on PATH or in the usual places (TASKLEDGER_SERVERS=auto would install one)")]
    NotFound {
        /// Name of the program.
        program: &'static str,
    },
    /// The program is there, but too old.
    #[error("{} is version {found}, {program} {needed} or newer is needed", path.display())]
    TooOld {
        /// Name of the program.
        program: &'static str,
        /// Where it was found.
        path: PathBuf,
        /// Version found.
        found: String,
        /// Oldest version that serves.
        needed: &'static str,
    },
    /// Neither the program nor the means to install it.
    #[error(
        "no {program} {needed} or newer found, and no pip to install one: install {program} or python3-pip"
    )]
    NoPip {
        /// Name of the program.
        program: &'static str,
        /// Oldest version that serves.
        needed: &'static str,
    },
    /// An old program, and no means to install a newer one.
    #[error(
        "{} is version {found}, {program} {needed} or newer is needed, and there is no pip to install one",
        path.display()
    )]
    TooOldAndNoPip {
        /// Name of the program.
        program: &'static str,
        /// Where it was found.
        path: PathBuf,
        /// Version found.
        found: String,
        /// Oldest version that serves.
        needed: &'static str,
    },
    /// pip is there and refused.
    #[error("pip could not install {package}: {reason}")]
    Pip {
        /// Name and version of the package.
        package: String,
        /// pip's own last error line.
        reason: String,
    },
    /// Servers do not run as root, and the machine has no user to run them as.
    #[error("Postgres does not run as root, and this machine has neither a user postgres nor nobody")]
    NoAccount,
    /// A program ended with an error, or did not end.
    #[error("{program} failed: {reason}")]
    Failed {
        /// Name of the program.
        program: &'static str,
        /// Its last error line, or what was waited for.
        reason: String,
    },
    /// The server ended, or was not ready in time.
    #[error("{program} did not start: {reason} (log: {})", log.display())]
    NotStarted {
        /// Name of the program.
        program: &'static str,
        /// Its last error line, or what was waited for.
        reason: String,
        /// Where it writes its log.
        log: PathBuf,
    },
    /// A server on the data directory that nobody watches over any more.
    #[error("{program} with process id {pid} still runs on {}: end it first", path.display())]
    Orphan {
        /// Name of the program.
        program: &'static str,
        /// Its process id.
        pid: u32,
        /// The directory it works on.
        path: PathBuf,
    },
    /// At a given URL is an old server.
    #[error("the {server} server of {variable} is version {found}, {needed} or newer is needed")]
    ServerTooOld {
        /// What it is.
        server: &'static str,
        /// Name of the setting that holds the URL.
        variable: &'static str,
        /// Version found.
        found: String,
        /// Oldest version that serves.
        needed: &'static str,
    },
    /// The database at a given URL cannot tell Korean letters from other bytes.
    #[error(
        "the database of {variable} has encoding {encoding} and ctype {ctype}, UTF-8 is needed: \
         CREATE DATABASE ... ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' TEMPLATE template0"
    )]
    NotUtf8 {
        /// Name of the setting that holds the URL.
        variable: &'static str,
        /// Encoding of the database.
        encoding: String,
        /// Ctype of the database.
        ctype: String,
    },
    /// The database at a given URL does not answer.
    #[error("cannot reach the database of {variable}: {reason}")]
    Unreachable {
        /// Name of the setting that holds the URL.
        variable: &'static str,
        /// What the driver said.
        reason: String,
    },
    /// SQL on a server of our own failed.
    #[error("cannot prepare the database: {0}")]
    Sql(#[from] sqlx::Error),
    /// A file or directory resists.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Names the file in an I/O error.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}
