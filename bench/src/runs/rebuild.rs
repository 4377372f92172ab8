//! Rebuild of the task read model beside COPY into the same table with the same indexes.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection};

use crate::{
    Failure, Settings, load, report,
    system::{Stores, System},
};

/// Creates tasks, copies their rows, then rebuilds them.
pub(crate) async fn rebuild(settings: &Settings, tasks: u64) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let system = System::start(&stores).await?;
    let mut made = 0;
    while made < tasks {
        let connections = settings.connections;
        made += load::closed_loop(system.address, connections, Duration::from_secs(2), system.create())
            .await?
            .accepted;
    }
    report::figure("tasks", made as f64, "", None);
    report::figure("drained after", system.drain().await?.as_secs_f64(), "s", None);
    let copy = copy(&system.url).await?;
    report::figure("COPY into tasks with its indexes", copy, "rows/s", None);
    let took = system.operate(&["rebuild", "tasks"]).await?;
    report::figure("rebuild of tasks", made as f64 / took.as_secs_f64(), "events/s", Some(("COPY", copy)));
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

async fn copy(url: &str) -> Result<f64, Failure> {
    let mut connection = PgConnection::connect(url).await?;
    let schema: String = sqlx::query_scalar(
        "SELECT 'read_model_v' || live_version FROM read_model.projections WHERE name = 'tasks'",
    )
    .fetch_one(&mut connection)
    .await?;
    sqlx::raw_sql(&format!("CREATE TABLE public.copied (LIKE {schema}.tasks INCLUDING ALL)"))
        .execute(&mut connection)
        .await?;
    let rows = dump(&mut connection, &schema).await?;
    let started = Instant::now();
    let mut copy = connection.copy_in_raw("COPY public.copied FROM STDIN").await?;
    for chunk in rows.chunks(1 << 20) {
        copy.send(chunk).await?;
    }
    let copied = copy.finish().await?;
    Ok(copied as f64 / started.elapsed().as_secs_f64())
}

async fn dump(connection: &mut PgConnection, schema: &str) -> Result<Vec<u8>, Failure> {
    let mut rows = Vec::new();
    let mut out = connection.copy_out_raw(&format!("COPY {schema}.tasks TO STDOUT")).await?;
    while let Some(chunk) = out.try_next().await? {
        rows.extend_from_slice(&chunk);
    }
    Ok(rows)
}
