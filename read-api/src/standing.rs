//! Whether the caller of a token is still who the token says: roles revoked and users locked out since count at once,
//! not only when the token ends.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use domain::{
    policy::{Role, RoleSet},
    user::User,
};
use event_store::{LoadError, Log, load};
use quick_cache::sync::Cache;
use service::auth::Holder;
use sqlx::PgPool;
use uuid::Uuid;

use crate::queries::{Coalescer, ReadError};

/// A standing is believed this long.
const LIFETIME: Duration = Duration::from_secs(1);
const REMEMBERED: usize = 50_000;

/// What the read model knows about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not there yet, or not yet seen as verified: the token alone counts.
    Unknown,
    /// Has these roles.
    Active(RoleSet),
    /// Locked out.
    Deactivated,
}

/// The standings of those who called lately.
pub(crate) struct Standings {
    recent: Cache<Uuid, (Instant, Standing)>,
    reader: Coalescer<Uuid, Standing>,
}

impl Standings {
    /// Reads through this pool.
    pub(crate) fn new(pool: &PgPool) -> Self {
        let pool = pool.clone();
        let reader = Coalescer::new(move |users| fetch(pool.clone(), users));
        Self { recent: Cache::new(REMEMBERED), reader }
    }

    /// How this user stands now, a second ago at most.
    pub(crate) async fn of(&self, user: Uuid) -> Result<Standing, ReadError> {
        if let Some((seen, standing)) = self.recent.get(&user)
            && seen.elapsed() < LIFETIME
        {
            return Ok(standing);
        }
        let standing = self.reader.get(user).await?.unwrap_or(Standing::Unknown);
        self.recent.insert(user, (Instant::now(), standing));
        Ok(standing)
    }
}

/// Whom an API key stands for, as the log has it now.
pub(crate) async fn holder(log: Log, user: Uuid, key: Uuid) -> Result<Option<Holder>, LoadError> {
    let user = load::<User>(&log, user).await?.aggregate;
    let roles = user.effective_roles().iter().map(|role| role.as_str().to_owned()).collect();
    Ok(user.lets_in(key).then(|| Holder { roles, epoch: user.epoch.unsigned_abs() }))
}

async fn fetch(pool: PgPool, users: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, Standing>> {
    const SQL: &str = "SELECT id, state, roles FROM read_model.users WHERE id = ANY($1)";
    let rows: Vec<(Uuid, String, Vec<String>)> = sqlx::query_as(SQL).bind(users).fetch_all(&pool).await?;
    Ok(rows.into_iter().map(|(id, state, roles)| (id, standing(&state, &roles))).collect())
}

fn standing(state: &str, roles: &[String]) -> Standing {
    match state {
        "active" => Standing::Active(roles.iter().filter_map(|word| word.parse::<Role>().ok()).collect()),
        "deactivated" => Standing::Deactivated,
        _ => Standing::Unknown,
    }
}
