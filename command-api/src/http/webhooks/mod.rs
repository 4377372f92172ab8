//! Webhooks: one's own, and as operator to stop and start those of others.

mod answers;
mod read;

use axum::{extract::Path, http::header, response::Response};
use domain::{
    ids::SecretId,
    policy::Action,
    task::values::Reason,
    webhook::{
        ReplayRequested, TestRequested, WebhookCommand, WebhookCreated,
        values::{DisabledReason, Moment, Signature, Start},
    },
};
use serde_json::json;
use service::{
    http::{MergePatch, RequestBody, Wait},
    problem::{Flaw, Problem, Violation},
};
use uuid::Uuid;

use super::{
    app::uuid,
    auth::NO_STORE,
    exchange::{Exchange, NoBody},
    ops::{rule, uuid_v7},
    schemas,
    tasks::Handled,
};
use crate::commands::Answer;

/// Make a webhook of one's own.
///
/// It gets the events of its types that meet its filter and that its owner may see. The secret that signs is in this answer
/// and nowhere else: a replay does not have it.
#[utoipa::path(post, path = "/v1/webhooks", tag = "webhooks", operation_id = "create_webhook",
    request_body = schemas::NewWebhook, responses((status = 201, body = schemas::WebhookReply)),
    extensions(("x-policy" = json!("webhook.manage"))))]
pub(super) async fn create(exchange: Exchange) -> Handled {
    let made = exchange.permitted(Action::WebhookManage, Exchange::create_webhook).await?;
    Ok(not_stored(made))
}

/// Change what a webhook wants, where it is or how it is called.
#[utoipa::path(patch, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "update_webhook",
    params(schemas::WebhookPath),
    request_body(content = schemas::EditWebhook, content_type = "application/merge-patch+json"),
    responses((status = 200, body = schemas::WebhookReply)),
    extensions(("x-policy" = json!("webhook.manage"))))]
pub(super) async fn update(Path(id): Path<String>, exchange: Exchange<MergePatch>) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(Action::WebhookManage, async |exchange| exchange.edit_webhook(id).await).await
}

/// Delete a webhook.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "delete_webhook",
    params(schemas::WebhookPath), responses((status = 200, body = schemas::RecordDeleted)),
    extensions(("x-policy" = json!("webhook.manage"))))]
pub(super) async fn delete(Path(id): Path<String>, exchange: Exchange<NoBody>) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(Action::WebhookManage, async |exchange| exchange.delete_webhook(id).await).await
}

/// Have a webhook's calls signed with another secret. Needs If-Match.
///
/// For a day both sign. The new one is in this answer and nowhere else: a replay does not have it.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate-secret", tag = "webhooks",
    operation_id = "rotate_webhook_secret", params(schemas::WebhookPath), request_body = schemas::Nothing,
    responses((status = 200, body = schemas::WebhookReply)),
    extensions(("x-policy" = json!("webhook.manage"))))]
pub(super) async fn rotate_secret(Path(id): Path<String>, exchange: Exchange) -> Handled {
    let id = uuid(&id)?;
    let rotate = async |exchange: &Exchange| exchange.rotate_webhook_secret(id).await;
    Ok(not_stored(exchange.permitted(Action::WebhookManage, rotate).await?))
}

macro_rules! posts {
    ($($(#[$doc:meta])* $name:ident $path:literal $operation:literal $status:literal $schema:path, $reply:path
        => |$exchange:ident, $id:ident| $answered:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "webhooks", operation_id = $operation, params(schemas::WebhookPath),
            request_body = $schema, responses((status = $status, body = $reply)),
            extensions(("x-policy" = json!("webhook.control"))))]
        pub(super) async fn $name(Path(id): Path<String>, exchange: Exchange<RequestBody>) -> Handled {
            let $id = uuid(&id)?;
            let answer = async |$exchange: &Exchange| $answered.await;
            exchange.permitted(Action::WebhookControl, answer).await
        }
    )*};
}

posts! {
    /// Send nothing to a webhook for now.
    ///
    /// Its place in the log is kept: when it is resumed, events go on from there.
    pause "/v1/webhooks/{id}/pause" "pause_webhook" 200 schemas::OnlyReason, schemas::WebhookReply
        => |exchange, id| exchange.pause_webhook(id);
    /// Send nothing to a webhook any more, as the system does to one that does not answer as it should.
    ///
    /// Its place in the log is kept: when it is resumed, events go on from there.
    disable "/v1/webhooks/{id}/disable" "disable_webhook" 200 schemas::DisableWebhook, schemas::WebhookReply
        => |exchange, id| exchange.disable_webhook(id);
    /// Go on sending to a webhook that was paused or disabled.
    resume "/v1/webhooks/{id}/resume" "resume_webhook" 200 schemas::Nothing, schemas::WebhookReply
        => |exchange, id| exchange.resume_webhook(id);
    /// Send a test event to a webhook.
    test "/v1/webhooks/{id}/test" "test_webhook" 202 schemas::Nothing, schemas::WebhookTest
        => |exchange, id| exchange.test_webhook(id);
}

