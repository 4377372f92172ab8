use std::path::{Path, PathBuf};

use crate::account::Account;

/// Where to look for programs, and where to keep those that are installed.
#[derive(Debug, Clone)]
pub struct Places {
    /// The directories of PATH: servers are looked for here first, pip only here.
    pub path: Vec<PathBuf>,
    /// Where packages of Linux distributions, Homebrew and installers put servers.
    pub usual: Vec<PathBuf>,
    /// The user's cache directory of this program; `None` when there is no home.
    pub cache: Option<PathBuf>,
}

/// Where several versions lie beside each other: (directory, what a version's directory begins with, its programs).
const VERSIONED: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr/lib64/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

const PLAIN: [&str; 7] = [
    "/usr/local/pgsql/bin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
];

impl Places {
    /// The places of this machine and this user.
    pub fn from_env() -> Self {
        let path =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        let versioned =
            VERSIONED.iter().flat_map(|(directory, prefix, bin)| versions(directory, prefix, bin));
        let usual = versioned.chain(PLAIN.iter().map(PathBuf::from)).collect();
        Self { path, usual, cache: user_cache() }
    }

    /// A cache directory that the account reaches; `/var/cache` serves root whose home is closed to others.
    pub(crate) fn cache_for(&self, account: Account) -> PathBuf {
        match &self.cache {
            Some(cache) if account.reaches(cache) => cache.clone(),
            _ if account.is_other() => PathBuf::from("/var/cache/taskledger"),
            _ => std::env::temp_dir().join("taskledger-cache"),
        }
    }

    /// The program of that name on PATH.
    pub(crate) fn on_path(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|directory| directory.join(name)).find(|file| file.is_file())
    }
}

/// Newest version first.
fn versions(directory: &str, prefix: &str, bin: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.split('.').next()?.parse().ok()?;
            Some((version, entry.path().join(bin)))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found.into_iter().map(|(_, path)| path).collect()
}

fn user_cache() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(cache) = absolute("XDG_CACHE_HOME") {
        return Some(cache.join("taskledger"));
    }
    let inner = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    absolute("HOME").filter(|home| home != Path::new("/")).map(|home| home.join(inner).join("taskledger"))
}
