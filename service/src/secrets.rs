//! The installation's secret key and values that must not be printed.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A value that Debug and Display never show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps the value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T: From<String>> std::str::FromStr for Secret<T> {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(T::from(text.to_owned())))
    }
}

/// The 32 bytes from which all other keys of an installation are derived.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

/// Why there is no secret key.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// The file cannot be read or written.
    #[error("secret key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("secret key file {path}: expected 64 hexadecimal digits")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl SecretKey {
    /// A key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new random key.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads `TASKLEDGER_SECRET_KEY_FILE`: 64 hexadecimal digits, white space around them ignored.
    pub fn read(path: &Path) -> Result<Self, SecretKeyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SecretKeyError::File { path: path.to_owned(), source })?;
        from_hex(text.trim()).map(Self).ok_or_else(|| SecretKeyError::Malformed { path: path.to_owned() })
    }

    /// Reads the file, or makes it (readable by its owner only) if it does not exist.
    pub fn read_or_create(path: &Path) -> Result<Self, SecretKeyError> {
        let key = Self::generate();
        match write_new(path, &key.to_hex()) {
            Ok(()) => Ok(key),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            Err(source) => Err(SecretKeyError::File { path: path.to_owned(), source }),
        }
    }

    /// A key of its own for each purpose; a label is never reused for another.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        let mut mac = hmac_of(&self.0);
        mac.update(label.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// Keys of any length are allowed, so this one is.
pub(crate) fn hmac_of(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    Hmac::new(&block.into())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_read_afterwards() {
        let path = std::env::temp_dir().join(format!("secret-key-{}", uuid::Uuid::now_v7()));
        let made = SecretKey::read_or_create(&path).unwrap();
        let read = SecretKey::read_or_create(&path).unwrap();
        assert_eq!(made.derive("x"), read.derive("x"));
        assert_ne!(made.derive("x"), made.derive("y"));
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(SecretKey::read(&path), Err(SecretKeyError::Malformed { .. })));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn nothing_is_printed() {
        let secret: Secret<String> = "hunter2".parse().unwrap();
        assert_eq!(format!("{secret:?} {:?}", SecretKey::from_bytes([7; 32])), "[secret] SecretKey");
    }
}