/// Send events of before to a webhook again.
///
/// That is an operation, which ends when the last of them has arrived or is given up; they bear it as `webhook-replay`.
#[utoipa::path(post, path = "/v1/webhooks/{id}/replay", tag = "webhooks", operation_id = "replay_webhook",
    params(schemas::WebhookPath, schemas::Preference), request_body = schemas::ReplayRange,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)),
    extensions(("x-policy" = json!("webhook.control"))))]
pub(super) async fn replay(
    Path(id): Path<String>,
    wait: Wait,
    mut exchange: Exchange<RequestBody>,
) -> Handled {
    let id = uuid(&id)?;
    if let Some(replayed) = exchange.may(Action::WebhookControl).await? {
        return Ok(replayed);
    }
    let replay = Uuid::now_v7();
    let ending = exchange.app.endings.listen(replay, wait).await;
    let answered = exchange.replay_webhook(id, replay).await;
    exchange.finish_with(answered, ending).await
}

impl Exchange {
    async fn create_webhook(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.must_have_key_to_create()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let id = fields.optional("id", uuid_v7);
        let start = fields.optional("start", rule(str::parse::<Start>)).unwrap_or_default();
        let signature = fields.optional("signature", rule(str::parse::<Signature>)).unwrap_or_default();
        let wish = read::wish(&mut fields, &self.app.outside);
        read::require(&mut fields, &["url", "event_types"]);
        fields.finish()?;
        let definition = self.seal(wish).await?;
        let secret = SecretId(Uuid::now_v7());
        let definition = read::complete(definition)?;
        let created = WebhookCreated { owner: self.user, definition, start, secret, signature };
        let id = id.unwrap_or_else(Uuid::now_v7);
        let command = WebhookCommand::Create(Box::new(created));
        let answer = self.on_record(id, command, answers::webhook).await?;
        Ok(self.show_secret(answer, secret))
    }

    async fn rotate_webhook_secret(&self, id: Uuid) -> Result<Answer, Problem> {
        self.read_nothing()?;
        self.must_match()?;
        let secret = SecretId(Uuid::now_v7());
        let answer = self.on_record(id, WebhookCommand::RotateSecret { secret }, answers::webhook).await?;
        Ok(self.show_secret(answer, secret))
    }

    fn show_secret(&self, mut answer: Answer, secret: SecretId) -> Answer {
        let secrets = &self.app.webhook_secrets;
        match answers::signature(&answer.reply) {
            _ if answer.replayed => {}
            Signature::V1 => answer.show_once("secret", json!(secrets.text(secret.0))),
            Signature::V1a => answer.show_once("public_key", json!(secrets.public_key(secret.0))),
        }
        answer
    }

    async fn pause_webhook(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let reason = fields.nullable("reason", rule(Reason::parse)).value();
        fields.finish()?;
        self.on_record(id, WebhookCommand::Pause { reason }, answers::webhook).await
    }

    async fn disable_webhook(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let reason = fields.required("reason", rule(str::parse::<DisabledReason>));
        let reason = fields.finish_with(|| reason)?;
        self.on_record(id, WebhookCommand::Disable { reason }, answers::webhook).await
    }

    async fn resume_webhook(&self, id: Uuid) -> Result<Answer, Problem> {
        self.read_nothing()?;
        self.on_record(id, WebhookCommand::Resume, answers::webhook).await
    }

    async fn test_webhook(&self, id: Uuid) -> Result<Answer, Problem> {
        self.read_nothing()?;
        let test = TestRequested { test: Uuid::now_v7() };
        self.on_record(id, WebhookCommand::Test(test), answers::testing).await
    }

    async fn replay_webhook(&self, id: Uuid, replay: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let from = fields.required("from", rule(str::parse::<Moment>));
        let to = fields.nullable("to", rule(str::parse::<Moment>)).value();
        let from = fields.finish_with(|| from)?;
        if to.is_some_and(|to| from.is_past(to)) {
            let flaw = Flaw::new("OUT_OF_RANGE").detail("must be after from");
            return Err(Violation::at("/to", flaw).into());
        }
        let asked = ReplayRequested { replay, from, to };
        self.on_record(id, WebhookCommand::Replay(asked), |done| answers::replaying(done, &asked)).await
    }

    fn read_nothing(&self) -> Result<(), Problem> {
        self.refuse_query()?;
        self.body.object()?.fields().finish()
    }
}

impl Exchange<MergePatch> {
    async fn edit_webhook(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let wish = read::wish(&mut fields, &self.app.outside);
        fields.finish()?;
        let edit = self.seal(wish).await?;
        self.on_record(id, WebhookCommand::Edit(Box::new(edit)), answers::webhook).await
    }
}

impl Exchange<NoBody> {
    async fn delete_webhook(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.on_record(id, WebhookCommand::Delete, answers::deleted).await
    }
}

fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}
