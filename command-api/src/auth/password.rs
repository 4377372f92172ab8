//! Passwords: which are good enough, and how they are hashed without letting hashing take the machine.

use std::{fmt, sync::Arc};

use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use service::problem::Flaw;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization;

/// Characters at least.
const MIN_CHARACTERS: usize = 15;
/// Fewer will do beside a second factor.
const MIN_BESIDE_A_FACTOR: usize = 8;
const MAX_CHARACTERS: usize = 256;
/// Longer texts are not even normalised (bytes).
const MAX_BYTES: usize = 1024;
/// Hashings that may wait for a core.
const MAX_WAITING: usize = 32;
/// What must be left of a password when the words that everybody knows are taken away.
const MIN_REST: usize = 6;
const MIN_DISTINCT: usize = 5;
/// Words that make no password: common ones and those of this product, one a line.
const DENIED: &str = include_str!("denied_words.txt");

/// A password in NFC; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Why a text may not be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Over 1 KiB.
    #[error("must have at most {MAX_BYTES} bytes")]
    TooManyBytes,
    /// Under 15 characters, or 8 beside a second factor.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The least that will do.
        min: usize,
    },
    /// Over 256 characters.
    #[error("must have at most {MAX_CHARACTERS} characters")]
    TooLong,
    /// Made of words that are guessed first.
    #[error("is too easy to guess")]
    Common,
}

impl PasswordFault {
    /// As an entry of `errors`.
    pub fn flaw(self) -> Flaw {
        let detail = self.to_string();
        match self {
            Self::TooManyBytes => Flaw::new("TOO_LONG").param("max", MAX_BYTES).param("unit", "bytes"),
            Self::TooShort { min } => Flaw::new("TOO_SHORT").param("min", min),
            Self::TooLong => Flaw::new("TOO_LONG").param("max", MAX_CHARACTERS),
            Self::Common => Flaw::new("PASSWORD_TOO_COMMON"),
        }
        .detail(detail)
    }
}

impl Password {
    /// A password that somebody presents: only its size is checked.
    pub fn presented(text: &str) -> Result<Self, PasswordFault> {
        if text.len() > MAX_BYTES { Err(PasswordFault::TooManyBytes) } else { Ok(Self(text.nfc().collect())) }
    }

    /// A new password: long enough and not one of those that are guessed first.
    pub fn chosen(text: &str) -> Result<Self, PasswordFault> {
        Self::of_length(MIN_CHARACTERS, text)
    }

    /// A new password of somebody who has a second factor.
    pub fn chosen_beside_a_factor(text: &str) -> Result<Self, PasswordFault> {
        Self::of_length(MIN_BESIDE_A_FACTOR, text)
    }

    /// What a new password must be, of somebody who has a second factor or not.
    pub fn rule(has_factor: bool) -> fn(&str) -> Result<Self, PasswordFault> {
        if has_factor { Self::chosen_beside_a_factor } else { Self::chosen }
    }

    /// Whether it will do only beside a second factor.
    pub fn needs_factor(&self) -> bool {
        Self::chosen(&self.0).is_err()
    }

    fn of_length(min: usize, text: &str) -> Result<Self, PasswordFault> {
        let password = Self::presented(text)?;
        match password.0.chars().count() {
            length if length < min => Err(PasswordFault::TooShort { min }),
            length if length > MAX_CHARACTERS => Err(PasswordFault::TooLong),
            _ if is_common(&password.0, min) => Err(PasswordFault::Common),
            _ => Ok(password),
        }
    }
}

/// Known words, runs of digits and repetitions protect nothing.
fn is_common(password: &str, min: usize) -> bool {
    let mut rest: String = password.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let mut distinct: Vec<char> = rest.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < MIN_DISTINCT {
        return true;
    }
    for word in DENIED.lines().filter(|word| !word.is_empty()) {
        rest = rest.replace(word, "");
    }
    rest.chars().filter(|c| !c.is_ascii_digit()).count() < MIN_REST && rest.chars().count() < min * 3 / 5
}

/// Too many passwords are being hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being hashed")]
pub struct Busy;

/// Hashes as many passwords at a time as there are cores, with a short queue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Among those that are hashed or wait for a core.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit);

/// What a check of a password gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Wrong, or there is none to compare with.
    Wrong,
    /// Right; the new hash if the parameters have changed since.
    Right(Option<String>),
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let places = Arc::new(Semaphore::new(cores + MAX_WAITING));
        Self { cores: Arc::new(Semaphore::new(cores)), places }
    }
}

impl Hasher {
    /// The hash of a password, with its parameters and a salt of its own.
    pub(super) async fn hash(&self, password: Password) -> Result<String, Busy> {
        self.run(self.place()?, move || hash(&password)).await?.ok_or(Busy)
    }

