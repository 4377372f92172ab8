//! Deliveries per second, each channel alone on a system of its own.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;

use super::hooks::{allowed, register, text};
use crate::{
    Failure, Settings,
    load::{self, MakeRequest},
    receivers::{Arrivals, Http, Smtp},
    report,
    system::{Stores, System},
};

/// Endpoints that get the same events: as many as take all calls that one process makes at a time.
const ENDPOINTS: u64 = 32;
/// Whom each task is given to, as many as may be.
const ASSIGNEES: u64 = 20;

/// Of each event one to every endpoint.
pub(super) async fn webhooks(stores: &Stores, settings: &Settings, deliveries: u64) -> Result<(), Failure> {
    let receiver = Http::start().await?;
    let system = System::start_with(stores, "bench_webhooks", &[allowed()]).await?;
    register(&system, &receiver, ENDPOINTS).await?;
    let events = deliveries.div_ceil(ENDPOINTS);
    load::so_many(system.address, settings.connections, events, system.create()).await?;
    arrived("webhook deliveries", &receiver.arrivals, events * ENDPOINTS).await?;
    system.stop().await
}

/// Of each event one to every assignee.
pub(super) async fn mails(stores: &Stores, settings: &Settings, deliveries: u64) -> Result<(), Failure> {
    let server = Smtp::start().await?;
    let sending = [
        ("SMTP_URL", format!("smtp://{}", server.address)),
        ("MAIL_FROM", "Taskledger <tasks@example.com>".to_owned()),
    ];
    let system = System::start_with(stores, "bench_mails", &sending).await?;
    let assign = assigning(&system, people(&system).await?);
    // Each of them was invited by mail.
    server.arrivals.reach(ASSIGNEES, 0).await?;
    server.arrivals.forget();
    let events = deliveries.div_ceil(ASSIGNEES);
    load::so_many(system.address, settings.connections, events, assign).await?;
    arrived("mails", &server.arrivals, events * ASSIGNEES).await?;
    system.stop().await
}

/// Each event once.
pub(super) async fn core_system(
    stores: &Stores,
    settings: &Settings,
    deliveries: u64,
) -> Result<(), Failure> {
    let receiver = Http::start().await?;
    let telling = [("INTERFACE_API_URL", format!("http://{}/core", receiver.address))];
    let system = System::start_with(stores, "bench_core", &telling).await?;
    load::so_many(system.address, settings.connections, deliveries, system.create()).await?;
    arrived("core system deliveries", &receiver.arrivals, deliveries).await?;
    system.stop().await
}

async fn arrived(what: &str, arrivals: &Arrivals, count: u64) -> Result<(), Failure> {
    arrivals.reach(count, 0).await?;
    report::figure(what, arrivals.rate(), "/s", None);
    Ok(())
}

async fn people(system: &System) -> Result<Vec<String>, Failure> {
    let mut people = Vec::new();
    for number in 0..ASSIGNEES {
        let person =
            json!({"email": format!("person{number}@example.com"), "name": format!("Person {number}")});
        let invited = system.command("/v1/users", None, &person).await?;
        let id = text(&invited, "id")?;
        system.command(&format!("/v1/users/{id}/verify"), None, &json!({})).await?;
        people.push(id.to_owned());
    }
    Ok(people)
}

/// Creates of tasks that are everybody's.
fn assigning(system: &System, people: Vec<String>) -> MakeRequest {
    let token = format!("Bearer {}", system.token);
    Arc::new(move |number| {
        let body = json!({"title": format!("Replace the pump in building {number}"), "assignees": people});
        Request::post("/v1/tasks")
            .header("host", "localhost")
            .header("authorization", &token)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("the request is valid")
    })
}
