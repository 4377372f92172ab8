//! Exports: a part of the log, or of the audit log, as a file that auditors fetch; or which of the lists that they are shown they want as one.
//!
//! The file grows piece by piece, each in one transaction with how far it is, so that whoever takes over from a process that died
//! goes on from there. With seals, the events of a block are followed by what proves them.

mod file;
mod lines;
mod lists;
mod read;

use std::time::{Duration, Instant};

use domain::{
    export::{Export, ExportFormat, ExportKind},
    webhook::values::Moment,
};
use event_store::{
    LogError,
    seals::{self, Block, Finding, Ledger, Trace},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{sync::watch, task::spawn_blocking, time};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{file::File, lines::Lines, read::Entry};
use crate::delivery::Delivery;

pub(crate) use file::forget;

/// A piece is written when there is as much …
const PIECE: usize = 1 << 20;
/// … or when what there is would be lost by a crash for so long.
const KEEP: Duration = Duration::from_secs(2);
/// Until what was written last is sealed, which takes ten seconds, it is waited, but not for ever: sealing may be off.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(250);
/// A database that is away for longer ends it.
const TROUBLE: Duration = Duration::from_secs(10 * 60);

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error("it is wanted no more")]
    Cancelled,
    #[error("the file would be too large: ask for less of the log at once")]
    TooLarge,
    #[error("too much is kept already: older exports go a week after they were made")]
    NoRoom,
    #[error("position {}: {}", .0.position, .0.fault)]
    Broken(Finding),
    #[error("there is nothing at position {0}")]
    Missing(i64),
    #[error("position {position} cannot be read: {reason}")]
    Unreadable { position: i64, reason: String },
    #[error("another process is at it")]
    Superseded,
    #[error("it cannot be compressed: {0}")]
    Packing(#[from] std::io::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
}

/// How far an export is: positions looked at, and how many there are to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExportProgress {
    pub(crate) done: i64,
    pub(crate) total: i64,
}

/// What it takes to make one.
pub(crate) struct Job<'a> {
    pub(crate) log: &'a PgPool,
    pub(crate) delivery: &'a Delivery,
    pub(crate) operation: Uuid,
    pub(crate) export: &'a Export,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) told: &'a watch::Sender<ExportProgress>,
}

/// Makes the file, or what is missing of it, and says what it has become. Where that fails nothing of it is left.
pub(crate) async fn carry_out(job: &Job<'_>) -> Result<Value, ExportError> {
    let begun = Instant::now();
    loop {
        match make(job).await {
            Err(error) if error.may_pass() && begun.elapsed() < TROUBLE => {
                tracing::warn!(operation = %job.operation, %error, "an export is held up, trying again");
                time::sleep(LOOK).await;
            }
            Err(error) => {
                file::drop_file(job.delivery, job.operation).await?;
                return Err(error);
            }
            made => return made,
        }
    }
}

impl ExportError {
    /// Whether another try may have another end: it goes on from where this one was.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Superseded | Self::Tables(_) | Self::Log(LogError::Database(_)))
    }
}

async fn make(job: &Job<'_>) -> Result<Value, ExportError> {
    let Some(ledger) = ledger(job.export) else { return lists::settle(job).await };
    let file = match File::find(job.delivery, job.operation).await? {
        Some(file) => file,
        None => begin(job, ledger).await?,
    };
    if let Some(response) = file.response() {
        return Ok(response);
    }
    let mut writing = Writing::of(job, ledger, file);
    writing.go_on().await?;
    let file = writing.file.finish(job.delivery).await?;
    file.response().ok_or(ExportError::Superseded)
}

/// What is written down as it was sealed; lists are not: they are in clear, and of both logs.
fn ledger(export: &Export) -> Option<Ledger> {
    match export.kind {
        ExportKind::Events => Some(Ledger::Events),
        ExportKind::AuditRecords => Some(Ledger::Audit),
        ExportKind::Records
        | ExportKind::Counts
        | ExportKind::Deliveries
        | ExportKind::RoleHolders
        | ExportKind::Trace
        | ExportKind::Tasks => None,
    }
}

/// Settles once and for all what is looked at.
async fn begin(job: &Job<'_>, ledger: Ledger) -> Result<File, ExportError> {
    let export = job.export;
    let head = seals::head(job.log, ledger).await?;
    let after = match export.from {
        Some(from) => seals::position_before(job.log, ledger, from).await?,
        None => 0,
    };
    let until = match export.to {
        Some(Moment::Position(to)) => to.min(head),
        Some(before @ Moment::Time(_)) => seals::position_before(job.log, ledger, before).await?,
        None => head,
    };
    let until = until.max(after);
    let sealed = match export.include_seals {
        true => sealed(job, ledger, until).await?,
        false => after,
    };
    File::begin(job.delivery, job.operation, export, [after, until, sealed.clamp(after, until)]).await
}

/// Up to where the ledger is sealed, as far as that matters.
async fn sealed(job: &Job<'_>, ledger: Ledger, until: i64) -> Result<i64, ExportError> {
    let begun = Instant::now();
    loop {
        let last = seals::last_seal(job.log, ledger).await?.map_or(0, |signed| signed.seal.last);
        if last >= until || begun.elapsed() > PATIENCE {
            return Ok(last);
        }
        if job.cancel.is_cancelled() {
            return Err(ExportError::Cancelled);
        }
        time::sleep(LOOK).await;
    }
}

