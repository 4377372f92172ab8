//! The groups that are consumed in this process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use service::{
    audit::Ongoing,
    problem::{Code, Problem},
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    consumer::{Consumer, Joining, Message, Wishes},
    group::{self, unwritten},
    member::SPARE,
    skips::Skips,
    store::GroupStore,
};
use crate::{ReadApi, events::Selection};

/// What a group has yet to hear.
const INBOX: usize = 256;
/// A group may end while somebody comes.
const TRIES: usize = 5;

/// The groups that are consumed here, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Groups(Mutex<HashMap<Uuid, mpsc::Sender<Message>>>);

impl Groups {
    /// Consumes a group: together with others if somebody does so here already, as soon as nobody does so elsewhere.
    pub(crate) async fn join(
        &self,
        api: &ReadApi,
        who: Selection,
        name: &str,
        wishes: Wishes,
        ongoing: &Ongoing,
    ) -> Result<Consumer, Problem> {
        let store = &api.group_store;
        for _ in 0..TRIES {
            let id = store.find(who.user.0, name).await.map_err(unwritten)?.ok_or(Code::NotFound)?;
            let group = self.running(api, store, id);
            let (outlet, inlet) = mpsc::channel(wishes.max_in_flight + SPARE);
            let (answer, answered) = oneshot::channel();
            let skips = Skips::new(ongoing.clone(), id, name);
            let joining = Joining { selection: who.clone(), wishes, skips, outlet, answer };
            // One that ends does not take it, or does not answer.
            if group.send(Message::Join(joining)).await.is_ok()
                && let Ok(joined) = answered.await
            {
                return joined.map(|holder| Consumer::new(inlet, group, holder));
            }
        }
        Err(Problem::new(Code::Unavailable).retry_after(1))
    }

    /// A group was moved, or something of it was settled: whoever holds it here looks at once, elsewhere a second later.
    pub(crate) fn look_again(&self, group: Uuid) {
        let consumed = self.lock().get(&group).cloned();
        if let Some(group) = consumed {
            // One that hears so much looks soon.
            let _full = group.try_send(Message::LookAgain);
        }
    }

    fn running(&self, api: &ReadApi, store: &GroupStore, id: Uuid) -> mpsc::Sender<Message> {
        let mut running = self.lock();
        running.retain(|_, group| !group.is_closed());
        let group = running.entry(id).or_insert_with(|| {
            let (group, inbox) = mpsc::channel(INBOX);
            api.shutdown.spawn(group::run(api.clone(), store.clone(), id, inbox));
            group
        });
        group.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, mpsc::Sender<Message>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
