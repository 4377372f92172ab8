//! Two people whose phones are offline most of the time.

mod phone;

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{
    client::Client,
    revocations::{log_in, member},
    system::{PATIENCE, System, within},
};
use phone::Phone;

const ROUNDS: usize = 9;

async fn phones(system: &System, admin: &Client) -> [Phone; 2] {
    let kim = member(system, admin).await;
    let me = admin.at(&system.read_api.url).get_when_there("/v1/users/me").await.json();
    let phone = |name, id: &str, client: Client| {
        let reader = client.at(&system.read_api.url);
        Phone::new(name, id, client, reader)
    };
    let kims = log_in(system).await;
    [phone("ada", me["id"].as_str().unwrap(), admin.clone()), phone("kim", &kim, kims)]
}

/// Sends until an answer comes; some answers get lost on the way.
async fn push(phone: &mut Phone, rng: &mut StdRng) {
    while phone.is_waiting() {
        let mut answer = None;
        let answered = within(PATIENCE, async || {
            answer = phone.send().await;
            answer.is_some()
        });
        assert!(answered.await, "{} is not answered", phone.name);
        if rng.random_ratio(2, 3) {
            phone.take(&answer.unwrap());
        }
    }
}

/// What the server shows this person, without this service's other way to tell.
async fn shown(phone: &Phone) -> (BTreeMap<String, Value>, BTreeMap<String, Value>) {
    let list = async |path: &str| {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let page =
                phone.reader().get_when_there(&format!("{path}?page_size=1000&page_token={token}")).await;
            all.extend(page.json()["items"].as_array().unwrap().clone());
            page.json()["next_page_token"].as_str().unwrap().clone_into(&mut token);
            if token.is_empty() {
                return all;
            }
        }
    };
    let by_id = |thing: &Value| thing["id"].as_str().unwrap().to_owned();
    let (mut tasks, mut comments) = (BTreeMap::new(), BTreeMap::new());
    for task in list("/v1/tasks").await {
        for mut comment in list(&format!("/v1/tasks/{}/comments", by_id(&task))).await {
            comment["task"] = task["id"].clone();
            comments.insert(by_id(&comment), comment);
        }
        tasks.insert(by_id(&task), task);
    }
    (tasks, comments)
}

/// The phone, another one of the same person and the server say the same, once all this is seen.
async fn assert_converged(phone: &mut Phone, position: i64) {
    phone.position = phone.position.max(position);
    phone.catch_up(1000).await;
    let (tasks, comments) = shown(phone).await;
    assert_eq!(phone.tasks, tasks, "{}", phone.name);
    assert_eq!(phone.comments, comments, "{}", phone.name);
    let mut fresh = phone.fresh();
    fresh.catch_up(3).await;
    assert_eq!((&fresh.tasks, &fresh.comments, &fresh.users), (&phone.tasks, &phone.comments, &phone.users));
}

