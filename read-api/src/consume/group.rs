//! The task of a group: it reads on, hands out, hears what has become of it and writes that down, until nobody consumes it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use event_store::envelope::Envelope;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use service::problem::{Code, Problem};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

use super::{
    consumer::{Joining, Message, Settled},
    listed::Changes,
    member::Member,
    store::{GroupStore, Kept},
    window::{Holder, Window},
};
use crate::{
    ReadApi,
    events::{Place, Selection, Subscription, unread},
};

/// A process that says nothing for so long holds a group no more.
const LEASE: Duration = Duration::from_secs(10);
/// Who comes while another process holds the group, or has died with it, waits as long as that.
const PATIENCE: Duration = Duration::from_secs(15);
const TRY_AGAIN: Duration = Duration::from_millis(200);
/// How often a group is written down when nothing changes …
const RENEWAL: Duration = Duration::from_secs(1);
/// … and how long a change waits for others.
const GATHERING: Duration = Duration::from_millis(50);
/// Longest time for one writing.
const WRITING: Duration = Duration::from_secs(3);
/// Events that are read at once.
const BATCH: usize = 256;
/// What is tried again without a wish waits so long the first time, and doubly so each time after, to a bound.
const BACKOFF: TimeDelta = TimeDelta::seconds(1);
const MAX_DOUBLINGS: i32 = 8;

/// A group that this process holds.
pub(super) struct Group {
    api: ReadApi,
    store: GroupStore,
    held: (Uuid, i64),
    held_until: Instant,
    revision: i64,
    log_epoch: Uuid,
    selection: Selection,
    window: Window,
    members: BTreeMap<Holder, Member>,
    gone: FuturesUnordered<BoxFuture<'static, Holder>>,
    newest: Holder,
    /// Where the log ended when that was reached, after the newest one came.
    end: Option<i64>,
    /// The position as it was written last.
    written: i64,
    write_at: Instant,
    gathering: bool,
}

/// Runs a group for the first one who comes, and for whoever comes while it runs.
pub(super) async fn run(api: ReadApi, store: GroupStore, id: Uuid, mut inbox: mpsc::Receiver<Message>) {
    let first = loop {
        match inbox.recv().await {
            Some(Message::Join(first)) => break first,
            Some(Message::Settled(..) | Message::LookAgain) => {}
            None => return,
        }
    };
    match open(api, store, id, &first.selection).await {
        Ok((mut group, subscription)) => {
            group.join(first);
            group.run(subscription, inbox).await;
        }
        // Who is gone need not know.
        Err(problem) => drop(first.answer.send(Err(problem))),
    }
}

async fn open(
    api: ReadApi,
    store: GroupStore,
    id: Uuid,
    who: &Selection,
) -> Result<(Group, Subscription), Problem> {
    let begun = Instant::now();
    let kept = hold(&store, id).await?;
    let selection = Selection { interest: kept.interest.0.clone(), ..who.clone() };
    match read(&api, &store, &kept, &selection).await {
        Ok((window, subscription)) => {
            Ok((Group::new(api, store, kept, selection, window, begun), subscription))
        }
        Err(problem) => {
            let standing = Window::new(kept.position, kept.finished, Vec::new()).standing();
            let_go(&store, (kept.id, kept.epoch), &standing).await;
            Err(problem)
        }
    }
}

/// Waits until nobody else holds the group.
async fn hold(store: &GroupStore, id: Uuid) -> Result<Kept, Problem> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(kept) = store.hold(id, LEASE).await.map_err(unwritten)? {
            return Ok(kept);
        }
        if Instant::now() >= until {
            return Err(Problem::new(Code::GroupInUse).retry_after(LEASE.as_secs()));
        }
        sleep(TRY_AGAIN).await;
    }
}

async fn read(
    api: &ReadApi,
    store: &GroupStore,
    kept: &Kept,
    selection: &Selection,
) -> Result<(Window, Subscription), Problem> {
    let listed = store.listed(kept.id).await.map_err(unwritten)?;
    let (after, epoch) = (Some(kept.position), Some(kept.log_epoch));
    let subscription = Subscription::open(api, selection.clone(), after, epoch).await?;
    Ok((Window::new(kept.position, kept.finished.clone(), listed), subscription))
}

/// Lets others have the group at once. If that fails they wait for the lease to run out.
async fn let_go(store: &GroupStore, held: (Uuid, i64), standing: &Changes) {
    match timeout(WRITING, store.keep(held, Duration::ZERO, standing, 0)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a group cannot be let go"),
        Err(_) => tracing::debug!("a group cannot be let go in time"),
    }
}

