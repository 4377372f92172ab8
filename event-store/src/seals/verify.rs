//! Everything computed anew: is the log still what was sealed?

use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::PgPool;

use super::{
    Digest, Fault, Finding, KeyRing, Ledger, OutsideError, Scope, SignedSeal, Verified,
    leaf::{self, Leaf},
    merkle,
    outside::Outside,
    table::{self, HashOfLine, Link, SealRow},
};

/// Blocks that are read and hashed at the same time.
const AHEAD: usize = 4;
/// Seals of one read; each has the hashes of its block with it.
const SEALS: i64 = 32;

/// It could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database did not answer as asked.
    #[error("the log cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// The file is unusable.
    #[error(transparent)]
    Outside(#[from] OutsideError),
}

/// Verifies with these keys, against the seals in this file if there is one.
pub struct Verifier<'a> {
    /// Reads the log (role `taskledger_read` suffices).
    pub pool: &'a PgPool,
    /// The keys that are believed.
    pub ring: &'a KeyRing,
    /// Seals that were kept outside Postgres.
    pub against: Option<&'a Path>,
    /// Is told of each block how many positions it had.
    pub progress: &'a (dyn Fn(i64) + Sync),
}

/// One run over one log.
struct Run<'a> {
    verifier: &'a Verifier<'a>,
    ledger: Ledger,
    outside: Outside,
    link: Link,
    verified: Verified,
}

impl Verifier<'_> {
    /// Computes everything anew, up to the first position that is bad.
    pub async fn verify(&self, scope: Scope) -> Result<Verified, VerifyError> {
        let Scope { ledger, from, to, limit } = scope;
        let last = table::last_seal(self.pool, ledger).await?;
        let head = leaf::head(self.pool, ledger).await?;
        let link = table::before(self.pool, ledger, from).await?;
        let outside = Outside::open(self.against, ledger, link.number + 1)?;
        let unsealed = (head - last.as_ref().map_or(0, |signed| signed.seal.last)).max(0);
        let verified = Verified {
            ledger,
            from: link.last + 1,
            to: link.last,
            head,
            seals: 0,
            compared: 0,
            last,
            unsealed,
            finding: None,
            next: None,
        };
        let mut run = Run { verifier: self, ledger, outside, link, verified };
        let end = to.unwrap_or(i64::MAX);
        let bound = limit.map_or(i64::MAX, |limit| link.last.saturating_add(limit));
        run.verified.finding = run.find(end, bound).await?;
        Ok(run.verified)
    }
}