/// What phones were told is done was done once, however often it was sent.
async fn assert_once(system: &System, phones: &[Phone]) {
    const SQL: &str = "SELECT coalesce(payload ->> 'text', payload ->> 'description') FROM event_store.events \
         WHERE event_type IN ('task.created', 'task.commented')";
    let mut connection = PgConnection::connect(&system.postgres.url()).await.unwrap();
    let mut found: Vec<String> = sqlx::query_scalar(SQL).fetch_all(&mut connection).await.unwrap();
    let mut done: Vec<String> = phones.iter().flat_map(|phone| phone.done.clone()).collect();
    found.sort();
    done.sort();
    assert_eq!(found, done);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_phones_that_edit_offline_converge() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let mut phones = phones(&system, &admin).await;
    let ids = [phones[1].id.clone(), phones[0].id.clone()];
    let mut rng = StdRng::seed_from_u64(7);
    for round in 0..ROUNDS {
        for (phone, other) in phones.iter_mut().zip(&ids) {
            for _ in 0..rng.random_range(1..6) {
                phone.act(&mut rng, other);
            }
        }
        if round == ROUNDS / 2 {
            // The service falls while a phone is sending: it gets no answer, or one that says how far it came.
            let cut = phones[0].send();
            tokio::join!(cut, system.command_api.kill());
            system.command_api.start();
            system.command_api.ready().await;
        }
        let first = rng.random_range(0..2);
        for index in [first, 1 - first] {
            push(&mut phones[index], &mut rng).await;
            // Others come in between while it reads page by page.
            for _ in 0..rng.random_range(0..4) {
                phones[index].pull(rng.random_range(1..5)).await;
            }
        }
        if round % 3 == 2 {
            let position = phones.iter().map(|phone| phone.position).max().unwrap();
            for phone in &mut phones {
                assert_converged(phone, position).await;
            }
        }
    }
    assert_once(&system, &phones).await;
    system.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_edits_what_others_have_edited_meanwhile_is_told_and_decides() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let mut phones = phones(&system, &admin).await;
    let mut rng = StdRng::seed_from_u64(3);
    phones[1].say(json!({"op": "create", "temp_id": "new", "data": {"title": "first"}}));
    push(&mut phones[1], &mut rng).await;
    let position = phones[1].position;
    for phone in &mut phones {
        assert_converged(phone, position).await;
        let id = phone.tasks.keys().next().unwrap().clone();
        let edit = |data: Value| json!({"op": "update", "id": id, "base_version": 1, "data": data});
        phone.say(edit(json!({"title": format!("of {}", phone.name)})));
        phone.say(edit(if phone.name == "ada" {
            json!({"priority": "high"})
        } else {
            json!({"labels": ["x"]})
        }));
    }
    for phone in &mut phones {
        push(phone, &mut rng).await;
    }
    let position = phones[1].position;
    for phone in &mut phones {
        assert_converged(phone, position).await;
        let task = phone.tasks.values().next().unwrap();
        let fields = (&task["title"], &task["priority"], &task["labels"], &task["version"]);
        assert_eq!(fields, (&json!("of kim"), &json!("high"), &json!(["x"]), &json!(5)));
    }
    assert_eq!(phones.map(|phone| phone.seen.conflicts), [0, 1]);
    system.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_or_found_or_gone_is_told_and_no_more() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let [mut ada, mut kim] = phones(&system, &admin).await;
    let mut rng = StdRng::seed_from_u64(1);
    kim.catch_up(50).await;
    let create = |title: &str, visibility: &str| json!({"op": "create", "temp_id": title, "data": {"title": title, "visibility": visibility}});
    for title in ["shared", "secret", "doomed"] {
        ada.say(create(title, if title == "secret" { "private" } else { "team" }));
        ada.say(json!({"op": "add_comment", "id": title, "data": {"text": "before"}}));
    }
    push(&mut ada, &mut rng).await;
    ada.catch_up(2).await;
    let id = |phone: &Phone, title: &str| {
        let task = phone.tasks.values().find(|task| task["title"] == title);
        task.map(|task| task["id"].as_str().unwrap().to_owned())
    };
    let [shared, secret, doomed] = ["shared", "secret", "doomed"].map(|title| id(&ada, title).unwrap());
    assert_converged(&mut kim, ada.position).await;
    assert_eq!((id(&kim, "secret"), kim.tasks.len(), kim.comments.len()), (None, 2, 2));

    // Out of sight, into sight, gone, and all that was never seen.
    ada.say(json!({"op": "update", "id": shared, "data": {"visibility": "private"}}));
    ada.say(json!({"op": "assign", "id": secret, "data": {"assignees": [kim.id]}}));
    ada.say(json!({"op": "delete", "id": doomed}));
    ada.say(create("never", "private"));
    ada.say(json!({"op": "delete", "id": "never"}));
    push(&mut ada, &mut rng).await;
    assert_converged(&mut kim, ada.position).await;
    assert_eq!((id(&kim, "secret"), kim.tasks.len(), kim.comments.len()), (Some(secret.clone()), 1, 1));
    assert_eq!((kim.seen.access_lost, kim.seen.deleted), (1, 1), "{:?}", kim.seen);

    // Seen and lost between two looks; brought back.
    ada.say(json!({"op": "unassign", "id": secret, "data": {"assignees": [kim.id]}}));
    ada.say(json!({"op": "undelete", "id": doomed}));
    push(&mut ada, &mut rng).await;
    assert_converged(&mut kim, ada.position).await;
    assert_eq!((id(&kim, "doomed"), kim.tasks.len(), kim.comments.len()), (Some(doomed), 1, 1));
    assert_eq!((kim.seen.access_lost, kim.seen.deleted), (2, 1), "{:?}", kim.seen);

    // Other roles, other tasks: all anew.
    let role = json!({"role": "auditor"});
    admin.post_matching(&format!("/v1/users/{}/roles/grant", kim.id), &role).await.unwrap().expect(200);
    let auditor = log_in(&system).await;
    let reader = auditor.at(&system.read_api.url);
    let known =
        async || reader.get_when_there("/v1/tasks").await.json()["items"].as_array().unwrap().len() == 3;
    assert!(within(PATIENCE, known).await);
    let mut kim = kim.turned_into(auditor, reader);
    assert_converged(&mut kim, ada.position).await;
    assert_eq!(kim.tasks.len(), 3);
    system.end().await;
}
