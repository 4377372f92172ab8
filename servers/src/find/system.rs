//! Programs that the machine already has.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Places, Program};
use crate::Error;
use crate::account::Account;

/// The first that is new enough, on PATH and then in the usual places.
pub(super) fn find(program: &Program, places: &Places, account: Account) -> Result<PathBuf, Error> {
    let mut too_old = None;
    for directory in places.path.iter().chain(&places.usual) {
        let Some(path) = candidate(program, directory, account) else { continue };
        let Some(version) = version_of(&path) else { continue };
        if program.takes(&version) {
            return Ok(path);
        }
        too_old.get_or_insert(Error::TooOld {
            program: program.name,
            path,
            found: version,
            needed: program.oldest_text,
        });
    }
    Err(too_old.unwrap_or(Error::NotFound { program: program.name }))
}

/// The program itself, behind any link, with what must lie beside it.
fn candidate(program: &Program, directory: &Path, account: Account) -> Option<PathBuf> {
    let path = directory.join(program.name).canonicalize().ok()?;
    let home = path.parent()?;
    let whole = program.beside.iter().all(|name| home.join(name).is_file());
    (whole && account.reaches(home)).then_some(path)
}

/// The first word of `--version`'s answer that begins with a digit.
fn version_of(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    words.find(|word| word.starts_with(|first: char| first.is_ascii_digit())).map(str::to_owned)
}

impl Program {
    /// Whether a program of this version will do.
    pub(crate) fn takes(&self, version: &str) -> bool {
        numbers(version).is_some_and(|numbers| numbers >= self.oldest)
    }
}

/// Major and minor: `18beta1` is 18.0.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let number = |part: &str| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).map_or(part, |end| &part[..end]);
        digits.parse().ok()
    };
    let mut parts = version.split('.');
    Some((number(parts.next()?)?, parts.next().and_then(number).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(numbers("15.18"), Some((15, 18)));
        assert_eq!(numbers("18beta1"), Some((18, 0)));
        assert_eq!(numbers("2.9.3-RC.1"), Some((2, 9)));
        assert!(numbers("2.9.3") < numbers("2.11.0"));
        assert_eq!(numbers("unknown"), None);
    }
}
