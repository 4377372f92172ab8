//! A bare axum handler with the SELECT that a task by id needs; sqlx's check before every acquire is off.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::Failure;

/// Serves until killed.
pub(crate) async fn serve(url: &str, port: u16) -> Result<(), Failure> {
    let pool = PgPoolOptions::new().max_connections(8).test_before_acquire(false).connect(url).await?;
    let router = Router::new().route("/{id}", get(task)).with_state(pool);
    axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, router).await?;
    Ok(())
}

async fn task(State(pool): State<PgPool>, Path(id): Path<String>) -> Result<String, StatusCode> {
    let id = Uuid::parse_str(&id).map_err(|_| StatusCode::BAD_REQUEST)?;
    sqlx::query_scalar("SELECT to_json(t)::text FROM read_model.tasks t WHERE id = $1")
        .bind(id)
        .fetch_optional(&pool)
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
        .ok_or(StatusCode::NOT_FOUND)
}
