//! A page of users as they were: the table tells who there is and in which order, the log what they were like.

use event_store::{Log, Sealer};
use sqlx::PgPool;

use super::{
    Moment,
    history::HistoryError,
    user_revisions::users_at,
    users::{UserCursor, UserFilter, user_places},
};
use crate::model::User;

/// Users whose past is read at once, and for one page at most.
const TOGETHER: i64 = 200;
const MOST: usize = 2_000;

/// Where users are found, and what they were.
#[derive(Clone, Copy, Debug)]
pub struct PastSources<'a> {
    /// The tables.
    pub pool: &'a PgPool,
    /// The events.
    pub log: &'a Log,
    /// Opens names and addresses.
    pub sealer: &'a Sealer,
}

/// Part of a list.
#[derive(Debug, Default)]
pub struct PastUsers {
    /// As they were, oldest first.
    pub users: Vec<User>,
    /// Behind whom it goes on; none at the end of the list.
    pub next: Option<UserCursor>,
}

/// Those behind `after` who were there then and pass the filter as they were, at most `size`. Who looks for few of many gets
/// fewer, or nobody, and a place to go on at.
pub async fn past_users(
    sources: PastSources<'_>,
    filter: &UserFilter,
    moment: Moment,
    after: Option<UserCursor>,
    size: usize,
) -> Result<PastUsers, HistoryError> {
    let mut page = PastUsers { users: Vec::new(), next: after };
    let (mut place, mut looked) = (after, 0);
    while looked < MOST {
        let places = user_places(sources.pool, place, moment.latest(), TOGETHER).await?;
        let Some(last) = places.last().copied() else { return Ok(PastUsers { next: None, ..page }) };
        let ids: Vec<_> = places.iter().map(|place| place.id).collect();
        let mut then = users_at(sources.log, sources.sealer, &ids, moment).await?;
        for place in &places {
            let Some(user) = then.remove(&place.id).filter(|user| filter.passes(user)) else { continue };
            if page.users.len() == size {
                return Ok(page);
            }
            page.users.push(user);
            page.next = Some(*place);
        }
        (place, looked) = (Some(last), looked + places.len());
    }
    Ok(PastUsers { next: place, ..page })
}

impl UserFilter {
    /// As the table judges users of today.
    fn passes(&self, user: &User) -> bool {
        let named = |part: &String| {
            let name = user.name.as_ref().map(|name| name.to_lowercase());
            name.is_some_and(|name| name.contains(&part.to_lowercase()))
        };
        (self.states.is_empty() || self.states.contains(&user.state)) && self.name.iter().all(named)
    }
}
