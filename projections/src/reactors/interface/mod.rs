//! The core system is to hear of every change of a task that was chosen, in order for each task.
//!
//! The delivery names the event; the channel reads it from the log when it sends. Filters are judged over the task as of the
//! event, folded from the log: nothing is kept that another choice would make wrong.

mod args;
mod tasks;

use std::sync::Arc;

use domain::{
    event::EventPattern,
    filter::{EventFacts, Filter, Subject, TaskFacts},
};
use event_store::{Log, envelope::Envelope};
use futures_util::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;

use super::{Begins, ReactError, Reactor, StateError};
use crate::{channels::interface, deliveries::NewDelivery};

pub use args::{ChoiceArgs, Start};
use tasks::Tasks;

/// The reactor.
#[derive(Debug)]
pub struct ToldToCore {
    choice: Choice,
    log: Log,
}

/// Which changes go to the core system.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Events of these types, as far as they are about tasks …
    pub events: Vec<EventPattern>,
    /// … that the filter asks for, if there is one.
    pub filter: Option<Filter>,
    /// From where on, at first.
    pub begins: Begins,
}

impl ToldToCore {
    /// Reads from the log what filters ask about tasks.
    pub fn new(choice: Choice, log: Log) -> Self {
        Self { choice, log }
    }

    async fn decide(&self, events: &[Arc<Envelope>]) -> Result<Vec<NewDelivery>, StateError> {
        let Some(filter) = &self.choice.filter else {
            return Ok(events.iter().map(|at| delivery(at)).collect());
        };
        let (mut tasks, mut decided) = (Tasks::new(&self.log), Vec::new());
        for at in events {
            let task = tasks.as_of(at).await?;
            let event = EventFacts { event_type: &at.event_type, actor: at.actor_id };
            let subject = Subject { task: Some(TaskFacts::from(task)), event: Some(event), me: None };
            if filter.matches(&subject) {
                decided.push(delivery(at));
            }
        }
        Ok(decided)
    }
}

impl Reactor for ToldToCore {
    fn name(&self) -> &'static str {
        interface::NAME
    }

    fn begins(&self) -> Begins {
        self.choice.begins
    }

    fn concerns(&self, event: &Envelope) -> bool {
        let chosen = self.choice.events.iter().any(|pattern| pattern.matches(&event.event_type));
        event.aggregate_type == "task" && chosen
    }

    fn react<'a>(
        &'a self,
        _: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>> {
        Box::pin(async move { Ok(self.decide(events).await?) })
    }
}

fn delivery(at: &Envelope) -> NewDelivery {
    NewDelivery {
        event_id: at.id,
        position: at.position,
        channel: interface::NAME,
        recipient: interface::RECIPIENT.to_owned(),
        order_key: Some(at.aggregate_id.to_string()),
        due: None,
        payload: json!({ "version": at.version }),
    }
}
