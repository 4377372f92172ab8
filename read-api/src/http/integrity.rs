//! `GET /v1/audit/integrity`, `/v1/audit/proofs/{position}`, `/.well-known/seal-keys.json`

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::policy::Action;
use event_store::seals::{Ledger, ProofError, Scope, Verifier, VerifyError, prove};
use service::{
    problem::{Code, Flaw, Problem},
    query::Query,
};

use super::{answer::Answer, caller::Caller, failure::failed, fresh::MinPosition};
use crate::{
    ReadApi,
    model::{EventProof, IntegrityReport, SealJwk, SealKeys},
};

/// Positions that one answer looks at, to the end of their block.
const BOUND: i64 = 20_000;
/// The next seal has come after so many seconds.
const NEXT_SEAL: u64 = 10;

/// Whether the log is what was sealed: hashes, Merkle roots, chain and signatures are computed anew, block by block.
///
/// An answer looks at some 20,000 positions; `next_from` is where the next one goes on. What was cut off together with its seals
/// shows only against seals that were kept elsewhere: `taskledger verify --against FILE`.
#[utoipa::path(
    get, path = "/v1/audit/integrity", tag = "audit", operation_id = "get_integrity",
    params(
        ("log" = Option<String>, Query, nullable = false, description = "`events` (default), or `audit`: the audit log"),
        ("from" = Option<i64>, Query, nullable = false, description = "From the block with this position, by default the first"),
        ("to" = Option<i64>, Query, nullable = false, description = "To the block with this position, by default the last"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, body = IntegrityReport, headers(
        ("Position" = i64, description = "The log's last position"),
    ))),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::AuditRead)?;
    let ledger = query.one("log", |text| {
        text.parse::<Ledger>().map_err(|_| Flaw::new("UNKNOWN_VALUE").param("allowed", "events, audit"))
    });
    let from = query.one("from", position).unwrap_or(1);
    let to = query.one("to", position);
    if to.is_some_and(|to| to < from) {
        query.refuse("to", Flaw::new("OUT_OF_RANGE").detail("must not be before from"));
    }
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.in_log(&api).await?;
    let scope = Scope { ledger: ledger.unwrap_or(Ledger::Events), from, to, limit: Some(BOUND) };
    let verifier = Verifier { pool: api.log.pool(), ring: &api.seal_ring, against: None, progress: &|_| {} };
    let found = verifier.verify(scope).await.map_err(unverified)?;
    Ok(Answer::json(&IntegrityReport::from(found))?.fresh(fresh))
}

/// What proves that an event is in the log as it was sealed, to somebody who trusts nothing but the key: the event itself, the way
/// from its hash to the root of its block, and the seal. `docs/verify_proof.py` checks it.
#[utoipa::path(
    get, path = "/v1/audit/proofs/{position}", tag = "audit", operation_id = "get_proof",
    params(
        ("position" = i64, Path, description = "The event's position"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, body = EventProof, headers(
        ("Position" = i64, description = "The log's last position"),
    ))),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn proof(
    State(api): State<ReadApi>,
    caller: Caller,
    Path(of): Path<String>,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::AuditRead)?;
    let of = position(&of).map_err(|_| Code::InvalidId)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.in_log(&api).await?;
    let proof = prove(api.log.pool(), &api.seal_ring, of).await.map_err(unproved)?;
    Ok(Answer::json(&EventProof::of(of, proof))?.fresh(fresh))
}

/// The public keys that seals are signed with, as a JWK set. They sign nothing else: access tokens have their own.
#[utoipa::path(
    get, path = "/.well-known/seal-keys.json", tag = "audit", operation_id = "get_seal_keys",
    responses((status = 200, body = SealKeys)),
    extensions(("x-policy" = json!("public"))),
)]
pub(super) async fn keys(State(api): State<ReadApi>) -> Result<Response, Problem> {
    let keys = api.seal_ring.keys().iter().map(SealJwk::from).collect();
    let mut response = Answer::json(&SealKeys { keys })?.into_response();
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    Ok(response)
}

fn position(text: &str) -> Result<i64, Flaw> {
    match text.parse::<i64>() {
        Ok(position) if position > 0 => Ok(position),
        Ok(_) => Err(Flaw::new("OUT_OF_RANGE").detail("positions begin with 1")),
        Err(_) => Err(Flaw::new("NOT_AN_INTEGER")),
    }
}

fn unverified(error: VerifyError) -> Problem {
    match error {
        VerifyError::Database(error) => failed(error),
        VerifyError::Outside(error) => Problem::internal(error),
    }
}

fn unproved(error: ProofError) -> Problem {
    match error {
        ProofError::NotThere => Code::NotFound.into(),
        ProofError::NotSealed => Problem::new(Code::NotYetSealed).retry_after(NEXT_SEAL),
        ProofError::Broken(found) => {
            let problem = Problem::new(Code::IntegrityBroken).with("position", found.position);
            problem.with("fault", found.fault.as_str())
        }
        ProofError::Database(error) => failed(error),
    }
}
