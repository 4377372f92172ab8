//! What a user would otherwise write: axum, cqrs-es and postgres-es as their documentation shows, one inline view.

use std::sync::Arc;

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink, persist::GenericQuery};
use postgres_es::{PostgresCqrs, PostgresViewRepository, default_postgress_pool, postgres_cqrs};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::Failure;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct NaiveTask {
    body: Option<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum NaiveEvent {
    TaskCreated { body: serde_json::Value },
}

impl DomainEvent for NaiveEvent {
    fn event_type(&self) -> String {
        "TaskCreated".into()
    }

    fn event_version(&self) -> String {
        "1.0".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the task exists")]
struct Exists;

impl Aggregate for NaiveTask {
    const TYPE: &'static str = "task";
    type Command = serde_json::Value;
    type Event = NaiveEvent;
    type Error = Exists;
    type Services = ();

    async fn handle(
        &mut self,
        body: serde_json::Value,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        if self.body.is_some() {
            return Err(Exists);
        }
        sink.write(NaiveEvent::TaskCreated { body }, self).await;
        Ok(())
    }

    fn apply(&mut self, NaiveEvent::TaskCreated { body }: NaiveEvent) {
        self.body = Some(body);
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct NaiveView {
    body: Option<serde_json::Value>,
}

impl cqrs_es::View<NaiveTask> for NaiveView {
    fn update(&mut self, event: &cqrs_es::EventEnvelope<NaiveTask>) {
        let NaiveEvent::TaskCreated { body } = &event.payload;
        self.body = Some(body.clone());
    }
}

type NaiveQuery = GenericQuery<PostgresViewRepository<NaiveView, NaiveTask>, NaiveView, NaiveTask>;

/// Serves until killed.
pub(crate) async fn serve(url: &str, port: u16) -> Result<(), Failure> {
    let pool = default_postgress_pool(url).await;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS events (aggregate_type text, aggregate_id text, sequence bigint, event_type text NOT NULL,
         event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence));
         CREATE TABLE IF NOT EXISTS task_view (view_id text PRIMARY KEY, version bigint NOT NULL, payload json NOT NULL)",
    )
    .execute(&pool)
    .await?;
    let views = Arc::new(PostgresViewRepository::new("task_view", pool.clone()));
    let cqrs = Arc::new(postgres_cqrs(pool, vec![Box::new(NaiveQuery::new(views))], ()));
    let router = Router::new().route("/", post(create)).with_state(cqrs);
    axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, router).await?;
    Ok(())
}

async fn create(State(cqrs): State<Arc<PostgresCqrs<NaiveTask>>>, body: Bytes) -> StatusCode {
    let Ok(body) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    match cqrs.execute(&Uuid::now_v7().to_string(), body).await {
        Ok(()) => StatusCode::CREATED,
        Err(_) => StatusCode::CONFLICT,
    }
}
