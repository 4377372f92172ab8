//! Task by id, authenticated, beside a bare handler with the same SELECT.

use std::{sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::Request;

use crate::{
    Failure, Settings,
    load::{self, Connection, MakeRequest},
    report,
    system::{Peer, Stores, System},
};

const TASKS: u64 = 20_000;

/// Both at full speed on the same rows.
pub(crate) async fn reads(settings: &Settings) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let system = System::start(&stores).await?;
    let ids = Arc::new(tasks(&system).await?);
    system.drain().await?;

    let peer = Peer::start("select", &system.url).await?;
    let known = ids.clone();
    let select: MakeRequest = Arc::new(move |number| {
        let id = &known[number as usize % known.len()];
        Request::get(format!("/{id}")).header("host", "localhost").body(Full::default()).expect("valid")
    });
    let duration = Duration::from_secs(settings.seconds);
    let bare = load::closed_loop(peer.address, settings.connections, duration, select).await?;
    report::run("bare handler, SELECT by id", &bare, None);

    let token = format!("Bearer {}", system.token);
    let by_id: MakeRequest = Arc::new(move |number| {
        let id = &ids[number as usize % ids.len()];
        let request = Request::get(format!("/v1/tasks/{id}")).header("host", "localhost");
        request.header("authorization", &token).body(Full::default()).expect("valid")
    });
    let ours = load::closed_loop(system.address, settings.connections, duration, by_id).await?;
    report::run("task by id, authenticated", &ours, Some(("bare handler", bare.rate())));
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

async fn tasks(system: &System) -> Result<Vec<String>, Failure> {
    let mut connection = Connection::open(system.address).await?;
    let create = system.create();
    let mut ids = Vec::new();
    for number in 0..TASKS {
        let (_, body) = connection.send(create(number)).await?;
        let created: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| Failure::Answer(error.to_string()))?;
        ids.extend(created["id"].as_str().map(str::to_owned));
    }
    Ok(ids)
}