impl Group {
    fn new(
        api: ReadApi,
        store: GroupStore,
        kept: Kept,
        selection: Selection,
        window: Window,
        begun: Instant,
    ) -> Self {
        Self {
            api,
            store,
            held: (kept.id, kept.epoch),
            held_until: begun + LEASE,
            revision: kept.revision,
            log_epoch: kept.log_epoch,
            selection,
            window,
            members: BTreeMap::new(),
            gone: FuturesUnordered::new(),
            newest: 0,
            end: None,
            written: kept.position,
            write_at: begun + RENEWAL,
            gathering: false,
        }
    }

    async fn run(mut self, mut subscription: Subscription, mut inbox: mpsc::Receiver<Message>) {
        let end = self.go_on(&mut subscription, &mut inbox).await;
        // Who comes from now on begins anew.
        inbox.close();
        if let Err(problem) = end {
            tracing::debug!(group = %self.held.0, %problem, "a group comes to its end");
            self.members.values_mut().for_each(|member| member.close(problem.clone()));
        }
        self.members.keys().copied().collect::<Vec<_>>().into_iter().for_each(|holder| self.leave(holder));
        let_go(&self.store, self.held, &self.window.standing()).await;
    }

    /// Until nobody consumes it any more, or it cannot be held.
    async fn go_on(
        &mut self,
        subscription: &mut Subscription,
        inbox: &mut mpsc::Receiver<Message>,
    ) -> Result<(), Problem> {
        let mut newest = self.newest;
        loop {
            if newest != self.newest {
                // Whoever has come is told when all that there is by now is out.
                newest = self.newest;
                self.end = None;
                subscription.look_for_the_end();
            }
            self.wake();
            self.hand_out().await?;
            if self.members.is_empty() {
                return Ok(());
            }
            if self.window.is_stuck() {
                return Err(Code::GroupFull.into());
            }
            self.tell();
            let (room, wakes_at) = (self.window.has_room(), self.window.wakes_at());
            let write_at = self.write_at();
            tokio::select! {
                biased;
                () = sleep_until(write_at) => self.write().await?,
                // What somebody has said before they went counts.
                Some(message) = inbox.recv() => self.hear(message),
                Some(holder) = self.gone.next() => self.leave(holder),
                () = until(wakes_at) => {}
                next = subscription.next(BATCH), if room => {
                    let next = next?;
                    next.events.into_iter().for_each(|event| self.window.take(event));
                    self.window.looked_up_to(next.up_to);
                    self.end = self.end.or(next.caught_up.then_some(next.up_to));
                }
            }
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Join(joining) => self.join(joining),
            Message::Settled(holder, settled) => self.settle(holder, settled),
            Message::LookAgain => self.write_at = Instant::now(),
        }
    }

    /// All who share a group see the same of it.
    fn join(&mut self, joining: Joining) {
        let Joining { selection, wishes, skips, outlet, answer } = joining;
        let ours = &mut self.selection;
        if (selection.roles, selection.scopes) != (ours.roles, ours.scopes) {
            let refused = Problem::new(Code::GroupInUse).retry_after(LEASE.as_secs());
            return drop(answer.send(Err(refused)));
        }
        ours.since = ours.since.max(selection.since);
        self.newest += 1;
        let (holder, gone) = (self.newest, outlet.clone());
        self.members.insert(holder, Member::new(outlet, wishes, skips, self.written));
        self.gone.push(async move { gone.closed().await }.map(move |()| holder).boxed());
        // Who has gone meanwhile is heard of.
        drop(answer.send(Ok(holder)));
    }

    fn settle(&mut self, who: Holder, settled: Settled) {
        let now = Utc::now();
        match settled {
            Settled::Done(positions) => {
                for position in positions {
                    let holder = self.window.finish(position);
                    self.forget(holder, position);
                }
            }
            Settled::Again { position, delay, reason } => {
                if self.take_from(who, position) {
                    let delay = delay.and_then(|delay| TimeDelta::from_std(delay).ok());
                    let delay = delay.unwrap_or_else(|| backoff(self.window.attempts(position)));
                    self.window.again(position, now + delay, reason);
                }
            }
            Settled::Parked { position, reason } => {
                if self.take_from(who, position) {
                    self.window.park(position, now, reason);
                }
            }
            Settled::Skipped { position, reason } => {
                if self.take_from(who, position) {
                    tracing::info!(group = %self.held.0, position, reason, "a consumer skips an event");
                    self.window.skip(position);
                    if let Some(member) = self.members.get_mut(&who) {
                        member.has_skipped(position);
                    }
                }
            }
        }
    }

