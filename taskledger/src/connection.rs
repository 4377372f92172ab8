//! A file with the settings by which other programs on this machine join a running `up`: operator commands, a service
//! started by hand. `set -a; . .taskledger/taskledger.env` puts them into a shell.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file's name in the data directory.
const NAME: &str = "taskledger.env";

/// Writes the file; it is removed when this is dropped, as private servers get other ports each time.
pub(crate) struct ConnectionFile {
    path: PathBuf,
}

impl ConnectionFile {
    pub(crate) fn write(directory: &Path, settings: &[(&str, &str)]) -> std::io::Result<Self> {
        let path = directory.join(NAME);
        let text: String = settings.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        write_private(&path, &text)?;
        Ok(Self { path })
    }
}

/// The settings of the `up` that runs on this data directory; none if none runs.
pub(crate) fn read(directory: &Path) -> Option<HashMap<String, String>> {
    let text = std::fs::read_to_string(directory.join(NAME)).ok()?;
    let setting = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    Some(text.lines().filter_map(setting).collect())
}

impl Drop for ConnectionFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the connection file could not be removed");
        }
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
