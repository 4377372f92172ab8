//! The events that are copied: tasks of a few people with all that happens to tasks, made through the API.

use hyper::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{Failure, system::System};

/// People whose acts are copied.
const PEOPLE: usize = 8;
/// Tasks whose histories are copied; of the last few are the rare ones.
const TASKS: usize = 40;
/// Events of each that are copied, at least so many are made.
pub(super) const STEPS: u64 = 20;
const AUDITOR: &str = "auditor@example.com";
const PASSWORD: &str = "a long enough benchmark password";

/// Makes people and tasks, and tries what is refused.
pub(super) async fn make(system: &System) -> Result<(), Failure> {
    let auditor = person(system, AUDITOR).await?;
    let role = json!({"role": "auditor"});
    system.act(Method::POST, &format!("/v1/users/{auditor}/roles/grant"), None, &role).await?;
    let mut ids = Vec::new();
    for number in 0..PEOPLE {
        ids.push(person(system, &email(number)).await?);
    }
    for change in ["grant", "revoke"] {
        let path = format!("/v1/users/{}/roles/{change}", ids[0]);
        system.act(Method::POST, &path, None, &json!({"role": "announcer"})).await?;
    }
    let mut people = Vec::new();
    for (number, id) in ids.into_iter().enumerate() {
        people.push((id, login(system, &email(number), PASSWORD).await?));
    }
    for number in 0..TASKS {
        history(system, &people, number).await?;
    }
    refusals(system, &people).await
}

fn email(number: usize) -> String {
    format!("person{number}@example.com")
}

/// A token of the auditor, fresh.
pub(super) async fn auditor(system: &System) -> Result<String, Failure> {
    login(system, AUDITOR, PASSWORD).await
}

/// Waits until the read model has the last of the audit log too.
pub(super) async fn copied(system: &System) -> Result<(), Failure> {
    const BEHIND: &str = "SELECT (SELECT count(*) FROM event_store.audit_log) - (SELECT count(*) FROM read_model.audit_attempts)";
    let mut connection = PgConnection::connect(&system.url).await?;
    for _ in 0..200 {
        let behind: i64 = sqlx::query_scalar(BEHIND).fetch_one(&mut connection).await?;
        // What is recorded comes about a second later.
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        if behind == 0 {
            return Ok(());
        }
    }
    Err(Failure::NotReady("the copy of the audit log"))
}

/// Somebody who has signed up and whom the admin knows; the id.
async fn person(system: &System, email: &str) -> Result<String, Failure> {
    const ID: &str = "SELECT id::text FROM read_model.users WHERE email = $1";
    let person = json!({"email": email, "name": "Someone Who Acts", "password": PASSWORD});
    system.command("/v1/auth/register", None, &person).await?;
    system.drain().await?;
    let mut connection = PgConnection::connect(&system.url).await?;
    let id: String = sqlx::query_scalar(ID).bind(email).fetch_one(&mut connection).await?;
    system.command(&format!("/v1/users/{id}/verify"), None, &json!({})).await?;
    Ok(id)
}

async fn login(system: &System, email: &str, password: &str) -> Result<String, Failure> {
    let login = json!({"email": email, "password": password});
    let answer = system.command("/v1/auth/login", None, &login).await?;
    answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| Failure::Answer(answer.to_string()))
}

/// A task and what becomes of it. Of the last four of them one is deleted, one is about a roof.
async fn history(system: &System, people: &[(String, String)], number: usize) -> Result<(), Failure> {
    let (other, _) = &people[(number + 1) % PEOPLE];
    let (creator, token) = &people[number % PEOPLE];
    let text = "The bearing of the second pump runs hot since Monday. Order the spare part and agree a date with the tenants.";
    let task = json!({"title": format!("Replace the pump in building {number}"), "description": text,
        "labels": ["pump"], "assignees": [creator, other]});
    let created = system.command("/v1/tasks", Some(token), &task).await?;
    let task = format!("/v1/tasks/{}", created["id"].as_str().unwrap_or_default());
    let (roof, deleted) = (number == TASKS - 2, number == TASKS - 1);
    let title = if roof { "Mend the roof above the pump".to_owned() } else { format!("Pump {number}") };
    let post = Method::POST;
    let comment = |text: &str| (Method::POST, "/comments", json!({"text": text}));
    let mut acts: Vec<(Method, &str, Value)> = vec![
        comment("I have looked at it."),
        (post.clone(), "/start", json!({})),
        comment("The spare part comes on Thursday."),
        comment("The tenants agree."),
    ];
    if number.is_multiple_of(2) || roof {
        acts.push((Method::PATCH, "", json!({"title": title})));
    }
    if number.is_multiple_of(3) {
        let text = format!("{text} Access through the yard.");
        acts.push((Method::PATCH, "", json!({"description": text, "priority": "high"})));
    }
    if number.is_multiple_of(4) {
        acts.push((Method::PATCH, "", json!({"due": {"date": "2031-05-04"}})));
        acts.push((post.clone(), "/hold", json!({"reason": "Waiting for the part"})));
        acts.push((post.clone(), "/resume", json!({})));
    }
    if deleted {
        acts.push((Method::DELETE, "", Value::Null));
        acts.push((post.clone(), "/undelete", json!({})));
    }
    acts.extend([
        (post.clone(), "/progress", json!({"progress": 50})),
        comment("Half of it is done."),
        (post.clone(), "/complete", json!({})),
        (post.clone(), "/reopen", json!({"reason": "It still runs hot"})),
        comment("The other bearing too."),
    ]);
    for _ in acts.len()..STEPS as usize {
        acts.push(comment("Nothing new."));
    }
    for (index, (method, path, body)) in acts.into_iter().enumerate() {
        // Where an act needs a right, whoever made the task has it.
        let token = if path == "/comments" { &people[index % PEOPLE].1 } else { token };
        system.act(method, &format!("{task}{path}"), Some(token), &body).await?;
    }
    Ok(())
}

/// Logins that fail, acts that are not allowed, reads that are recorded. What they answer is no matter.
async fn refusals(system: &System, people: &[(String, String)]) -> Result<(), Failure> {
    for (number, (id, token)) in people.iter().enumerate() {
        let email = email(number);
        let refused = [
            login(system, &email, "not the password of that person").await.is_err(),
            system.command(&format!("/v1/users/{id}/deactivate"), Some(token), &json!({})).await.is_err(),
            system.act(Method::GET, "/v1/audit/records", Some(token), &Value::Null).await.is_err(),
            system.command("/v1/tasks", Some(token), &json!({"title": ""})).await.is_err(),
        ];
        if refused.contains(&false) {
            return Err(Failure::Answer("what should have been refused was done".to_owned()));
        }
        login(system, &email, PASSWORD).await?;
        let auditor = auditor(system).await?;
        system.act(Method::GET, "/v1/audit/records?page_size=1", Some(&auditor), &Value::Null).await?;
    }
    Ok(())
}
