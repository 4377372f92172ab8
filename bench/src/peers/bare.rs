//! The ceiling: a bare axum handler that parses the body and hands it to one writer task, which puts everything waiting
//! into one INSERT. No aggregate, no authentication, no receipt, no conflict per command.

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use sqlx::{Connection, PgConnection};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use uuid::Uuid;

use crate::Failure;

const BATCH: usize = 64;

struct Append {
    payload: String,
    done: oneshot::Sender<()>,
}

/// Serves until killed.
pub(crate) async fn serve(url: &str, port: u16) -> Result<(), Failure> {
    let mut connection = PgConnection::connect(url).await?;
    create_table(&mut connection).await?;
    let (sender, receiver) = mpsc::channel(1024);
    tokio::spawn(write(connection, receiver));
    let router = Router::new().route("/", post(create)).with_state(sender);
    axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, router).await?;
    Ok(())
}

async fn create(State(writer): State<mpsc::Sender<Append>>, body: Bytes) -> (StatusCode, String) {
    let Ok(payload) = serde_json::from_slice::<serde_json::Value>(&body) else {
        return (StatusCode::BAD_REQUEST, String::new());
    };
    let (done, committed) = oneshot::channel();
    if writer.send(Append { payload: payload.to_string(), done }).await.is_err() || committed.await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    (StatusCode::CREATED, payload.to_string())
}

async fn write(mut connection: PgConnection, mut appends: mpsc::Receiver<Append>) -> Result<(), sqlx::Error> {
    let mut batch = Vec::with_capacity(BATCH);
    while appends.recv_many(&mut batch, BATCH).await > 0 {
        let (ids, payloads): (Vec<_>, Vec<_>) =
            batch.iter().map(|append| (Uuid::now_v7().to_string(), append.payload.as_str())).unzip();
        sqlx::query(
            "INSERT INTO bare_events SELECT 'task', id, 1, 'TaskCreated', '1', payload::json, '{}' FROM unnest($1::text[], $2::text[]) AS e(id, payload)",
        )
        .bind(ids)
        .bind(payloads)
        .execute(&mut connection)
        .await?;
        for append in batch.drain(..) {
            // A caller who has gone needs no answer.
            let _answered = append.done.send(());
        }
    }
    Ok(())
}

async fn create_table(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS bare_events (aggregate_type text, aggregate_id text, sequence bigint, event_type text NOT NULL,
         event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence))",
    )
    .execute(connection)
    .await?;
    Ok(())
}
