//! One run over one file.

use std::collections::HashMap;

use command_api::commands::{Caller, Commands, Refusal, Refused, Reply, TaskStep, TaskUnit, Who};
use domain::{
    ids::UserId,
    task::{Task, values::ExternalRef},
};
use event_store::{Claim, ClaimAction};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{Mapping, Report, Source, case::Case, people::People, report::Rejected, source::SourceRow};

/// What a row leaves behind, for ever: its claim.
const ROW: &str = "import.row";
/// Rows that are looked at together: cases among them run side by side, so the log's order follows the file's closely.
const WINDOW: usize = 1024;
/// Cases at a time.
const CASES: usize = 128;

/// The import could not go on; what was carried out stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The importer is not an active admin.
    #[error("only an active admin may import")]
    NotAllowed,
    /// The log could not be read or written.
    #[error("the import stopped: {0}")]
    Stopped(#[from] Refusal),
    /// The log could not be read.
    #[error("the import stopped: {0}")]
    Log(#[from] event_store::LogError),
    /// A task could not be loaded.
    #[error("the import stopped: {0}")]
    Load(#[from] event_store::LoadError),
}

/// Called after every window with the number of rows behind it.
pub(crate) type Tick<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// Carries out the rows of one file.
pub(crate) struct Importer<'a> {
    commands: &'a Commands,
    importer: UserId,
    mapping: &'a Mapping,
    run: Uuid,
    people: People,
    cases: HashMap<String, Case>,
}

impl<'a> Importer<'a> {
    /// An import by an admin.
    pub(crate) fn new(commands: &'a Commands, importer: UserId, mapping: &'a Mapping) -> Self {
        let (people, cases) = (People::default(), HashMap::new());
        Self { commands, importer, mapping, run: Uuid::now_v7(), people, cases }
    }

    /// Carries out what earlier runs have not.
    pub(crate) async fn run(mut self, source: &Source, tick: Tick<'_>) -> Result<Report, ImportError> {
        let mut report =
            Report { rows: (source.rows.len() + source.unreadable.len()) as u64, ..Report::default() };
        let (people, users) = People::bring_in(self.commands, self.importer, self.mapping, source)
            .await
            .map_err(|refusal| if forbidden(&refusal) { ImportError::NotAllowed } else { refusal.into() })?;
        self.people = people;
        report.users = users;
        for window in source.rows.chunks(WINDOW) {
            report.add(self.window(window).await?);
            tick(window.len() as u64);
        }
        let unreadable = source.unreadable.iter().map(|row| Rejected {
            line: row.line,
            case: String::new(),
            activity: String::new(),
            reason: row.reason.clone(),
        });
        report.rejected.extend(unreadable);
        report.rejected.sort_by_key(|rejected| rejected.line);
        Ok(report)
    }

    async fn window(&mut self, rows: &[SourceRow]) -> Result<Report, ImportError> {
        let mut cases = HashMap::<&str, Vec<&SourceRow>>::new();
        for row in rows {
            cases.entry(&row.case).or_default().push(row);
        }
        let this = &*self;
        let done: Vec<_> = stream::iter(cases)
            .map(
                |(name, rows)| async move { this.case(name, rows).await.map(|done| (name.to_owned(), done)) },
            )
            .buffer_unordered(CASES)
            .try_collect()
            .await?;
        let mut report = Report::default();
        for (name, (case, part)) in done {
            self.cases.insert(name, case);
            report.add(part);
        }
        Ok(report)
    }

    async fn case(&self, name: &str, rows: Vec<&SourceRow>) -> Result<(Case, Report), ImportError> {
        let mut case = match self.cases.get(name) {
            Some(case) => case.clone(),
            None => self.find(name).await?,
        };
        let mut report = Report::default();
        for row in rows {
            self.row(&mut case, row, &mut report).await?;
        }
        Ok((case, report))
    }

    /// The task that an earlier run has made of a case.
    async fn find(&self, name: &str) -> Result<Case, ImportError> {
        let reference =
            ExternalRef::parse_system(&self.mapping.system).ok().zip(ExternalRef::parse_id(name).ok());
        let Some((system, id)) = reference else { return Ok(Case::new()) };
        match self.commands.find_external_ref(&ExternalRef::new(system, id)).await? {
            None => Ok(Case::new()),
            Some(id) => {
                let loaded = event_store::load::<Task>(self.commands.log(), id.0).await?;
                Ok(Case::resumed(id, &loaded.aggregate))
            }
        }
    }

    async fn row(&self, case: &mut Case, row: &SourceRow, report: &mut Report) -> Result<(), ImportError> {
        let claim = self.claim(row);
        if case.resumed && self.commands.log().find_claim(ROW, &claim.value).await?.is_some() {
            report.known += 1;
            return Ok(());
        }
        match self.carry_out(case, row, claim.clone()).await? {
            Outcome::Done(after) => {
                report.tasks += u64::from(!case.exists);
                report.imported += 1;
                *case = after;
            }
            Outcome::Known => report.known += 1,
            Outcome::Refused(reason) => {
                if self.remember_rejected(claim).await? {
                    report.rejected.push(rejected(row, reason));
                } else {
                    report.known += 1;
                }
            }
        }
        Ok(())
    }

    async fn carry_out(&self, case: &Case, row: &SourceRow, claim: Claim) -> Result<Outcome, ImportError> {
        let Some(time) = row.occurred_at() else { return Ok(Outcome::refused("the time is not RFC 3339")) };
        let Some(person) = self.people.find(&row.actor) else {
            return Ok(Outcome::refused("the actor's name cannot be a user's"));
        };
        let key = if case.exists { None } else { Some(self.commands.next_key().await?) };
        let (commands, after) = match case.read(self.mapping, row, person, key) {
            Ok(read) => read,
            Err(meaningless) => return Ok(Outcome::Refused(meaningless.to_string())),
        };
        let steps = commands.into_iter().map(|command| TaskStep::new(case.id, command)).collect();
        let unit = TaskUnit { steps, claims: vec![claim], key: None };
        let caller = self.caller(Who::Import { person, importer: self.importer }).at(time);
        match self.commands.tasks(&caller, &unit, |_| Reply::default()).await {
            Ok(_) => Ok(Outcome::Done(after)),
            Err(Refused { why: Refusal::Taken { scope, .. }, .. }) if scope == ROW => Ok(Outcome::Known),
            Err(Refused { why, .. }) if is_rejection(&why) => Ok(Outcome::Refused(why.to_string())),
            Err(Refused { why, .. }) => Err(why.into()),
        }
    }

    /// Keeps that a row was rejected, so that a later run, meeting another state, does not carry it out after all.
    /// False if an earlier run has kept it.
    async fn remember_rejected(&self, claim: Claim) -> Result<bool, ImportError> {
        let unit = TaskUnit { steps: Vec::new(), claims: vec![claim], key: None };
        let caller = self.caller(Who::User(self.importer));
        match self.commands.tasks(&caller, &unit, |_| Reply::default()).await {
            Ok(_) => Ok(true),
            Err(Refused { why: Refusal::Taken { .. }, .. }) => Ok(false),
            Err(Refused { why, .. }) => Err(why.into()),
        }
    }

    fn caller(&self, who: Who) -> Caller {
        Caller { correlation_id: self.run, ..Caller::internal(who, "import") }
    }

    /// A value is taken only for another owner, so every attempt owns its row by an id of its own.
    fn claim(&self, row: &SourceRow) -> Claim {
        let value = format!("{}:{}:{}", self.mapping.system, row.number, row.case);
        Claim { scope: ROW.into(), value, owner: Uuid::now_v7(), action: ClaimAction::Take }
    }
}

enum Outcome {
    Done(Case),
    Known,
    Refused(String),
}

impl Outcome {
    fn refused(reason: &str) -> Self {
        Self::Refused(reason.to_owned())
    }
}

fn rejected(row: &SourceRow, reason: String) -> Rejected {
    Rejected { line: row.line, case: row.case.clone(), activity: row.activity.clone(), reason }
}

fn forbidden(refusal: &Refusal) -> bool {
    use domain::{task::TaskError, user::UserError};
    matches!(refusal, Refusal::Task(TaskError::Forbidden) | Refusal::User(UserError::Forbidden))
}

/// Whether the domain has refused the row for what it says, and not because the log is away or the right is missing.
fn is_rejection(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Task(_) | Refusal::Taken { .. }) && !forbidden(refusal)
}
