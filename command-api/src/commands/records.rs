//! Commands on aggregates that stand alone: rules, webhooks, announcements, inboxes.

use std::collections::BTreeSet;

use domain::{
    ids::UserId,
    record::{Bound, Circumstances, Record, RecordError},
    user::User,
};
use event_store::{AggregateRef, Claim, ClaimAction, Loaded, LogError};
use uuid::Uuid;

use super::{Answer, Caller, Commands, Precondition, ReceiptKey, Refusal, Refused, Reply, claims, user_ref};
use crate::{
    aggregates::{Remembered, Trust},
    draft::{Draft, Stream},
    execute::{Plan, execute},
};

/// One command on one record.
#[derive(Clone, Debug)]
pub(crate) struct RecordUnit<R: Record> {
    /// Which one.
    pub(crate) id: Uuid,
    /// What is wished.
    pub(crate) command: R::Command,
    /// When it may be done; `Base` is for tasks and holds always.
    pub(crate) precondition: Precondition,
    /// Where the answer is kept.
    pub(crate) key: Option<ReceiptKey>,
}

/// What a command has made of a record.
#[derive(Debug)]
pub(crate) struct RecordDone<R: Record> {
    /// Which one.
    pub(crate) id: Uuid,
    /// As it stands now.
    pub(crate) record: R,
    /// What happened; nothing if it was already so.
    pub(crate) events: Vec<R::Event>,
}

impl Commands {
    /// Executes one command; `reply` says what the client is told.
    pub(crate) async fn record<R>(
        &self,
        caller: &Caller,
        unit: &RecordUnit<R>,
        reply: impl Fn(&RecordDone<R>) -> Reply + Send + Sync,
    ) -> Result<Answer, Refusal>
    where
        R: Record + Remembered,
    {
        let _turn = self.0.locks.turn(AggregateRef { kind: R::TYPE, id: unit.id }).await?;
        let plan = RecordPlan { commands: self, caller, unit, reply: &reply };
        let written = execute(&self.0.aggregates, &self.0.appender, &plan).await;
        written.map(Answer::from).map_err(|refused| refused.why)
    }
}

struct RecordPlan<'a, R: Record, F> {
    commands: &'a Commands,
    caller: &'a Caller,
    unit: &'a RecordUnit<R>,
    reply: &'a F,
}

impl<R, F> Plan for RecordPlan<'_, R, F>
where
    R: Record + Remembered,
    F: Fn(&RecordDone<R>) -> Reply + Send + Sync,
{
    type Aggregate = R;

    fn caller(&self) -> &Caller {
        self.caller
    }

    async fn decide(&self, trust: Trust) -> Result<Draft<R>, Refused> {
        let unit = self.unit;
        let mut draft = Draft::new();
        let around = self.circumstances(&mut draft, trust).await?;
        let loaded = self.load(trust).await?;
        let before = loaded.aggregate.holds();
        let mut stream = Stream::open(unit.id, loaded, self.caller.now, |time| {
            self.caller.metadata(time, self.commands.node())
        })?;
        stream.state.authorise(&unit.command, &around).map_err(Refusal::from)?;
        unit.precondition.check_user(stream.state.version())?;
        let events = stream.handle(unit.command.clone(), &around).await.map_err(Refusal::from)?.to_vec();
        if R::is_new(&unit.command) {
            self.must_have_room(&stream.state).await?;
        }
        draft.claims = moved(before, stream.state.holds(), unit.id);
        draft.reply = (self.reply)(&RecordDone { id: unit.id, record: stream.state.clone(), events });
        draft.receipt = unit.key.as_ref().map(|key| key.receipt(&draft.reply));
        draft.streams.push(stream);
        Ok(draft)
    }
}

impl<R, F> RecordPlan<'_, R, F>
where
    R: Record + Remembered,
{
    async fn load(&self, trust: Trust) -> Result<Loaded<R>, Refusal> {
        if R::is_new(&self.unit.command) && trust == Trust::Guess {
            return Ok(Loaded { aggregate: R::default(), version: 0, occurred_at: None });
        }
        Ok((*self.commands.0.aggregates.get::<R>(self.unit.id, trust).await?).clone())
    }

    /// Of several that are made at the same instant none counts the others.
    async fn must_have_room(&self, made: &R) -> Result<(), Refusal> {
        let Some(Bound { scope, prefix, most }) = made.bound() else { return Ok(()) };
        const SQL: &str =
            "SELECT count(*) FROM event_store.unique_claims WHERE scope = $1 AND starts_with(value, $2)";
        let query = sqlx::query_scalar(SQL).bind(scope).bind(prefix);
        let there: i64 = query.fetch_one(self.commands.0.log.pool()).await.map_err(LogError::from)?;
        if there < most.into() { Ok(()) } else { Err(RecordError::TooMany { most }.into()) }
    }

    async fn circumstances(&self, draft: &mut Draft<R>, trust: Trust) -> Result<Circumstances, Refusal> {
        let aggregates = &self.commands.0.aggregates;
        let (actor, guard) = self.caller.actor(aggregates, trust).await?;
        draft.guards.extend(guard.map(|guard| (guard.aggregate, guard.sequence)));
        let mut active = BTreeSet::new();
        for id in BTreeSet::<UserId>::from_iter(R::users(&self.unit.command)) {
            let user = aggregates.get::<User>(id.0, trust).await?;
            draft.guards.insert(user_ref(id), user.version);
            active.extend(user.aggregate.is_active().then_some(id));
        }
        Ok(Circumstances { id: self.unit.id, actor, now: self.caller.now, active })
    }
}

/// The claims that go with another value that only one may hold.
fn moved(
    before: Option<(&'static str, String)>,
    after: Option<(&'static str, String)>,
    owner: Uuid,
) -> Vec<Claim> {
    if before == after {
        return Vec::new();
    }
    let claim = |held: Option<(&'static str, String)>, action| {
        held.map(|(scope, value)| claims::claim(scope, value, owner, action))
    };
    claim(before, ClaimAction::Release).into_iter().chain(claim(after, ClaimAction::Take)).collect()
}
