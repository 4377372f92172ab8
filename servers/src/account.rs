//! The user of the machine that the servers run as.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::error::at;

/// Ourselves, or somebody else when we are root: Postgres refuses root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    other: Option<(u32, u32)>,
}

impl Account {
    /// Ourselves; when root, `postgres`, else `nobody`.
    pub(crate) fn for_servers() -> Result<Self, Error> {
        if id(&["-u"]) != Some(0) {
            return Ok(Self { other: None });
        }
        let found =
            ["postgres", "nobody"].iter().find_map(|name| Some((id(&["-u", name])?, id(&["-g", name])?)));
        found.map(|ids| Self { other: Some(ids) }).ok_or(Error::NoAccount)
    }

    /// Ourselves, root or not: for programs that do not mind.
    #[cfg(feature = "testing")]
    pub(crate) const OURSELVES: Self = Self { other: None };

    /// Whether this is not the user that we are.
    pub(crate) fn is_other(self) -> bool {
        self.other.is_some()
    }

    /// Lets a command run as this user.
    pub(crate) fn apply(self, command: &mut Command) {
        use std::os::unix::process::CommandExt;
        if let Some((uid, gid)) = self.other {
            command.uid(uid).gid(gid);
        }
    }

    /// Makes a file or directory this user's own, closed to others.
    pub(crate) fn own(self, path: &Path, mode: u32) -> Result<(), Error> {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).map_err(at(path))?;
        match self.other {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)).map_err(at(path)),
            None => Ok(()),
        }
    }

    /// Whether this user may pass through every existing directory of the absolute path.
    pub(crate) fn reaches(self, path: &Path) -> bool {
        let Some((uid, gid)) = self.other else { return true };
        path.ancestors().filter_map(|part| part.metadata().ok()).filter(|part| part.is_dir()).all(|part| {
            let shift = if part.uid() == uid {
                6
            } else if part.gid() == gid {
                3
            } else {
                0
            };
            (part.mode() >> shift) & 1 == 1
        })
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_directory_on_the_way_is_out_of_reach() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let somebody = Account { other: Some((4_000_000, 4_000_000)) };
        std::fs::set_permissions(outer.path(), PermissionsExt::from_mode(0o755)).unwrap();
        assert!(somebody.reaches(&inner));
        assert!(somebody.reaches(&inner.join("not/yet/there")));
        std::fs::set_permissions(outer.path(), PermissionsExt::from_mode(0o700)).unwrap();
        assert!(!somebody.reaches(&inner));
        assert!(Account { other: None }.reaches(&inner));
    }
}
