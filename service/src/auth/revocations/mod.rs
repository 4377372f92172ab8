//! What was revoked lately: in the memory of every process, so that each request and each open stream is checked.
//!
//! The truth is in Postgres, written with the act that revokes. Every process reads it once a second, and at once when
//! another one hints at it; a hint may be lost or made up. What this process revokes itself it knows without asking.

mod follow;
mod listeners;
mod set;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::Utc;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use uuid::Uuid;

pub use self::{follow::Truth, set::Revoked};
use self::{listeners::Listeners, set::Set};
use super::{Principal, TokenError};

/// How long a revocation is remembered: an access token lives 600 s, clocks differ by 30 s, and one that was being made
/// while it was revoked is out after the 30 s that a request may take.
const REMEMBERED: Duration = Duration::from_secs(720);
/// A dropped key signs tokens of any age in the hands of a thief; by then no verifier knows it any more.
const KEYS_REMEMBERED: Duration = Duration::from_secs(2 * 24 * 3600);
/// Nobody is let in on a set that is older than this; see docs/decisions/revocation.md.
pub const MAX_SILENCE: Duration = Duration::from_secs(10);

/// The revocations of the last minutes. Cheap to clone; a process has one.
#[derive(Clone, Debug)]
pub struct Revocations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    set: RwLock<Set>,
    begun: Instant,
    /// Milliseconds after `begun` until which the set is believed.
    good_until: AtomicU64,
    /// Something was revoked, or the set is believed again.
    changed: watch::Sender<()>,
    dropped_keys: watch::Sender<()>,
    /// There is something to read.
    look: Notify,
    /// There is something that others should read.
    tell: Notify,
    followed: AtomicBool,
    heard: AtomicBool,
    listeners: Listeners,
}

impl Default for Revocations {
    /// Nothing is known yet, so nobody is let in.
    fn default() -> Self {
        Self(Arc::new(Inner {
            set: RwLock::default(),
            begun: Instant::now(),
            good_until: AtomicU64::new(0),
            changed: watch::Sender::default(),
            dropped_keys: watch::Sender::default(),
            look: Notify::new(),
            tell: Notify::new(),
            followed: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            listeners: Listeners::default(),
        }))
    }
}

impl Revocations {
    /// Whether a token that was good when it was signed is good now.
    pub fn check(&self, principal: &Principal) -> Result<(), TokenError> {
        if !self.are_known() {
            return Err(TokenError::RevocationsUnknown);
        }
        self.0.set.read().unwrap_or_else(PoisonError::into_inner).judge(principal)
    }

    /// Resolves when the token or key is no longer good, with the reason that a request with it would be given: what an open
    /// stream waits for. A key is looked up anew when its user's rights have changed, so `Stale` ends its streams too.
    pub async fn ended(&self, principal: &Principal) -> TokenError {
        let mut changes = self.0.changed.subscribe();
        let left = principal.believed_until() - Utc::now();
        let end = Instant::now() + left.to_std().unwrap_or_default();
        loop {
            changes.mark_unchanged();
            if let Err(refusal) = self.check(principal) {
                return refusal;
            }
            tokio::select! {
                () = sleep_until(end) => return principal.outlived(),
                () = sleep_until(self.good_until()) => {}
                changed = changes.changed() => drop(changed),
            }
        }
    }

    /// Takes in what this process has revoked, and lets the others know. Call it after the commit.
    pub fn announce(&self, revoked: impl IntoIterator<Item = Revoked>) {
        if self.take_in(revoked.into_iter().map(|one| (one, Duration::ZERO))) {
            self.0.tell.notify_one();
        }
    }

    /// Calls this with every user whose rights have changed lately, somewhere, each time that it is news: what was remembered of
    /// them may be true no more. At once for what this process does, else a second later.
    pub fn on_change_of_rights(&self, listener: impl Fn(Uuid) + Send + Sync + 'static) {
        self.0.listeners.add(listener);
    }

    /// Changes when a signing key was dropped somewhere.
    pub fn dropped_keys(&self) -> watch::Receiver<()> {
        self.0.dropped_keys.subscribe()
    }

    /// Waits until the set was read once.
    async fn loaded(&self) {
        let mut changes = self.0.changed.subscribe();
        while !self.are_known() {
            changes.changed().await.unwrap_or_default();
        }
    }

    /// Whether the set is of the last seconds.
    pub fn are_known(&self) -> bool {
        Instant::now() < self.good_until()
    }

    fn good_until(&self) -> Instant {
        self.0.begun + Duration::from_millis(self.0.good_until.load(Ordering::Acquire))
    }

    /// All that was revoked before `at` is in the set.
    fn known_as_of(&self, at: Instant) {
        let was_known = self.are_known();
        let until = (at + MAX_SILENCE).saturating_duration_since(self.0.begun);
        self.0.good_until.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
        if !was_known {
            self.0.changed.send_replace(());
        }
    }

    /// Adds what was revoked so long ago. Was any of it news?
    fn take_in(&self, revoked: impl Iterator<Item = (Revoked, Duration)>) -> bool {
        let now = Instant::now();
        let (mut news, mut dropped) = (false, false);
        let mut users = Vec::new();
        {
            let mut set = self.0.set.write().unwrap_or_else(PoisonError::into_inner);
            set.forget(now);
            for (one, age) in revoked {
                let is_key = matches!(one, Revoked::Key(_));
                let span = if is_key { KEYS_REMEMBERED } else { REMEMBERED };
                let user = one.user();
                let new = span > age && set.add(one, now + span.saturating_sub(age));
                users.extend(user.filter(|_| new));
                news |= new;
                dropped |= new && is_key;
            }
        }
        self.0.listeners.tell(&users);
        if news {
            self.0.changed.send_replace(());
        }
        if dropped {
            self.0.dropped_keys.send_replace(());
        }
        news
    }

    /// Nothing is revoked, for ever.
    #[cfg(feature = "testing")]
    pub(super) fn none() -> Self {
        let revocations = Self::default();
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        revocations.0.good_until.store(century.as_millis() as u64, Ordering::Release);
        revocations
    }
}

#[cfg(test)]
mod tests;
