//! The data directory: found a place the servers' user reaches, and held by one process at a time.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::error::at;
use crate::{Error, process};

/// How long servers of a killed process may take to leave the directory: more than their keepers give them.
const LEAVING: Duration = Duration::from_secs(60);

/// A directory that this process alone works on, until it and its servers are gone.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    wished: PathBuf,
    pub(crate) lock: File,
    pub(crate) account: Account,
}

impl DataDir {
    /// Creates the directory if need be and takes hold of it; waits for the servers of a killed owner to leave.
    ///
    /// For root whose directory is closed to the servers' user, it is one below `/var/lib/taskledger` instead.
    pub async fn open(wished: &Path) -> Result<Self, Error> {
        let account = Account::for_servers()?;
        let (wished, path) = place(wished, account)?;
        let mode = if account.is_other() { 0o711 } else { 0o700 };
        std::fs::DirBuilder::new().recursive(true).mode(mode).create(&path).map_err(at(&path))?;
        if !account.reaches(&path) {
            account.own(&path, 0o700)?;
        }
        let lock = hold(&path).await?;
        Ok(Self { path, wished, lock, account })
    }

    /// Where [`open`](Self::open) has the directory, for those who only read in it.
    pub fn locate(wished: &Path) -> Result<PathBuf, Error> {
        Ok(place(wished, Account::for_servers()?)?.1)
    }

    /// The directory in use.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that was wished for, when another one is in use.
    pub fn instead_of(&self) -> Option<&Path> {
        (self.path != self.wished).then_some(&self.wished)
    }
}

/// The wish as an absolute path, and what it comes to.
fn place(wished: &Path, account: Account) -> Result<(PathBuf, PathBuf), Error> {
    let wished = std::path::absolute(wished).map_err(at(wished))?;
    let path = if account.reaches(&wished) { wished.clone() } else { elsewhere(&wished) };
    Ok((wished, path))
}

fn elsewhere(wished: &Path) -> PathBuf {
    let digest = Sha256::digest(wished.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Path::new("/var/lib/taskledger").join(name)
}

async fn hold(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(at(&path))?;
    let deadline = Instant::now() + LEAVING;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => return Err(at(&path)(source)),
            Err(TryLockError::WouldBlock) => {
                let owner = owner(&mut file);
                let leaving = owner.is_some_and(|pid| !process::alive(pid));
                if !leaving || Instant::now() > deadline {
                    let owner = owner.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
                    return Err(Error::DataDirInUse { path: directory.to_owned(), owner });
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(at(&path))?;
    write!(file, "{}", std::process::id()).map_err(at(&path))?;
    Ok(file)
}

fn owner(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    text.trim().parse().ok()
}
