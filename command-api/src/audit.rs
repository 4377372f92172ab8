//! What this service puts into the audit log, and how it seals it.

use domain::{ids::UserId, personal::Sealed, user::values::Email};
use event_store::{LogError, SealError};
use service::audit::{About, Keeper, Kept, Other, Record, Row, SealedOrigin};
use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

use crate::commands::{Commands, Refusal};

/// What is kept also when it is done, and left an event for another reason.
pub(crate) const KEPT: Kept = Kept {
    done: &[
        "auth.login",
        "auth.mfa",
        "auth.oidc_callback",
        "auth.oidc_token",
        "auth.logout",
        "auth.logout_all",
        "auth.logout_others",
        "auth.end_session",
        "auth.reauthenticate",
    ],
    // Every session does it every ten minutes.
    routine: &["auth.refresh"],
    queries: &[],
    others: &[Other {
        path: crate::http::UNSUBSCRIBE,
        action: "notifications.unsubscribe",
        public: true,
        streams: false,
    }],
};

/// Whose key seals what belongs to nobody in particular.
const NOBODY: UserId = UserId(Uuid::nil());

/// Seals with everybody's key.
pub(crate) struct Scribe(pub(crate) Commands);

impl Keeper for Scribe {
    type Error = Refusal;

    async fn seal(&self, record: &Record) -> Result<SealedOrigin, Refusal> {
        let about = self.whose(&record.about).await?;
        let person = record.actor.map(UserId).or(about).unwrap_or(NOBODY);
        let about = about.map(|user| user.0);
        match self.0.seal_client(person, &record.client).await {
            Ok(client) => {
                let text = |sealed: Option<Sealed>| sealed.map(|sealed| sealed.0);
                let (ip, ip_chain) = (Some(client.ip.0), text(client.ip_chain));
                Ok(SealedOrigin { about, ip, ip_chain, user_agent: text(client.user_agent), query: None })
            }
            // Of those who are erased nothing is kept.
            Err(Refusal::Seal(SealError::Erased)) => Ok(SealedOrigin { about, ..SealedOrigin::default() }),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, rows: &[Row]) -> Result<(), Refusal> {
        Ok(write(self.0.log().pool(), rows).await.map_err(LogError::from)?)
    }
}

impl Scribe {
    async fn whose(&self, about: &About) -> Result<Option<UserId>, Refusal> {
        const SQL: &str = "SELECT user_id FROM event_store.sessions WHERE id = $1";
        match about {
            About::Nobody => Ok(None),
            About::Address(address) => match Email::parse(address) {
                Ok(email) => self.0.find_email(&email).await,
                Err(_) => Ok(None),
            },
            About::Session(id) => {
                let user = sqlx::query_scalar(SQL).bind(id).fetch_optional(self.0.log().pool()).await;
                Ok(user.map_err(LogError::from)?.map(UserId))
            }
        }
    }
}

/// Makes the key that seals what belongs to nobody: services that only read need it and cannot make it.
pub(crate) async fn make_key_of_nobody(commands: Commands) {
    if let Err(error) = commands.seal(NOBODY, "").await {
        tracing::warn!(%error, "there may be no key yet to seal addresses of strangers with");
    }
}

/// Adds rows; those that are there already stay as they are.
pub(crate) async fn write(executor: impl PgExecutor<'_>, rows: &[Row]) -> Result<(), sqlx::Error> {
    const SQL: &str = "SELECT event_store.keep_audit($1)";
    sqlx::query(SQL).bind(Json(rows)).execute(executor).await.map(drop)
}
