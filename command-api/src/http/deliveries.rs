//! Deliveries that operators have tried again or give up.

use axum::extract::Path;
use domain::{
    delivery::{DeliveryChannel, DeliverySelection, DeliveryState},
    operation::{OperationKind, Requested},
    policy::Action,
    task::values::{Due, Reason},
};
use service::{json::Fields, problem::Flaw};

use super::{app::uuid, exchange::Exchange, ops::rule, schemas, tasks::Handled};

/// Have a delivery tried again.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", tag = "operations", operation_id = "retry_delivery",
    params(schemas::DeliveryPath), request_body = schemas::Nothing,
    responses((status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn retry_one(Path(id): Path<String>, exchange: Exchange) -> Handled {
    let subject = format!("deliveries/{}", uuid(&id)?);
    exchange
        .permitted(Action::Operate, async |exchange| {
            exchange.refuse_query()?;
            exchange.body.object()?.fields().finish()?;
            exchange.ask_operation(Requested::new(OperationKind::RetryDeliveries, subject)).await
        })
        .await
}

/// Give a delivery up.
#[utoipa::path(post, path = "/v1/deliveries/{id}/skip", tag = "operations", operation_id = "skip_delivery",
    params(schemas::DeliveryPath), request_body = schemas::WhySkipped,
    responses((status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn skip_one(Path(id): Path<String>, exchange: Exchange) -> Handled {
    let subject = format!("deliveries/{}", uuid(&id)?);
    exchange
        .permitted(Action::Operate, async |exchange| {
            exchange.refuse_query()?;
            let object = exchange.body.object()?;
            let mut fields = object.fields();
            let reason = fields.required("reason", rule(Reason::parse));
            let reason = Some(fields.finish_with(|| reason)?);
            let skip = Requested::new(OperationKind::SkipDeliveries, subject);
            exchange.ask_operation(Requested { reason, ..skip }).await
        })
        .await
}

/// Have all deliveries tried again that are meant.
#[utoipa::path(post, path = "/v1/deliveries/retry", tag = "operations", operation_id = "retry_deliveries",
    request_body = schemas::ManyDeliveries, responses((status = 202, body = schemas::OperationReply)),
    extensions(("x-policy" = json!("operate"))))]
pub(super) async fn retry_many(exchange: Exchange) -> Handled {
    exchange
        .permitted(Action::Operate, async |exchange| {
            exchange.refuse_query()?;
            let object = exchange.body.object()?;
            let mut fields = object.fields();
            let meant = fields.required_object("filter", selection);
            let deliveries = Some(fields.finish_with(|| meant)?);
            let retry = Requested::new(OperationKind::RetryDeliveries, "deliveries".into());
            exchange.ask_operation(Requested { deliveries, ..retry }).await
        })
        .await
}

/// Give all deliveries up that are meant.
#[utoipa::path(post, path = "/v1/deliveries/skip", tag = "operations", operation_id = "skip_deliveries",
    request_body = schemas::ManySkipped, responses((status = 202, body = schemas::OperationReply)),
    extensions(("x-policy" = json!("operate"))))]
pub(super) async fn skip_many(exchange: Exchange) -> Handled {
    exchange
        .permitted(Action::Operate, async |exchange| {
            exchange.refuse_query()?;
            let object = exchange.body.object()?;
            let mut fields = object.fields();
            let meant = fields.required_object("filter", selection);
            let reason = fields.required("reason", rule(Reason::parse));
            let (deliveries, reason) = fields.finish_with(|| Some((meant?, reason?)))?;
            let skip = Requested::new(OperationKind::SkipDeliveries, "deliveries".into());
            let many = Requested { deliveries: Some(deliveries), reason: Some(reason), ..skip };
            exchange.ask_operation(many).await
        })
        .await
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
