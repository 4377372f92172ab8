//! What one has read of one's notices.

use axum::extract::Path;
use domain::{
    inbox::{Inbox, InboxCommand},
    policy::Action,
};
use serde_json::json;
use service::{
    json::any,
    problem::{Code, Flaw, Problem},
};
use uuid::Uuid;

use super::{app::uuid, exchange::Exchange, problems::problem, records::answer, schemas, tasks::Handled};
use crate::commands::{Answer, RecordDone, Reply};

/// Take one of one's notices as read.
#[utoipa::path(post, path = "/v1/notifications/{id}/read", tag = "notifications",
    operation_id = "read_notification", params(schemas::NoticePath), request_body = schemas::Nothing,
    responses((status = 200, body = schemas::InboxReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn read(Path(id): Path<String>, exchange: Exchange) -> Handled {
    let notice = uuid(&id)?;
    exchange.permitted(Action::UserEdit, async |exchange| exchange.read_notice(notice).await).await
}

/// Take all of one's notices as read that are of events up to a position.
#[utoipa::path(post, path = "/v1/notifications/read-up-to", tag = "notifications",
    operation_id = "read_notifications_up_to", request_body = schemas::ReadUpTo,
    responses((status = 200, body = schemas::InboxReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn read_up_to(exchange: Exchange) -> Handled {
    exchange.permitted(Action::UserEdit, Exchange::read_notices).await
}

impl Exchange {
    async fn read_notice(&self, notice: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.body.object()?.fields().finish()?;
        self.on_record(self.user.0, InboxCommand::Read { notice }, reply).await
    }

    async fn read_notices(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let position = fields.required("position", any::<i64>);
        if position.is_some_and(|position| position < 1) {
            fields.refuse("position", Flaw::new("TOO_SMALL").param("min", 1));
        }
        let position = fields.finish_with(|| position)?;
        let head = self.app.commands.log().head().await.map_err(|error| problem(error.into()))?;
        if position > head {
            return Err(Code::PositionAhead.into());
        }
        self.on_record(self.user.0, InboxCommand::ReadUpTo { position }, reply).await
    }
}

/// Nobody makes an inbox: it is there.
fn reply(done: &RecordDone<Inbox>) -> Reply {
    let Inbox { read_up_to, update_time, .. } = &done.record;
    let body = json!({"read_up_to": read_up_to, "update_time": update_time});
    Reply { status: 200, location: None, ..answer(done, "notifications", body) }
}
