//! What the registry says about a projection.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::registry::Projection;

/// The live version of a projection.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Live {
    /// Which one it is.
    #[sqlx(rename = "live_version")]
    pub version: i32,
    /// What made it.
    pub shape: String,
    /// `running` or `stopped`.
    pub state: String,
    /// Why it is stopped.
    pub reason: Option<String>,
    /// The log that it was made from; none until it has read any.
    pub log_epoch: Option<Uuid>,
}

/// How a live version stands to the code of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Made by this code.
    Current,
    /// Made by older code: to be rebuilt.
    Old,
    /// Made by newer code, as in the middle of a deployment: not to be touched.
    Newer,
}

const READ: &str =
    "SELECT live_version, shape, state, reason, log_epoch FROM read_model.projections WHERE name = $1";

const ADOPT: &str = "
UPDATE read_model.projections SET log_epoch = $3 WHERE name = $1 AND live_version = $2 AND log_epoch IS NULL";

const SET_STATE: &str = "
UPDATE read_model.projections SET state = $3, reason = $4, changed_at = clock_timestamp()
WHERE name = $1 AND live_version = $2";

impl Live {
    /// The live version; none before the read model was migrated.
    pub async fn of(registry: impl PgExecutor<'_>, projection: &Projection) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(READ).bind(projection.name).fetch_optional(registry).await
    }

    /// Whether this code may go on with it.
    pub fn standing(&self, projection: &Projection) -> Standing {
        let code = |shape: &str| shape.rsplit_once('-').and_then(|(_, code)| code.parse::<u32>().ok());
        if self.shape == projection.shape() {
            Standing::Current
        } else if code(&self.shape).is_some_and(|live| live > projection.code) {
            Standing::Newer
        } else {
            Standing::Old
        }
    }

    /// Too much is parked, or the log is damaged.
    pub fn is_stopped(&self) -> bool {
        self.state == "stopped"
    }

    /// Notes the log that the version is made from, once.
    pub(crate) async fn adopt(
        &self,
        registry: impl PgExecutor<'_>,
        projection: &Projection,
        epoch: Uuid,
    ) -> sqlx::Result<()> {
        sqlx::query(ADOPT).bind(projection.name).bind(self.version).bind(epoch).execute(registry).await?;
        Ok(())
    }

    /// Stops it for everybody to see.
    pub(crate) async fn stop(
        &self,
        registry: impl PgExecutor<'_>,
        projection: &Projection,
        reason: &str,
    ) -> sqlx::Result<()> {
        sqlx::query(SET_STATE)
            .bind(projection.name)
            .bind(self.version)
            .bind("stopped")
            .bind(reason)
            .execute(registry)
            .await?;
        Ok(())
    }
}