impl Run<'_> {
    /// The first that is bad, block by block: none before `bound` or up to the block with `end`.
    async fn find(&mut self, end: i64, bound: i64) -> Result<Option<Finding>, VerifyError> {
        let (pool, ledger) = (self.verifier.pool, self.ledger);
        while self.link.last < end {
            let rows = table::after(pool, ledger, self.link.number, SEALS).await?;
            if rows.is_empty() {
                // What has come into the file since has come into the table before.
                let grown = self.outside.has_more()
                    && !table::after(pool, ledger, self.link.number, 1).await?.is_empty();
                if grown {
                    continue;
                }
                return self.find_behind(end, bound).await;
            }
            let blocks = stream::iter(rows).map(|row| async move {
                let leaves = leaf::all(pool, ledger, row.first - 1, row.last).await;
                leaves.map(|leaves| (row, leaves))
            });
            let mut blocks = std::pin::pin!(blocks.buffered(AHEAD));
            while let Some((row, leaves)) = blocks.try_next().await? {
                if self.link.last >= end {
                    return Ok(None);
                }
                if self.link.last >= bound {
                    self.verified.next = Some(self.link.last + 1);
                    return Ok(None);
                }
                if let Some(finding) = self.judge(&row, &leaves)? {
                    return Ok(Some(finding));
                }
                self.passed(row.last);
                self.link = Link { number: row.number, last: row.last, hash: HashOfLine::from(row.line) };
                self.verified.seals += 1;
            }
        }
        Ok(None)
    }

    fn passed(&mut self, position: i64) {
        (self.verifier.progress)(position - self.verified.to);
        self.verified.to = position;
    }

    /// Is this the next seal, and its block as it says?
    fn judge(&mut self, row: &SealRow, leaves: &[Leaf]) -> Result<Option<Finding>, VerifyError> {
        let (first, next) = (self.link.last + 1, self.link.number + 1);
        let bad = |fault| Ok(Some(Finding { position: first, up_to: first, fault }));
        if row.number != next || row.first != first {
            return bad(if row.number > next { Fault::SealMissing } else { Fault::Chain });
        }
        let Ok(signed) = row.seal(self.ledger) else { return bad(Fault::SealChanged) };
        if let Err(fault) = signed.verify(self.verifier.ring) {
            return bad(fault);
        }
        if signed.seal.previous != self.link.hash.0 {
            return bad(Fault::Chain);
        }
        if let Some(other) = self.outside.take_if(|other| other.seal.number <= next)? {
            if other.line() != signed.line() {
                return bad(Fault::Differs);
            }
            self.verified.compared += 1;
        }
        Ok(compare(&signed, &row.leaves(), leaves))
    }

    /// What the table has no seal for: it must be there without a hole, and the file must have no seal for it either.
    async fn find_behind(&mut self, end: i64, bound: i64) -> Result<Option<Finding>, VerifyError> {
        let first = self.link.last + 1;
        if let Some(other) = self.outside.take_if(|_| true)? {
            let finding = match other.verify(self.verifier.ring) {
                Err(fault) => Finding { position: first, up_to: first, fault },
                Ok(()) => self.lost(&other).await?,
            };
            return Ok(Some(finding));
        }
        self.find_hole(self.verified.head.min(end), bound).await
    }

    /// The file has a seal that the table has not: what has become of its block?
    async fn lost(&mut self, other: &SignedSeal) -> Result<Finding, VerifyError> {
        let (first, seal) = (self.link.last + 1, &other.seal);
        if let Some(finding) = self.find_hole(seal.last, i64::MAX).await? {
            return Ok(finding);
        }
        if seal.first == first {
            let leaves = leaf::all(self.verifier.pool, self.ledger, seal.first - 1, seal.last).await?;
            if let Some(finding) = compare(other, &[], &leaves).filter(|found| found.fault == Fault::Changed)
            {
                return Ok(finding);
            }
        }
        Ok(Finding { position: first, up_to: first, fault: Fault::SealMissing })
    }

    /// The first position up to `end` at which nothing stands that can be read.
    async fn find_hole(&mut self, end: i64, bound: i64) -> Result<Option<Finding>, VerifyError> {
        while self.verified.to < end {
            let after = self.verified.to;
            if after >= bound {
                self.verified.next = Some(after + 1);
                return Ok(None);
            }
            let page = leaf::some(self.verifier.pool, self.ledger, after, end).await?;
            for (position, leaf) in (after + 1..).zip(&page) {
                if let Some(fault) = unusable(leaf, position) {
                    return Ok(Some(Finding { position, up_to: position, fault }));
                }
            }
            let Some(last) = page.last() else {
                return Ok(Some(Finding { position: after + 1, up_to: after + 1, fault: Fault::Missing }));
            };
            self.passed(last.position);
        }
        Ok(None)
    }
}

/// What is wrong with what was found in place of this position, without knowing what was sealed.
fn unusable(leaf: &Leaf, position: i64) -> Option<Fault> {
    match &leaf.hash {
        _ if leaf.position != position => Some(Fault::Missing),
        Ok(_) => None,
        Err(reason) => Some(Fault::Unreadable(reason.clone())),
    }
}

/// Compares a block with its seal. `sealed` are the hashes that it was made of; where they do not make its root they say nothing.
fn compare(signed: &SignedSeal, sealed: &[Digest], found: &[Leaf]) -> Option<Finding> {
    let seal = &signed.seal;
    let trusted = !sealed.is_empty() && merkle::root(sealed) == seal.root;
    let mut hashes = Vec::with_capacity(found.len());
    for (index, position) in (seal.first..=seal.last).enumerate() {
        let at = |fault| Some(Finding { position, up_to: position, fault });
        let Some(leaf) = found.get(index) else { return at(Fault::Missing) };
        match (&leaf.hash, unusable(leaf, position)) {
            (_, Some(fault)) => return at(fault),
            (Ok(hash), None) if trusted && sealed.get(index) != Some(hash) => return at(Fault::Changed),
            (Ok(hash), None) => hashes.push(*hash),
            (Err(_), None) => {}
        }
    }
    let whole = merkle::root(&hashes) == seal.root;
    match (trusted, whole) {
        (true, _) => None,
        (false, true) => {
            Some(Finding { position: seal.first, up_to: seal.first, fault: Fault::LeavesChanged })
        }
        (false, false) => Some(Finding { position: seal.first, up_to: seal.last, fault: Fault::Changed }),
    }
}
