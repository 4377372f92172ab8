//! `POST /checksums`, `/checksums/{bucket}`: whether both sides know each task equally far.

use std::collections::{BTreeMap, HashMap};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{CoreSystem, Trouble};

#[derive(Debug, Deserialize)]
pub(super) struct Buckets {
    buckets: Vec<Bucket>,
}

#[derive(Debug, Deserialize)]
struct Bucket {
    bucket: String,
    digest: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    after: Option<Uuid>,
    up_to: Option<Uuid>,
    tasks: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: Uuid,
    version: i64,
}

#[derive(Debug, Serialize)]
struct Difference {
    id: Uuid,
    version: Option<i64>,
}

/// Names the buckets whose digests are others here.
pub(super) async fn compare(
    State(core): State<CoreSystem>,
    headers: HeaderMap,
    Json(told): Json<Buckets>,
) -> Result<Response, Trouble> {
    if !core.knows(&headers) {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    let mut differing = Vec::new();
    for Bucket { bucket, digest } in told.buckets {
        let mut ours = Sha256::new();
        for (id, version) in core.store.bucket(&bucket).await? {
            ours.update(format!("{id} {version}\n"));
        }
        let ours: String = ours.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if ours != digest {
            differing.push(bucket);
        }
    }
    Ok(Json(json!({ "success": true, "buckets": differing })).into_response())
}

/// Names the tasks of a part of a bucket that are known otherwise here, or on one side only.
pub(super) async fn look_into(
    State(core): State<CoreSystem>,
    Path(bucket): Path<String>,
    headers: HeaderMap,
    Json(page): Json<Page>,
) -> Result<Response, Trouble> {
    if !core.knows(&headers) {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    let within =
        |id: &Uuid| page.after.is_none_or(|after| after < *id) && page.up_to.is_none_or(|last| *id <= last);
    let ours: BTreeMap<_, _> =
        core.store.bucket(&bucket).await?.into_iter().filter(|(id, _)| within(id)).collect();
    let theirs: HashMap<_, _> = page.tasks.iter().map(|task| (task.id, task.version)).collect();
    let lacking =
        theirs.keys().filter(|id| !ours.contains_key(id)).map(|id| Difference { id: *id, version: None });
    let others = ours.iter().filter(|(id, version)| theirs.get(id) != Some(version));
    let others = others.map(|(id, version)| Difference { id: *id, version: Some(*version) });
    let differences: Vec<_> = lacking.chain(others).take(500).collect();
    Ok(Json(json!({ "success": true, "differences": differences })).into_response())
}
