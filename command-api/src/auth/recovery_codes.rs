//! Recovery codes: ten of them, for those who have lost their second factor. Which are used is said by events.

use std::fmt;

use domain::{ids::UserId, user::RecoveryCodes};
use hmac::{Hmac, KeyInit, Mac};
use service::secrets::Secret;
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;

/// Letters and digits that are not mistaken for each other: 5 bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 80 bits.
const LENGTH: usize = 16;
const GROUP: usize = 4;

/// A recovery code. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; LENGTH]);

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

impl RecoveryCode {
    /// Reads `abcd-efgh-jkmn-pqrs`, in any case and with or without its dashes.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let letters: Vec<u8> = letters.map(|byte| byte.to_ascii_lowercase()).collect();
        let known = letters.iter().all(|byte| ALPHABET.contains(byte));
        letters.try_into().ok().filter(|_| known).map(Self)
    }

    fn generate() -> Self {
        let bytes: [u8; LENGTH] = rand::random();
        Self(bytes.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]))
    }

    /// As people write it down.
    fn text(&self) -> String {
        let groups = self.0.chunks(GROUP).map(|group| String::from_utf8_lossy(group));
        groups.collect::<Vec<_>>().join("-")
    }
}

/// Hashes codes under a key of the installation: who reads the table cannot try them out.
#[derive(Debug)]
pub(super) struct RecoveryCodeHashes(pub(super) Secret<[u8; 32]>);

impl RecoveryCodeHashes {
    fn hash(&self, id: Uuid, code: &RecoveryCode) -> Vec<u8> {
        let mut block = [0; 64]; // HMAC pads short keys with zeros
        block[..32].copy_from_slice(self.0.expose());
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(id.as_bytes());
        mac.update(&code.0);
        mac.finalize().into_bytes().to_vec()
    }

    /// Ten new codes that are not in force yet: their id, and their texts for the user.
    pub(super) async fn make(&self, pool: &PgPool, user: UserId) -> Result<(Uuid, Vec<String>), sqlx::Error> {
        const SQL: &str = "INSERT INTO event_store.recovery_codes (id, number, user_id, code_hash) \
             SELECT $1, n - 1, $2, hash FROM unnest($3::bytea[]) WITH ORDINALITY AS codes(hash, n)";
        let id = Uuid::now_v7();
        let codes: Vec<_> = (0..RecoveryCodes::COUNT).map(|_| RecoveryCode::generate()).collect();
        let hashes: Vec<_> = codes.iter().map(|code| self.hash(id, code)).collect();
        sqlx::query(SQL).bind(id).bind(user.0).bind(hashes).execute(pool).await?;
        Ok((id, codes.iter().map(RecoveryCode::text).collect()))
    }

    /// The number of the code among those of this id, used or not.
    pub(super) async fn number(
        &self,
        pool: &PgPool,
        id: Uuid,
        code: &RecoveryCode,
    ) -> Result<Option<u8>, sqlx::Error> {
        const SQL: &str = "SELECT number FROM event_store.recovery_codes WHERE id = $1 AND code_hash = $2";
        let query = sqlx::query_scalar::<_, i16>(SQL).bind(id).bind(self.hash(id, code));
        Ok(query.fetch_optional(pool).await?.and_then(|number| u8::try_from(number).ok()))
    }
}

/// Forgets what an event has put out of force: these codes and those before. Newer ones may be about to be in force.
pub(super) async fn forget(pool: &PgPool, user: UserId, last: Uuid) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.recovery_codes WHERE user_id = $1 AND created_at <= \
         (SELECT max(created_at) FROM event_store.recovery_codes WHERE id = $2)";
    sqlx::query(SQL).bind(user.0).bind(last).execute(pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_read_back() {
        let code = RecoveryCode::generate();
        let text = code.text();
        assert_eq!(text.len(), LENGTH + 3);
        for written in [text.clone(), text.to_uppercase(), text.replace('-', ""), text.replace('-', " ")] {
            assert_eq!(RecoveryCode::parse(&written), Some(code.clone()), "{written}");
        }
        for bad in
            ["", "abcd-efgh-jkmn-pqr", "abcd-efgh-jkmn-pqrst", "abcd-efgh-jkmn-pqr1", "ábcd-efgh-jkmn-pqr"]
        {
            assert_eq!(RecoveryCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hashes_differ_by_code_id_and_installation() {
        let (codes, id) = (RecoveryCodeHashes(Secret::new([1; 32])), Uuid::now_v7());
        let code = RecoveryCode::generate();
        let hash = codes.hash(id, &code);
        assert_eq!(codes.hash(id, &code), hash);
        assert_ne!(codes.hash(Uuid::now_v7(), &code), hash);
        assert_ne!(codes.hash(id, &RecoveryCode::generate()), hash);
        assert_ne!(RecoveryCodeHashes(Secret::new([2; 32])).hash(id, &code), hash);
    }
}