    /// Whether this one has the event, and no longer so.
    fn take_from(&mut self, who: Holder, position: i64) -> bool {
        let has = self.window.holder(position) == Some(who);
        self.forget(Some(who).filter(|_| has), position);
        has
    }

    fn forget(&mut self, holder: Option<Holder>, position: i64) {
        if let Some(member) = holder.and_then(|holder| self.members.get_mut(&holder)) {
            member.forget(position);
        }
    }

    fn leave(&mut self, holder: Holder) {
        let Some(member) = self.members.remove(&holder) else { return };
        let now = Utc::now();
        for position in member.has() {
            self.window.again(position, now, Some("the consumer has gone".to_owned()));
        }
    }

    fn wake(&mut self) {
        for (holder, position) in self.window.wake(Utc::now()) {
            self.forget(Some(holder), position);
        }
    }

    async fn hand_out(&mut self) -> Result<(), Problem> {
        while let Some(position) = self.window.next() {
            let free = self.members.iter().filter(|(_, member)| member.is_free());
            let Some((&holder, _)) = free.min_by_key(|(_, member)| member.has().len()) else { break };
            let event = event(&self.api, self.window.event(position), position).await?;
            let sees = self.selection.sees(&self.api.following, &event).await.map_err(unread)?;
            if !sees {
                self.window.pass_over(position);
                continue;
            }
            let Some(member) = self.members.get_mut(&holder) else { break };
            let attempt = self.window.hand_out(position, holder, Utc::now() + member.patience());
            member.give(event, attempt);
        }
        Ok(())
    }

    /// Says how far it has come.
    fn tell(&mut self) {
        let at = |after| Place { after, epoch: self.log_epoch };
        let (written, position) = (at(self.written), at(self.window.position()));
        self.members.values_mut().for_each(|member| member.checkpoint(written));
        let end = self.end.filter(|_| self.members.values().any(|member| !member.knows_all()));
        if end.is_some_and(|end| self.window.was_out(end)) {
            self.members.values_mut().for_each(|member| member.caught_up(position));
        }
    }

    /// When to write next.
    fn write_at(&mut self) -> Instant {
        if !self.gathering && self.window.is_changed() {
            self.gathering = true;
            self.write_at = self.write_at.min(Instant::now() + GATHERING);
        }
        self.write_at
    }

    async fn write(&mut self) -> Result<(), Problem> {
        let (begun, changes) = (Instant::now(), self.window.standing());
        let in_flight = self.members.values().map(|member| member.has().len()).sum();
        let writing = self.store.keep(self.held, LEASE, &changes, in_flight);
        match timeout(WRITING, writing).await {
            Ok(Ok(Some(revision))) => {
                self.window.kept();
                self.members.values_mut().for_each(Member::tell_of_skips);
                (self.written, self.held_until) = (changes.position, begun + LEASE);
                (self.write_at, self.gathering) = (begun + RENEWAL, false);
                self.reconcile(revision).await;
                Ok(())
            }
            Ok(Ok(None)) => Err(Code::GroupMoved.into()),
            _ if Instant::now() < self.held_until => {
                self.write_at = Instant::now() + TRY_AGAIN;
                Ok(())
            }
            Ok(Err(error)) => Err(unwritten(error)),
            Err(_) => Err(Code::Unavailable.into()),
        }
    }

    /// Takes in what others have settled, or tries so again with the next writing.
    async fn reconcile(&mut self, revision: i64) {
        if revision == self.revision {
            return;
        }
        match self.store.listed(self.held.0).await {
            Ok(listed) => {
                self.window.reconcile(&listed);
                self.revision = revision;
            }
            Err(error) => tracing::debug!(%error, "what is listed cannot be read"),
        }
    }
}

/// The event, which may have to be read again.
async fn event(
    api: &ReadApi,
    at_hand: Option<Arc<Envelope>>,
    position: i64,
) -> Result<Arc<Envelope>, Problem> {
    if let Some(event) = at_hand {
        return Ok(event);
    }
    let recorded = api.following.log().event_at(position).await.map_err(unread)?;
    let recorded = recorded.ok_or(Code::PositionExpired)?;
    Envelope::try_from(recorded).map(Arc::new).map_err(Problem::internal)
}

fn backoff(attempts: i32) -> TimeDelta {
    BACKOFF * 2_i32.pow(attempts.saturating_sub(1).clamp(0, MAX_DOUBLINGS).unsigned_abs())
}

/// Resolves then; never without a time.
async fn until(at: Option<DateTime<Utc>>) {
    match at {
        Some(at) => sleep((at - Utc::now()).to_std().unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

pub(super) fn unwritten(error: sqlx::Error) -> Problem {
    Problem::new(Code::Unavailable).caused_by(error).retry_after(1)
}
