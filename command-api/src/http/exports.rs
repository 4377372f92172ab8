//! Files for auditors, which the projections service writes.

use domain::{
    event::EventPattern,
    export::{ActionPattern, Export, ExportFormat, ExportKind},
    filter::{ListAsked, Parameters},
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
/// A longer query of a list is refused, in bytes.
const LONGEST: usize = 8_000;

/// Have a part of the log, or of the audit log, written to a file; or have one of the lists that auditors are shown as one.
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

/// What is asked for, and the query of a list beside it.
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
        include_seals: seals.unwrap_or(format == ExportFormat::Ndjson && !kind.is_list()),
        ..Export::everything(kind, format)
    };
    refuse_contradictions(&mut fields, &export, query.is_some());
    if kind.is_list() {
        fields.refuse_all("query", flaws(kind, query.as_deref().unwrap_or_default()));
    }
    fields.finish_with(|| Some((export, query)))
}

/// What is wrong with the query of a list: the same as where it is read.
fn flaws(kind: ExportKind, query: &str) -> Vec<Flaw> {
    if query.len() > LONGEST {
        return vec![flaw(Violation::TooLong { max: LONGEST, unit: Unit::Bytes })];
    }
    let mut query = Query::parse(query);
    // Who is meant with `me` makes no difference here.
    ListAsked::read(kind, &mut Asking(&mut query), UserId(Uuid::nil()));
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

    fn has(&self, name: &str) -> bool {
        self.0.has(name)
    }

    fn refuse(&mut self, name: &'static str, violation: Violation) {
        self.0.refuse(name, flaw(violation));
    }
}

/// What no export can have.
fn refuse_contradictions(fields: &mut Fields<'_>, export: &Export, has_query: bool) {
    use ExportKind::{AuditRecords, Events};
    if export.format == ExportFormat::Csv && export.include_seals {
        let detail = "a table does not hold what was sealed byte by byte: ask for ndjson";
        fields.refuse("include_seals", Flaw::new("CONTRADICTION").detail(detail));
    }
    let (kind, is_list) = (export.kind, export.kind.is_list());
    let members = [
        ("types", !export.types.is_empty(), kind == Events),
        ("aggregate", export.aggregate.is_some(), kind == Events),
        ("actions", !export.actions.is_empty(), kind == AuditRecords),
        ("actor", export.actor.is_some(), !is_list),
        ("correlation", export.correlation.is_some(), !is_list),
        ("from", export.from.is_some(), !is_list),
        ("to", export.to.is_some(), !is_list),
        ("include_seals", export.include_seals, !is_list),
        ("query", has_query, is_list),
    ];
    let why = if is_list { ": query says which, and what is in clear was not sealed so" } else { "" };
    for (name, _, _) in members.into_iter().filter(|(_, asked, goes)| *asked && !goes) {
        fields.refuse(name, Flaw::new("CONTRADICTION").detail(format!("not of {kind}{why}")));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_with_the_query_of_a_list_is_told() {
        for (kind, query, wrong) in [
            (ExportKind::Records, "", ""),
            (ExportKind::Records, "ip=x&limit=3&sort=recorded_at&field=colour&text=a", "field ip limit sort"),
            (ExportKind::Counts, "group_by=day&zone=Asia/Seoul&text=roof&outcome=denied", ""),
            (ExportKind::Counts, "zone=Seoul&outcome=bad", "group_by outcome zone"),
            (ExportKind::Deliveries, "channel=interface&state=rejected", ""),
            (
                ExportKind::Deliveries,
                "channel=x&state=y&event_id=z&count=exact",
                "channel count event_id state",
            ),
            (ExportKind::RoleHolders, "role=admin&as_of=4711", ""),
            (ExportKind::RoleHolders, "as_of=then", "as_of role"),
            (ExportKind::Trace, "of=4711", ""),
            (ExportKind::Trace, "", "of"),
            (ExportKind::Trace, "of=0&page_size=7", "of page_size"),
            (
                ExportKind::Tasks,
                "status=done&assignee=me&label=x&due_to=2026-11-22&as_of=2026-11-01T00:00:00Z",
                "",
            ),
            (
                ExportKind::Tasks,
                "q=roof&status=gone&as_of=1&as_of_occurred=2",
                "as_of_occurred as_of_occurred q status",
            ),
        ] {
            let mut told: Vec<_> = flaws(kind, query)
                .iter()
                .map(|flaw| flaw.params["parameter"].as_str().unwrap_or_default().to_owned())
                .collect();
            told.sort();
            assert_eq!(told.join(" "), wrong, "{kind} {query}");
        }
        let long = format!("text={}", "x".repeat(LONGEST));
        assert_eq!(flaws(ExportKind::Records, &long)[0].code, "TOO_MANY_BYTES");
    }
}
