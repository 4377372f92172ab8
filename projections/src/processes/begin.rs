//! Which events begin a process.

use std::sync::Arc;

use domain::ids::UserId;
use event_store::envelope::Envelope;
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use super::{Process, step::Step};
use crate::{
    deliveries::NewDelivery,
    reactors::{ReactError, Reactor},
};

/// The reactor.
#[derive(Debug)]
pub struct Processes;

impl Reactor for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn concerns(&self, event: &Envelope) -> bool {
        matches!(event.event_type.as_str(), "user.deactivated" | "user.erased")
    }

    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>> {
        Box::pin(async move {
            let mut steps = Vec::new();
            for event in events {
                let user = UserId(event.aggregate_id);
                begin(tables, event, "hand_over", &format!("users/{user}")).await?;
                let find = Step::FindTasks { user };
                steps.push(Process::of(event).step(
                    "find_tasks".into(),
                    &find,
                    event.correlation_id,
                    None,
                )?);
            }
            Ok(steps)
        })
    }
}

const BEGIN: &str = "
INSERT INTO processes (id, kind, subject, position) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";

async fn begin(tables: &mut PgConnection, event: &Envelope, kind: &str, subject: &str) -> sqlx::Result<()> {
    let query = sqlx::query(BEGIN).bind(event.id.0).bind(kind).bind(subject).bind(event.position);
    query.execute(tables).await.map(drop)
}