/// A file on its way.
struct Writing<'a> {
    job: &'a Job<'a>,
    ledger: Ledger,
    file: File,
    lines: Lines,
    /// Everything up to there is in the file or in the lines.
    at: i64,
    /// Of what is in the lines.
    records: i64,
    kept: Instant,
}

impl<'a> Writing<'a> {
    fn of(job: &'a Job<'a>, ledger: Ledger, file: File) -> Self {
        let mut lines = Lines::of(ledger, job.export.format);
        if file.chunks == 0 {
            lines.head();
        }
        let at = file.position;
        Self { job, ledger, file, lines, at, records: 0, kept: Instant::now() }
    }

    async fn go_on(&mut self) -> Result<(), ExportError> {
        self.tell();
        while self.at < self.file.until {
            match self.block().await? {
                Some(block) => self.write_block(&block).await?,
                None => self.write_up_to(self.file.until, &mut None).await?,
            }
            self.keep_if_due().await?;
        }
        if self.job.export.format == ExportFormat::Ndjson {
            let end = self.file.end(self.job.export, self.records);
            self.lines.end(&end);
        }
        self.keep().await
    }

    /// The sealed block that is next, if it is to be proved.
    async fn block(&self) -> Result<Option<Block>, ExportError> {
        if self.at >= self.file.sealed {
            return Ok(None);
        }
        let block = seals::block_at(self.job.log, self.ledger, self.at + 1).await?;
        block.map_err(ExportError::Broken)
    }

    async fn write_block(&mut self, block: &Block) -> Result<(), ExportError> {
        let mut proved = Some(self.in_file_of(block).await?);
        self.write_up_to(block.last.min(self.file.until), &mut proved).await?;
        let traces = proved.unwrap_or_default();
        if !traces.is_empty() {
            self.lines.evidence(&block.evidence(&traces).map_err(ExportError::Broken)?);
        }
        Ok(())
    }

    /// What of the block was written before the process that wrote it died.
    async fn in_file_of(&self, block: &Block) -> Result<Vec<Trace>, ExportError> {
        let mut at = (block.first - 1).max(self.file.after);
        let mut traces = Vec::new();
        while at < self.at {
            let page = seals::exhibits(self.job.log, self.ledger, at, self.at).await?;
            for exhibit in &page {
                let entry = Entry::read(self.ledger, exhibit)?;
                traces.extend(self.job.export.takes(&entry.exported()).then(|| exhibit.trace()));
            }
            at = page.last().ok_or(ExportError::Missing(at + 1))?.position;
        }
        Ok(traces)
    }

    async fn write_up_to(&mut self, end: i64, proved: &mut Option<Vec<Trace>>) -> Result<(), ExportError> {
        while self.at < end {
            if self.job.cancel.is_cancelled() {
                return Err(ExportError::Cancelled);
            }
            let page = seals::exhibits(self.job.log, self.ledger, self.at, end).await?;
            if page.is_empty() {
                return Err(ExportError::Missing(self.at + 1));
            }
            for exhibit in &page {
                if exhibit.position != self.at + 1 {
                    return Err(ExportError::Missing(self.at + 1));
                }
                self.at = exhibit.position;
                let entry = Entry::read(self.ledger, exhibit)?;
                if self.job.export.takes(&entry.exported()) {
                    self.lines.line(exhibit, &entry);
                    self.records += 1;
                    proved.iter_mut().for_each(|traces| traces.push(exhibit.trace()));
                }
            }
            self.tell();
            // What proves a block comes into the file with the last line of it, or after a crash it would not come at all.
            if self.at < end {
                self.keep_if_due().await?;
            }
        }
        Ok(())
    }

    fn tell(&self) {
        let (done, total) = (self.at - self.file.after, self.file.until - self.file.after);
        self.job.told.send_replace(ExportProgress { done, total });
    }

    async fn keep_if_due(&mut self) -> Result<(), ExportError> {
        let due = self.lines.len() >= PIECE || self.kept.elapsed() >= KEEP;
        if due { self.keep().await } else { Ok(()) }
    }

    /// Writes down what there is.
    async fn keep(&mut self) -> Result<(), ExportError> {
        let plain = self.lines.take();
        let bytes = plain.len();
        let piece = match bytes {
            0 => None,
            _ => {
                let packed = spawn_blocking(move || service::deflated::deflate(&plain)).await;
                Some(packed.map_err(std::io::Error::other)??)
            }
        };
        self.file.keep(self.job.delivery, piece, bytes, self.at, self.records).await?;
        (self.records, self.kept) = (0, Instant::now());
        Ok(())
    }
}

/// Where the file is.
fn content(operation: Uuid) -> String {
    format!("/v1/audit/exports/{operation}/content")
}

/// What stands at the end of a file, by which one that was cut off is known.
fn end(operation: Uuid, export: &Export, range: [i64; 3], records: i64) -> Value {
    let [after, until, sealed] = range;
    let mut end = json!({
        "export": operation, "kind": export.kind.as_str(), "from": after + 1, "to": until, "records": records,
    });
    if export.include_seals {
        end["sealed_to"] = json!(sealed);
    }
    end
}