    /// A place for one password, if there is one: to be had before the try is counted, which is lost without it.
    pub(super) fn place(&self) -> Result<Place, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        Ok(Place(place))
    }

    /// Compares; without a hash the same work is done for nothing, so that time tells nobody who is known here.
    pub(super) async fn verify(
        &self,
        place: Place,
        password: Password,
        known: Option<String>,
    ) -> Result<Verdict, Busy> {
        self.run(place, move || verify(&password, known.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| Busy)?;
        // A caller that goes away leaves the work running: it keeps its core.
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, core);
            work()
        });
        work.await.map_err(|_| Busy)
    }
}

/// 19,456 KiB, 2 passes, 1 lane: the crate's default, spelled out.
fn argon2() -> Argon2<'static> {
    Argon2::from(Params::new(19_456, 2, 1, None).unwrap_or_default())
}

fn hash(password: &Password) -> Option<String> {
    let salt: [u8; 16] = rand::random();
    let hash = argon2().hash_password_with_salt(password.0.as_bytes(), &salt);
    hash.ok().map(|hash: PasswordHash| hash.to_string())
}

fn verify(password: &Password, known: Option<&str>) -> Verdict {
    let Some(known) = known else {
        let _same_work = hash(password);
        return Verdict::Wrong;
    };
    if argon2().verify_password(password.0.as_bytes(), known).is_err() {
        return Verdict::Wrong;
    }
    Verdict::Right(if has_todays_parameters(known) { None } else { hash(password) })
}

fn has_todays_parameters(known: &str) -> bool {
    known.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_after_normalising() {
        assert_eq!(Password::chosen("correct horse b"), Ok(Password("correct horse b".to_owned())));
        assert_eq!(Password::chosen("correct horse "), Err(PasswordFault::TooShort { min: 15 }));
        assert!(Password::chosen("나는 오늘도 산에 올라 갔다가 왔다").is_ok());
        let decomposed: String = "가나다라마바사아자차카타파하거".nfd().collect();
        assert_eq!(Password::chosen(&decomposed), Password::chosen("가나다라마바사아자차카타파하거"));
        assert_eq!(Password::chosen(&"xyzuvw".repeat(43)), Err(PasswordFault::TooLong));
        assert_eq!(Password::presented(&"x".repeat(1025)), Err(PasswordFault::TooManyBytes));
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for common in [
            "passwordpassword",
            "Password1234567!",
            "123456789012345678",
            "aaaaaaaaaaaaaaaaaaaa",
            "qwertyuiopasdfghjkl",
            "taskledger2026!!",
            "Taskledger-admin-1",
            "abababababababababab",
        ] {
            assert_eq!(Password::chosen(common), Err(PasswordFault::Common), "{common}");
        }
        for good in ["tempest over kiwi", "4821-horse-93-battery", "zuvp kqme rtla wo"] {
            assert!(Password::chosen(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn beside_a_second_factor_eight_characters_will_do() {
        for good in ["zuvp kqm", "k3#Qz9vL", "나는오늘산에간다"] {
            assert!(Password::chosen_beside_a_factor(good).unwrap().needs_factor(), "{good}");
        }
        assert!(!Password::chosen_beside_a_factor("tempest over kiwi").unwrap().needs_factor());
        let short = Password::chosen_beside_a_factor("zuvp kq");
        assert_eq!(short, Err(PasswordFault::TooShort { min: 8 }));
        for common in ["password", "qwerty12", "Welcome1!", "12345678", "abababab"] {
            let refused = Password::chosen_beside_a_factor(common);
            assert_eq!(refused, Err(PasswordFault::Common), "{common}");
        }
    }

    #[tokio::test]
    async fn right_wrong_unknown_and_outdated() {
        let hasher = Hasher::default();
        let right = Password::chosen("tempest over kiwi").unwrap();
        let hash = hasher.hash(right.clone()).await.unwrap();
        assert!(has_todays_parameters(&hash), "{hash}");
        let verify = async |password, known| hasher.verify(hasher.place().unwrap(), password, known).await;
        assert_eq!(verify(right.clone(), Some(hash.clone())).await, Ok(Verdict::Right(None)));
        let wrong = Password::presented("tempest over kiwj").unwrap();
        assert_eq!(verify(wrong, Some(hash)).await, Ok(Verdict::Wrong));
        assert_eq!(verify(right.clone(), None).await, Ok(Verdict::Wrong));
        let weak = Argon2::from(Params::new(64, 1, 1, None).unwrap());
        let weak = weak.hash_password_with_salt(right.0.as_bytes(), &[7; 16]).unwrap().to_string();
        let Ok(Verdict::Right(Some(new))) = verify(right, Some(weak)).await else { panic!("no new hash") };
        assert!(has_todays_parameters(&new));
    }
}
