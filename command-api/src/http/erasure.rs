//! Erasing a person.

use axum::extract::Path;
use domain::{ids::UserId, policy::Action, user::UserCommand};
use service::problem::Problem;

use super::{app::uuid, exchange::Exchange, problems::problem, schemas, tasks::Handled, users::reply};
use crate::commands::{Answer, UserUnit};

/// Erase a person, for good.
///
/// Name, address and whatever else was sealed with their key can be read by nobody any more, in the log and its copies too;
/// what lets them in is gone, their sessions have ended, the address is free. Their tasks and comments stay, with an author
/// who has no name; open tasks assigned to them go back to their creators. Needs a login or reauthentication of the last 5
/// minutes. Nobody erases himself, and the last admin stays.
#[utoipa::path(post, path = "/v1/users/{id}/erase", tag = "users", params(schemas::UserPath),
    request_body = schemas::Nothing, responses((status = 200, body = schemas::UserReply)),
    extensions(("x-policy" = json!("user.erase"))))]
pub(super) async fn erase(Path(id): Path<String>, mut exchange: Exchange) -> Handled {
    let id = UserId(uuid(&id)?);
    let authorised = exchange.app.commands.authorise(&exchange.caller, Action::UserErase, Some(id)).await;
    authorised.map_err(problem)?;
    exchange.must_be_fresh()?;
    if let Some(replayed) = exchange.replay().await? {
        return Ok(replayed);
    }
    let answered = exchange.erase(id).await;
    exchange.finish(answered).await
}

impl Exchange {
    async fn erase(&self, user: UserId) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.body.object()?.fields().finish()?;
        let precondition = self.precondition(None)?;
        let unit = UserUnit { precondition, key: self.key(), ..UserUnit::new(user, UserCommand::Erase) };
        self.app.auth.erase(&self.caller, &unit, reply).await.map_err(problem)
    }
}
