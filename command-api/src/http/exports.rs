//! Files for auditors, which the projections service writes.

use domain::{
    event::EventPattern,
    export::{ActionPattern, Export, ExportFormat, ExportKind},
    ids::UserId,
    operation::Requested,
    policy::Action,
    webhook::values::Moment,
};
use service::{
    http::Wait,
    json::Fields,
    problem::{Flaw, Problem},
};
use uuid::Uuid;

use super::{exchange::Exchange, ops::rule, schemas, tasks::Handled};

/// More of a list are refused.
const MOST: usize = 50;

/// Have a part of the log, or of the audit log, written to a file.
///
/// That is an operation, whose progress and end `GET /v1/operations/{id}` tells; then the file is at
/// `/v1/audit/exports/{id}/content` for a week. `docs/verify_export.py` checks one with seals, without asking us.
#[utoipa::path(post, path = "/v1/audit/exports", tag = "audit", operation_id = "create_export",
    params(schemas::Preference), request_body = schemas::NewExport,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)),
    extensions(("x-policy" = json!("audit.read"))))]
pub(super) async fn create(wait: Wait, exchange: Exchange) -> Handled {
    exchange.ask_for_as(Action::AuditRead, wait, |exchange| wish(exchange).map(Requested::export)).await
}

fn wish(exchange: &Exchange) -> Result<Export, Problem> {
    let object = exchange.body.object()?;
    let mut fields = object.fields();
    let kind = fields.optional("kind", rule(str::parse::<ExportKind>)).unwrap_or(ExportKind::Events);
    let format = fields.optional("format", rule(str::parse::<ExportFormat>)).unwrap_or(ExportFormat::Ndjson);
    let seals = fields.optional("include_seals", Ok::<bool, Flaw>);
    let export = Export {
        from: fields.optional("from", rule(str::parse::<Moment>)),
        to: fields.optional("to", rule(str::parse::<Moment>)),
        types: fields.list("types", 1..=MOST, rule(EventPattern::parse)).unwrap_or_default(),
        actions: fields.list("actions", 1..=MOST, rule(ActionPattern::parse)).unwrap_or_default(),
        aggregate: fields.optional("aggregate", Ok::<Uuid, Flaw>),
        actor: fields.optional("actor", |id: Uuid| Ok::<_, Flaw>(UserId(id))),
        correlation: fields.optional("correlation", Ok::<Uuid, Flaw>),
        include_seals: seals.unwrap_or(format == ExportFormat::Ndjson),
        ..Export::everything(kind, format)
    };
    refuse_contradictions(&mut fields, &export);
    fields.finish_with(|| Some(export))
}

/// What no export can have.
fn refuse_contradictions(fields: &mut Fields<'_>, export: &Export) {
    if export.format == ExportFormat::Csv && export.include_seals {
        let detail = "a table does not hold what was sealed byte by byte: ask for ndjson";
        fields.refuse("include_seals", Flaw::new("CONTRADICTION").detail(detail));
    }
    let of_events = [("types", !export.types.is_empty()), ("aggregate", export.aggregate.is_some())];
    let of_records = [("actions", !export.actions.is_empty())];
    let (senseless, detail) = match export.kind {
        ExportKind::Events => (&of_records[..], "only audit records have actions"),
        ExportKind::AuditRecords => (&of_events[..], "only events have this"),
    };
    for (name, _) in senseless.iter().filter(|(_, asked)| *asked) {
        fields.refuse(name, Flaw::new("CONTRADICTION").detail(detail));
    }
    if let Some((from, to)) = export.from.zip(export.to) {
        // A position to end with is in the file, a time is not.
        let is_empty = match (from, to) {
            (Moment::Position(from), Moment::Position(to)) => to < from,
            _ => from.is_past(to),
        };
        if is_empty {
            fields.refuse("to", Flaw::new("OUT_OF_RANGE").detail("must not be before from"));
        }
    }
}
