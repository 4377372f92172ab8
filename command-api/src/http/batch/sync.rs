//! What a device has done while it was away: one by one, each command once for its uuid, however often it is sent.

use domain::policy::Action;
use event_store::Class;
use serde_json::json;
use service::problem::Problem;

use super::{
    Course,
    parse::{Queue, Queued, read_queue},
    respond,
};
use crate::{
    commands::{Precondition, ReceiptKey},
    http::{
        exchange::{Exchange, only_one_precondition},
        problems::problem,
        schemas,
        tasks::Handled,
    },
};

/// Send what was done offline.
///
/// The commands of a batch, each with a `uuid` of the client's under which its answer is kept for 90 days: sent again, it is
/// answered again and not done twice, alone or among others. They are done one by one in order, and what is wrong with one is
/// said of that one. `base_version` lets a change through that touches no field which others have changed since; else it is
/// refused with `FIELD_CONFLICT`, the fields and the events in between. An Idempotency-Key says nothing here.
#[utoipa::path(post, path = "/v1/sync", tag = "sync", operation_id = "push_changes", request_body = schemas::SyncPush,
    responses((status = 207, body = schemas::SyncPushReply)), extensions(("x-policy" = json!("task.read"))))]
pub(in crate::http) async fn push(exchange: Exchange) -> Handled {
    exchange.app.commands.authorise(&exchange.caller, Action::TaskRead, None).await.map_err(problem)?;
    let Queue { commands, temp_ids } = exchange.read_queue()?;
    let mut course = Course::new(&temp_ids);
    for queued in commands {
        exchange.take(queued, &mut course).await?;
    }
    let mut body = course.body();
    body["position"] = json!(course.position());
    Ok(respond(&body, &course))
}

impl Exchange {
    fn read_queue(&self) -> Result<Queue, Problem> {
        self.refuse_query()?;
        if self.precondition(None)? != Precondition::None {
            return Err(only_one_precondition());
        }
        let queue = read_queue(&self.body.object()?, self.user)?;
        self.meter.charge_for(queue.commands.len())?;
        Ok(queue)
    }

    async fn take(&self, queued: Queued, course: &mut Course<'_>) -> Result<(), Problem> {
        let Queued { uuid, fingerprint, item } = queued;
        let key = ReceiptKey {
            principal: self.user.to_string(),
            // No client can send this as an Idempotency-Key: a space is not visible.
            key: format!("sync {uuid}"),
            class: Class::Quarter,
            fingerprint,
        };
        let (step, answer) = match item {
            Ok(item) => {
                let step = course.follow(self.step(&item).await?);
                let answer = self.single(&step, &key).await;
                (Some(step), answer)
            }
            Err(unreadable) => (None, self.keep(unreadable, &key).await),
        };
        course.note(self, ("uuid", json!(uuid)), step.as_ref(), answer);
        Ok(())
    }
}
