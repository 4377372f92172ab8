//! Deliveries that operators have tried again or give up.

use axum::extract::Path;
use domain::{
    delivery::{DeliveryChannel, DeliverySelection, DeliveryState},
    operation::{OperationKind, Requested},
    task::values::{Due, Reason},
};
use service::{
    http::Wait,
    json::Fields,
    problem::{Code, Flaw},
};
use uuid::Uuid;

use super::{exchange::Exchange, ops::rule, schemas, tasks::Handled};

/// Have a delivery tried again at once, whatever became of it, unless it has arrived; its schedule begins anew.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", tag = "operations", operation_id = "retry_delivery",
    params(schemas::DeliveryPath, schemas::Preference), request_body = schemas::Nothing,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn retry_one(Path(id): Path<String>, wait: Wait, exchange: Exchange) -> Handled {
    exchange.ask_for_just(wait, OperationKind::RetryDeliveries, subject(&id)).await
}

/// Give a delivery up; those that wait for it in order go on.
#[utoipa::path(post, path = "/v1/deliveries/{id}/skip", tag = "operations", operation_id = "skip_delivery",
    params(schemas::DeliveryPath, schemas::Preference), request_body = schemas::WhySkipped,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn skip_one(Path(id): Path<String>, wait: Wait, exchange: Exchange) -> Handled {
    exchange
        .ask_for(wait, |exchange| {
            let skip = Requested::new(OperationKind::SkipDeliveries, subject(&id)?);
            let object = exchange.body.object()?;
            let mut fields = object.fields();
            let reason = fields.required("reason", rule(Reason::parse));
            let reason = Some(fields.finish_with(|| reason)?);
            Ok(Requested { reason, ..skip })
        })
        .await
}

/// Have all deliveries tried again that are meant.
#[utoipa::path(post, path = "/v1/deliveries/retry", tag = "operations", operation_id = "retry_deliveries",
    params(schemas::Preference), request_body = schemas::ManyDeliveries,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn retry_many(wait: Wait, exchange: Exchange) -> Handled {
    exchange
        .ask_for(wait, |exchange| {
            let object = exchange.body.object()?;
            let mut fields = object.fields();
            let meant = fields.required_object("filter", selection);
            let deliveries = Some(fields.finish_with(|| meant)?);
            Ok(Requested { deliveries, ..Requested::new(OperationKind::RetryDeliveries, ALL.into()) })
        })
        .await
}

/// Give all deliveries up that are meant.
#[utoipa::path(post, path = "/v1/deliveries/skip", tag = "operations", operation_id = "skip_deliveries",
    params(schemas::Preference), request_body = schemas::ManySkipped,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn skip_many(wait: Wait, exchange: Exchange) -> Handled {
    exchange
        .ask_for(wait, |exchange| {
            let object = exchange.body.object()?;
            let mut fields = object.fields();
            let meant = fields.required_object("filter", selection);
            let reason = fields.required("reason", rule(Reason::parse));
            let (deliveries, reason) = fields.finish_with(|| Some((meant?, reason?)))?;
            let skip = Requested::new(OperationKind::SkipDeliveries, ALL.into());
            Ok(Requested { deliveries: Some(deliveries), reason: Some(reason), ..skip })
        })
        .await
}

/// The subject of an operation on many.
const ALL: &str = "deliveries";

fn subject(id: &str) -> Result<String, Code> {
    Uuid::try_parse(id).map(|id| format!("deliveries/{id}")).map_err(|_| Code::InvalidId)
}

fn selection(fields: &mut Fields<'_>) -> Option<DeliverySelection> {
    let channel = fields.optional("channel", rule(str::parse::<DeliveryChannel>));
    let state = fields.optional("state", rule(str::parse::<DeliveryState>));
    let from = fields.optional("from", rule(Due::parse_at));
    let to = fields.optional("to", rule(Due::parse_at));
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        fields.refuse("to", Flaw::new("OUT_OF_RANGE").detail("must be after from"));
    }
    Some(DeliverySelection { channel, state, from, to })
}
