//! Lists of tasks as of a moment, beside one of them by id.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use sqlx::{Connection, PgConnection};

use crate::{
    Failure, Settings,
    load::{self, MakeRequest},
    report,
    system::{Peer, Stores, System},
};

/// Lists that are asked one after the other, so that each has the machine for itself.
const LISTS: [(&str, &str); 7] = [
    ("newest first", ""),
    ("by status", "&status=in_progress"),
    ("by assignee", "&assignee=me"),
    ("by creator and status", "&creator=me&status=waiting"),
    ("by key", "&sort=key"),
    ("50 of those updated in a span", "&updated_from=2020-01-01&sort=update_time"),
    ("with an expression", "&filter=status%3Dwaiting%20OR%20priority%3Dhigh"),
];
/// From the beginning of the log to its end.
const MOMENTS: u64 = 97;

/// Makes tasks, starts every other one, and asks for lists as of all times.
pub(crate) async fn as_of(settings: &Settings, tasks: u64) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let mut system = System::start(&stores).await?;
    fill(settings, &mut system, tasks).await?;
    let mut connection = PgConnection::connect(&system.url).await?;
    let ids = ids(&mut connection, 20_000).await?;
    let bare = by_id(settings, &system, ids).await?;
    let head: i64 =
        sqlx::query_scalar("SELECT max(position) FROM event_store.events").fetch_one(&mut connection).await?;
    for (name, query) in LISTS {
        let token = format!("Bearer {}", system.token);
        let list: MakeRequest = Arc::new(move |number| {
            let position = head.cast_unsigned() * (number % MOMENTS + 1) / MOMENTS;
            let request =
                Request::get(format!("/v1/tasks?as_of={position}{query}")).header("host", "localhost");
            request.header("authorization", &token).body(Full::default()).expect("valid")
        });
        let run =
            load::closed_loop(system.address, 1, Duration::from_secs(settings.seconds.min(10)), list).await?;
        let name = format!("list as of, {name}");
        report::figure(&format!("{name}, p50"), run.millis(0.5), "ms", Some(("SELECT by id, p50", bare.0)));
        report::figure(&format!("{name}, p99"), run.millis(0.99), "ms", Some(("SELECT by id, p99", bare.1)));
        if run.refused > 0 {
            report::figure(&format!("{name}, refused"), run.refused as f64, "answers", None);
        }
    }
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

async fn fill(settings: &Settings, system: &mut System, tasks: u64) -> Result<(), Failure> {
    let mut made = 0;
    while made < tasks {
        let duration = Duration::from_secs(2);
        made += load::closed_loop(system.address, settings.connections, duration, system.create())
            .await?
            .accepted;
    }
    report::figure("tasks", made as f64, "", None);
    report::figure("drained after", system.drain().await?.as_secs_f64(), "s", None);
    system.log_in_anew().await?;
    let ids = ids(&mut PgConnection::connect(&system.url).await?, made / 2).await?;
    let started = ids.len();
    let token = format!("Bearer {}", system.token);
    let start: MakeRequest = Arc::new(move |number| {
        let id = &ids[number as usize % ids.len()];
        Request::post(format!("/v1/tasks/{id}/start"))
            .header("host", "localhost")
            .header("authorization", &token)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(b"{}")))
            .expect("valid")
    });
    let run = load::so_many(system.address, settings.connections, started as u64, start).await?;
    report::figure("tasks started", run.accepted as f64, "", None);
    report::figure("drained again after", system.drain().await?.as_secs_f64(), "s", None);
    system.log_in_anew().await
}

async fn ids(connection: &mut PgConnection, limit: u64) -> Result<Arc<Vec<String>>, Failure> {
    let sql = "SELECT id::text FROM read_model.tasks ORDER BY md5(id::text) LIMIT $1";
    let ids: Vec<String> = sqlx::query_scalar(sql).bind(limit.cast_signed()).fetch_all(connection).await?;
    Ok(Arc::new(ids))
}

/// p50 and p99 of a bare handler with a SELECT by id, one request at a time.
async fn by_id(settings: &Settings, system: &System, ids: Arc<Vec<String>>) -> Result<(f64, f64), Failure> {
    let peer = Peer::start("select", &system.url).await?;
    let select: MakeRequest = Arc::new(move |number| {
        let id = &ids[number as usize % ids.len()];
        Request::get(format!("/{id}")).header("host", "localhost").body(Full::default()).expect("valid")
    });
    let duration = Duration::from_secs(settings.seconds.min(10));
    let run = load::closed_loop(peer.address, 1, duration, select).await?;
    report::run("bare handler, SELECT by id", &run, None);
    Ok((run.millis(0.5), run.millis(0.99)))
}
