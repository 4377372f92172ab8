//! Whether the core system knows each task as far as it has been told.
//!
//! Both sides fold their tasks into 256 digests, by the last two digits of the id. Of a bucket whose digests differ the tasks are
//! gone through in pages, and what is found is judged against what the core system may have got meanwhile.

use std::{collections::HashMap, fmt::Write};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use super::taken::{self, Taken};
use crate::channels::{
    email::{CoreChecksum, CoreDifference},
    interface::{AskError, Interface},
};

/// Tasks of one page: what comes back of them fits into an answer.
const PAGE: usize = 500;
/// Differences that are named.
const NAMED: usize = 20;

#[derive(Serialize)]
struct Bucket {
    bucket: String,
    tasks: usize,
    digest: String,
}

#[derive(Deserialize)]
struct Differing {
    buckets: Vec<String>,
}

#[derive(Deserialize)]
struct Found {
    differences: Vec<Known>,
}

/// A task as the core system knows it, or not.
#[derive(Deserialize)]
struct Known {
    id: Uuid,
    version: Option<i64>,
}

/// Why the two could not be compared.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    #[error(transparent)]
    Core(#[from] AskError),
}

/// Compares; a core system that does not answer is part of the result.
pub(super) async fn compare(pool: &PgPool, interface: &Interface) -> sqlx::Result<CoreChecksum> {
    let mut checksum = CoreChecksum { outcome: "compared".to_owned(), ..CoreChecksum::default() };
    match go_through(pool, interface, &mut checksum).await {
        Ok(()) => Ok(checksum),
        Err(Setback::Tables(error)) => Err(error),
        Err(Setback::Core(AskError::NotOffered)) => {
            Ok(CoreChecksum { outcome: "not_offered".to_owned(), ..CoreChecksum::default() })
        }
        Err(Setback::Core(error)) => {
            Ok(CoreChecksum { outcome: "failed".to_owned(), reason: Some(error.to_string()), ..checksum })
        }
    }
}

async fn go_through(
    pool: &PgPool,
    interface: &Interface,
    checksum: &mut CoreChecksum,
) -> Result<(), Setback> {
    let mut buckets = Vec::with_capacity(256);
    for number in 0..=u8::MAX {
        buckets.push(digest(pool, format!("{number:02x}")).await?);
    }
    checksum.tasks = buckets.iter().map(|bucket| bucket.tasks as i64).sum();
    let asked = json!({ "buckets": buckets });
    let differing: Differing = interface.ask("checksums", &asked).await?;
    for bucket in buckets.iter().filter(|bucket| differing.buckets.contains(&bucket.bucket)) {
        checksum.buckets += 1;
        look_into(pool, interface, &bucket.bucket, checksum).await?;
    }
    Ok(())
}

/// SHA-256 over a line `<id> <version>` for each task, in order of id.
async fn digest(pool: &PgPool, bucket: String) -> sqlx::Result<Bucket> {
    let (mut digest, mut tasks, mut after) = (Sha256::new(), 0, None);
    loop {
        let page = taken::page(pool, &bucket, after, PAGE).await?;
        for Taken { task, version } in &page {
            digest.update(format!("{task} {version}\n"));
        }
        tasks += page.len();
        after = page.last().map(|last| last.task);
        if page.len() < PAGE {
            return Ok(Bucket { bucket, tasks, digest: hex(&digest.finalize()) });
        }
    }
}

async fn look_into(
    pool: &PgPool,
    interface: &Interface,
    bucket: &str,
    checksum: &mut CoreChecksum,
) -> Result<(), Setback> {
    let mut after = None;
    loop {
        let page = taken::page(pool, bucket, after, PAGE).await?;
        // The last page goes on to the end: what only the core system knows is found as well.
        let up_to = page.last().filter(|_| page.len() == PAGE).map(|last| last.task);
        let tasks: Vec<_> =
            page.iter().map(|one| json!({ "id": one.task, "version": one.version })).collect();
        let asked = json!({ "after": after, "up_to": up_to, "tasks": tasks });
        let found: Found = interface.ask(&format!("checksums/{bucket}"), &asked).await?;
        judge(pool, &page, found.differences, checksum).await?;
        after = up_to;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// More than it has said to have is no difference, as long as it was being told.
async fn judge(
    pool: &PgPool,
    page: &[Taken],
    found: Vec<Known>,
    checksum: &mut CoreChecksum,
) -> sqlx::Result<()> {
    let told: HashMap<_, _> = page.iter().map(|one| (one.task, one.version)).collect();
    for Known { id, version } in found {
        let expected = told.get(&id).copied();
        let newest = taken::newest(pool, id).await?;
        let fine = version.is_some_and(|found| {
            expected.is_none_or(|told| told <= found) && newest.is_some_and(|newest| found <= newest)
        });
        if fine || version == expected {
            continue;
        }
        checksum.differences += 1;
        if checksum.named.len() < NAMED {
            checksum.named.push(CoreDifference { task: id, expected, found: version });
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
