//! Codes of a second factor (RFC 6238: SHA-1, 6 digits, 30 seconds) and the secrets behind them.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use sqlx::PgPool;
use totp_rs::{Builder, Secret, Totp};
use uuid::Uuid;

use super::wrapping::Wrapping;

/// How long a code is shown (seconds).
const STEP: i64 = 30;
/// What authenticators show beside the address.
const ISSUER: &str = "Taskledger";
/// An enrolment that is not confirmed within this time is forgotten.
const CONFIRM_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// Six digits that somebody presents. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

impl Code {
    /// Six digits; spaces between them do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        let fits = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(Self(digits))
    }
}

/// What an authenticator makes codes from. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TotpSecret([u8; 20]);

impl TotpSecret {
    pub(super) fn generate() -> Self {
        Self(rand::random())
    }

    /// The `otpauth` URI that authenticators scan, and the secret for those who type it in.
    pub(super) fn shown(&self, account: &str) -> Option<(String, String)> {
        let builder = self.builder().with_account_name(account).with_issuer(Some(ISSUER));
        let totp = builder.build().ok()?;
        Some((totp.to_url().ok()?, totp.secret().to_base32()))
    }

    /// The step that the code belongs to: the present one or the one before.
    fn step_of(&self, code: &Code, now: DateTime<Utc>) -> Option<i64> {
        let totp: Totp = self.builder().build_noncompliant();
        let present = now.timestamp() / STEP;
        let steps = [present, present - 1].into_iter();
        let times = steps.filter_map(|step| Some((step, u64::try_from(step * STEP).ok()?)));
        times.filter(|(_, time)| totp.check(&code.0, *time).is_some()).map(|(step, _)| step).next()
    }

    /// The rest is as the RFC recommends: SHA-1, 6 digits, 30 seconds.
    fn builder(&self) -> Builder {
        Builder::new().with_secret(Secret::new_stack(self.0)).with_skew(0)
    }
}

/// A secret in the database.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    secret: Vec<u8>,
}

/// The secrets of an installation.
#[derive(Debug)]
pub(super) struct TotpSecrets(pub(super) Wrapping);

impl TotpSecrets {
    /// Keeps a secret that is not in force yet; forgets those of the user, who has none in force, that never will be.
    pub(super) async fn keep(
        &self,
        pool: &PgPool,
        user: UserId,
        secret: &TotpSecret,
    ) -> Result<(), sqlx::Error> {
        const FORGET: &str = "DELETE FROM event_store.totp_secrets \
             WHERE user_id = $1 AND created_at < clock_timestamp() - interval '1 day'";
        const SQL: &str = "INSERT INTO event_store.totp_secrets (id, user_id, secret) VALUES ($1, $2, $3)";
        sqlx::query(FORGET).bind(user.0).execute(pool).await?;
        let id = Uuid::now_v7();
        let sealed = self.0.seal(id.as_bytes(), &secret.0);
        sqlx::query(SQL).bind(id).bind(user.0).bind(sealed).execute(pool).await.map(drop)
    }

    /// The secret that the user is to confirm: the last one kept, if that was lately.
    pub(super) async fn unconfirmed(&self, pool: &PgPool, user: UserId) -> Result<Option<Uuid>, sqlx::Error> {
        const SQL: &str = "SELECT id FROM event_store.totp_secrets \
             WHERE user_id = $1 AND created_at > clock_timestamp() - make_interval(secs => $2) \
             ORDER BY created_at DESC, id DESC LIMIT 1";
        let query = sqlx::query_scalar(SQL).bind(user.0).bind(CONFIRM_WITHIN.as_seconds_f64());
        query.fetch_optional(pool).await
    }

    /// Whether the code is one of this secret's, of now and never accepted before. Of all who present it one is right.
    pub(super) async fn accept(&self, pool: &PgPool, id: Uuid, code: &Code) -> Result<bool, sqlx::Error> {
        const FIND: &str = "SELECT id, secret FROM event_store.totp_secrets WHERE id = $1";
        const TAKE: &str =
            "UPDATE event_store.totp_secrets SET last_step = $2 WHERE id = $1 AND last_step < $2";
        let row: Option<Row> = sqlx::query_as(FIND).bind(id).fetch_optional(pool).await?;
        let secret = row.and_then(|row| self.open(&row));
        let Some(step) = secret.and_then(|secret| secret.step_of(code, Utc::now())) else {
            return Ok(false);
        };
        let taken = sqlx::query(TAKE).bind(id).bind(step).execute(pool).await?;
        Ok(taken.rows_affected() == 1)
    }

    fn open(&self, row: &Row) -> Option<TotpSecret> {
        let secret = self.0.open(row.id.as_bytes(), &row.secret)?;
        Some(TotpSecret(secret.try_into().ok()?))
    }
}

/// Forgets what an event has put out of force: this secret and those before. Newer ones may be about to be in force.
pub(super) async fn forget(pool: &PgPool, user: UserId, last: Uuid) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.totp_secrets WHERE user_id = $1 AND created_at <= \
         (SELECT created_at FROM event_store.totp_secrets WHERE id = $2)";
    sqlx::query(SQL).bind(user.0).bind(last).execute(pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    /// Appendix B of RFC 6238, the last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = TotpSecret(*b"12345678901234567890");
        let known = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (time, text) in known {
            assert_eq!(secret.step_of(&code(text), at(time)), Some(time / STEP), "{time}");
        }
    }

    #[test]
    fn a_code_is_good_in_its_step_and_the_next() {
        let secret = TotpSecret(*b"12345678901234567890");
        let of_step_1 = code("287082");
        for (time, good) in [(29, false), (30, true), (59, true), (60, true), (89, true), (90, false)] {
            assert_eq!(secret.step_of(&of_step_1, at(time)), good.then_some(1), "{time}");
        }
        assert_eq!(secret.step_of(&code("287083"), at(59)), None);
        assert_eq!(TotpSecret(*b"12345678901234567891").step_of(&of_step_1, at(59)), None);
    }

    #[test]
    fn codes_are_six_digits() {
        for good in ["287082", "287 082", " 2 8 7 0 8 2 "] {
            assert_eq!(Code::parse(good), Some(code("287082")));
        }
        for bad in ["", "28708", "2870822", "+28708", "28708x", "２８７０８２", "-87082"] {
            assert_eq!(Code::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn authenticators_can_read_the_uri() {
        let secret = TotpSecret(*b"12345678901234567890");
        let (uri, text) = secret.shown("kim+1@example.org").unwrap();
        assert_eq!(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let expected =
            format!("otpauth://totp/Taskledger:kim%2B1%40example.org?secret={text}&issuer=Taskledger");
        assert_eq!(uri, expected);
    }
}
