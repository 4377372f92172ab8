//! An announcement on its way from who writes it to those who are told, whatever dies meanwhile.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Answer, Client, PASSWORD},
    process::{Up, directory, get},
    system::{PATIENCE, within},
};

fn start(data: &std::path::Path) -> Up {
    Up::start_with(data, |command| {
        command.env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
    })
}

async fn log_in(up: &Up, email: &str) -> Client {
    let mut client = Client::new(&up.url);
    client.log_in(email).await.unwrap();
    client
}

/// Somebody new, by id.
async fn person(up: &Up, root: &Client, name: &str) -> String {
    let new = json!({"email": format!("{name}@example.org"), "name": name, "password": PASSWORD});
    Client::new(&up.url).post("/v1/auth/register", &new).await.unwrap().expect(202);
    let mut id = String::new();
    let there = within(PATIENCE, async || {
        let found = root.get_when_there(&format!("/v1/users?q={name}")).await.json();
        id = found["items"][0]["id"].as_str().unwrap_or_default().to_owned();
        !id.is_empty()
    });
    assert!(there.await, "{name} is there");
    root.post_matching(&format!("/v1/users/{id}/verify"), &json!({})).await.unwrap().expect(200);
    id
}

/// A command under a key of its own.
async fn command(client: &Client, path: &str, body: &Value) -> Answer {
    let key = Uuid::now_v7().to_string();
    let headers = [("idempotency-key", key.as_str()), ("if-match", "*")];
    let headers = if path == "/v1/announcements" { &headers[..1] } else { &headers[..] };
    client.send("POST", path, Some(body), headers).await.unwrap()
}

/// To whom such mails went, in order.
fn mailed(up: &Up, subject: &str) -> Vec<String> {
    let (status, body) = get(&up.url, "/dev/mailbox.json");
    assert_eq!(status, 200, "{body}");
    let mails: Value = serde_json::from_str(&body).unwrap();
    let mails = mails["items"].as_array().unwrap().iter().filter(|mail| mail["subject"] == subject);
    let mut to: Vec<_> = mails.map(|mail| mail["to"].as_str().unwrap().to_owned()).collect();
    to.sort();
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_are_meant_find_it_in_inbox_and_mailbox_once() {
    let data = directory();
    let up = start(data.path());
    let root = log_in(&up, "admin@localhost").await;
    let (ann, bob) = (person(&up, &root, "ann").await, person(&up, &root, "bob").await);
    let role = json!({"role": "announcer"});
    root.post_matching(&format!("/v1/users/{ann}/roles/grant"), &role).await.unwrap().expect(200);
    let as_ann = log_in(&up, "ann@example.org").await;

    let new = json!({"title": "The roof", "body": "It is open.", "audience": {"users": [ann, bob]}});
    let made = command(&as_ann, "/v1/announcements", &new).await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/announcements/{id}");
    let counted = within(PATIENCE, async || {
        as_ann.get_when_there(&format!("{path}/preview")).await.json()["count"] == 2
    });
    assert!(counted.await, "{:?}", as_ann.get(&format!("{path}/preview")).await);
    let now = json!({"at": chrono::Utc::now(), "zone": "Asia/Seoul"});
    command(&as_ann, &format!("{path}/schedule"), &now).await.expect(202);
    up.end("KILL");

    let up = start(data.path());
    let (as_ann, as_bob) = (log_in(&up, "ann@example.org").await, log_in(&up, "bob@example.org").await);
    let mut operation = Value::Null;
    let ended = within(PATIENCE, async || {
        operation = as_ann.get_when_there(&format!("/v1/operations/{id}")).await.json();
        operation["state"] == "done"
    });
    assert!(ended.await, "{operation}");
    assert_eq!(
        (&operation["progress"]["total"], &operation["response"]["recipients"]),
        (&json!(4), &json!(2))
    );
    for client in [&as_ann, &as_bob] {
        let inbox = client.get_when_there("/v1/notifications").await.expect(200).json();
        let notices = inbox["items"].as_array().unwrap().iter().filter(|one| !one["announcement"].is_null());
        let told: Vec<_> =
            notices.map(|one| (&one["announcement"]["title"], &one["actor"]["name"])).collect();
        assert_eq!(told, [(&json!("The roof"), &json!("ann"))], "{inbox}");
    }
    assert_eq!(mailed(&up, "The roof"), ["ann@example.org", "bob@example.org"]);
    let refused = command(&as_ann, &format!("{path}/cancel"), &json!({})).await;
    assert_eq!((refused.status, refused.json()["current_state"].clone()), (409, json!("sent")));

    let newest = as_bob.get_when_there("/v1/notifications").await.json()["items"][0]["id"].clone();
    let read = format!("/v1/notifications/{}/read", newest.as_str().unwrap());
    let position = as_bob.post(&read, &json!({})).await.unwrap().expect(200).number("position");
    as_bob.get_when_there(&format!("/v1/notifications?min_position={position}")).await.expect(200);
    let report = as_ann.get_when_there(&format!("{path}/report")).await.expect(200).json();
    let of = |who: &str| {
        let found = report["items"].as_array().unwrap().iter().find(|item| item["recipient"]["id"] == who);
        ["email", "inbox"].map(|channel| found.unwrap()["channels"][channel]["state"].clone())
    };
    assert_eq!(
        (of(&ann), of(&bob)),
        ([json!("delivered"), json!("delivered")], [json!("delivered"), json!("read")])
    );
    assert!(up.end("INT").success());
}
