//! Files for auditors, which the projections service writes.

use domain::{
    event::EventPattern,
    export::{ActionPattern, Export, ExportFormat, ExportKind},
    filter::{Parameters, RecordsAsked},
    ids::UserId,
    operation::Requested,
    policy::Action,
    violation::{Unit, Violation},
    webhook::values::Moment,
};
use service::{
    http::Wait,
    json::Fields,
    problem::{Flaw, Problem},
    query::Query,
};
use uuid::Uuid;

use super::{
    exchange::Exchange,
    ops::rule,
    problems::{flaw, problem},
    schemas,
    tasks::Handled,
};

/// More of a list are refused.
const MOST: usize = 50;
/// A longer query of records is refused, in bytes.
const LONGEST: usize = 8_000;

/// Have a part of the log, or of the audit log, written to a file; or have what `GET /v1/audit/records` lists as one.
///
/// That is an operation, whose progress and end `GET /v1/operations/{id}` tells; then the file is at
/// `/v1/audit/exports/{id}/content` for a week. `docs/verify_export.py` checks one with seals, without asking us.
#[utoipa::path(post, path = "/v1/audit/exports", tag = "audit", operation_id = "create_export",
    params(schemas::Preference), request_body = schemas::NewExport,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)),
    extensions(("x-policy" = json!("audit.read"))))]
pub(super) async fn create(wait: Wait, mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin(Action::AuditRead, None).await? {
        return Ok(replayed);
    }
    let wished = exchange.export().await.map(Requested::export);
    exchange.ask(wait, wished).await
}

impl Exchange {
    /// What is asked for; the query may name people and is sealed.
    async fn export(&self) -> Result<Export, Problem> {
        self.refuse_query()?;
        let (mut export, query) = wish(self)?;
        if let Some(query) = query {
            export.query = Some(self.app.commands.seal(self.user, &query).await.map_err(problem)?);
        }
        Ok(export)
    }
}

/// What is asked for, and the query of records beside it; without one all are meant.
fn wish(exchange: &Exchange) -> Result<(Export, Option<String>), Problem> {
    let object = exchange.body.object()?;
    let mut fields = object.fields();
    let kind = fields.optional("kind", rule(str::parse::<ExportKind>)).unwrap_or(ExportKind::Events);
    let format = fields.optional("format", rule(str::parse::<ExportFormat>)).unwrap_or(ExportFormat::Ndjson);
    let query = fields.optional("query", |text: &str| Ok::<_, Flaw>(text.to_owned()));
    let seals = fields.optional("include_seals", Ok::<bool, Flaw>);
    let export = Export {
        from: fields.optional("from", rule(str::parse::<Moment>)),
        to: fields.optional("to", rule(str::parse::<Moment>)),
        types: fields.list("types", 1..=MOST, rule(EventPattern::parse)).unwrap_or_default(),
        actions: fields.list("actions", 1..=MOST, rule(ActionPattern::parse)).unwrap_or_default(),
        aggregate: fields.optional("aggregate", Ok::<Uuid, Flaw>),
        actor: fields.optional("actor", |id: Uuid| Ok::<_, Flaw>(UserId(id))),
        correlation: fields.optional("correlation", Ok::<Uuid, Flaw>),
        include_seals: seals.unwrap_or(format == ExportFormat::Ndjson && kind != ExportKind::Records),
        ..Export::everything(kind, format)
    };
    refuse_contradictions(&mut fields, &export, query.is_some());
    fields.refuse_all("query", query.iter().flat_map(|query| flaws(query)));
    fields.finish_with(|| Some((export, query)))
}

/// What is wrong with a query of records: the same as where they are listed.
fn flaws(query: &str) -> Vec<Flaw> {
    if query.len() > LONGEST {
        return vec![flaw(Violation::TooLong { max: LONGEST, unit: Unit::Bytes })];
    }
    let mut query = Query::parse(query);
    let parameters = &mut Asking(&mut query);
    RecordsAsked::read(parameters).read_content(parameters);
    query.flaws()
}

struct Asking<'a>(&'a mut Query);

impl Parameters for Asking<'_> {
    fn one<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Option<T> {
        self.0.one(name, |text| parse(text).map_err(flaw))
    }

    fn many<T>(&mut self, name: &'static str, mut parse: impl FnMut(&str) -> Result<T, Violation>) -> Vec<T> {
        self.0.many(name, |text| parse(text).map_err(flaw))
    }

    fn refuse(&mut self, name: &'static str, violation: Violation) {
        self.0.refuse(name, flaw(violation));
    }
}

/// What no export can have.
fn refuse_contradictions(fields: &mut Fields<'_>, export: &Export, has_query: bool) {
    use ExportKind::{AuditRecords, Events, Records};
    if export.format == ExportFormat::Csv && export.include_seals {
        let detail = "a table does not hold what was sealed byte by byte: ask for ndjson";
        fields.refuse("include_seals", Flaw::new("CONTRADICTION").detail(detail));
    }
    let (of_events, of_both, of_records) = (&[Events][..], &[Events, AuditRecords][..], &[Records][..]);
    let members = [
        ("types", !export.types.is_empty(), of_events),
        ("aggregate", export.aggregate.is_some(), of_events),
        ("actions", !export.actions.is_empty(), &[AuditRecords][..]),
        ("actor", export.actor.is_some(), of_both),
        ("correlation", export.correlation.is_some(), of_both),
        ("from", export.from.is_some(), of_both),
        ("to", export.to.is_some(), of_both),
        ("include_seals", export.include_seals, of_both),
        ("query", has_query, of_records),
    ];
    let detail = match export.kind {
        Events => "not of events",
        AuditRecords => "not of audit_records",
        Records => "not of records: query says which, and what is in clear was not sealed so",
    };
    for (name, asked, kinds) in members {
        if asked && !kinds.contains(&export.kind) {
            fields.refuse(name, Flaw::new("CONTRADICTION").detail(detail));
        }
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
