//! What an auditor is shown he can take away: the same questions, answered as files.

use serde_json::{Value, json};

use super::office::{Office, text};
use crate::{
    client::Answer,
    system::{PATIENCE, within},
};

impl Office {
    /// Where the file is, once it is there.
    async fn asks_for(&self, wish: Value) -> String {
        let asked = self.does(&self.auditor.client, "POST", "/v1/audit/exports", wish).await;
        let path = format!("/v1/operations/{}", text(&asked.json()["id"]));
        let mut operation = Value::Null;
        let done = within(PATIENCE, async || {
            operation = self.world.ask(&self.auditor.client, "GET", &path, None).await.json();
            operation["state"] == "done"
        });
        assert!(done.await, "{operation}");
        text(&operation["response"]["content"])
    }

    async fn takes_away(&self, wish: Value) -> String {
        let content = self.asks_for(wish).await;
        self.world.ask(&self.auditor.client, "GET", &content, None).await.expect(200).text
    }

    async fn is_refused(&self, wish: Value) -> Answer {
        self.world.ask(&self.auditor.client, "POST", "/v1/audit/exports", Some(&wish)).await.expect(422)
    }

    /// A task that was deleted and brought back, a login that failed, one that did not, a key, and a refusal.
    async fn has_seen_much(&self) -> String {
        let (ann, task) = (&self.ann.client, self.task().await);
        self.does(ann, "DELETE", &format!("/v1/tasks/{task}"), None).await;
        self.does(ann, "POST", &format!("/v1/tasks/{task}/undelete"), json!({})).await;
        self.log_in("not her password", "Curious/1").await.expect(401);
        self.comes_in_with("Phone/1").await;
        let tomorrow = chrono::Utc::now() + chrono::TimeDelta::days(1);
        let key = json!({"name": "script", "scopes": ["tasks:read"], "expire_time": tomorrow});
        self.does(ann, "POST", "/v1/api-keys", key).await;
        self.world.ask(ann, "GET", "/v1/audit/records", None).await.expect(403);
        task
    }
}

fn lines(file: &str) -> Vec<Value> {
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Seals come some seconds later, and so may proofs.
fn lasting(records: &[Value]) -> Vec<Value> {
    let lasting = |record: &Value| {
        let mut record = record.clone();
        ["seal", "auth"].iter().for_each(|name| drop(record.as_object_mut().unwrap().remove(*name)));
        record
    };
    records.iter().map(lasting).collect()
}

/// 2, 4, 10, 11, 15, 16, 18, 19, 25, and what combines them.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_what_the_list_has() {
    let office = Office::open().await;
    let (task, ann) = (office.has_seen_much().await, office.ann.id.clone());
    let either =
        "filter=(field%20%3D%20title%20AND%20old%20%3D%20roof)%20OR%20code%20%3D%20INVALID_CREDENTIALS";
    for (query, count) in [
        ("ip=127.0.0.0/8&ip=::1&action=task.".to_owned(), 6),
        (format!("target={task}&field=title"), 2),
        (format!("target={task}&old=roof&new=new"), 1),
        (format!("target={ann}&action=auth.&outcome=failure"), 1),
        (format!("actor={ann}&new_device=true&user_agent=phone"), 1),
        (format!("target={task}&crud=delete"), 1),
        (format!("action=user.api_key_&actor={ann}"), 1),
        (format!("outcome=denied&actor={ann}"), 1),
        (format!("target={task}&outside_hours=00:00-00:01&zone=Asia/Seoul"), 5),
        (format!("session={}&action=task.", office.ann.session()), 6),
        (either.to_owned(), 2),
    ] {
        let list = format!("/v1/audit/records?{query}&sort=recorded_at&page_size=1000");
        let listed = office.finds(&list, |items| items.len() >= count).await;
        let file = office.takes_away(json!({"kind": "records", "query": query})).await;
        let lines = lines(&file);
        let (end, records) = lines.split_last().unwrap();
        assert_eq!(lasting(records), lasting(&listed), "{query}");
        assert_eq!((&end["kind"], &end["records"]), (&json!("records"), &json!(listed.len())), "{query}");
    }
    office.world.end();
}

/// 7, 8, 9, 13, 20, 22, 24: what is no list of records.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_any_list_has_what_the_list_has() {
    let office = Office::open().await;
    let task = office.has_seen_much().await;
    let acts = format!("/v1/audit/records?target={task}&action=task.");
    let made = office.finds(&acts, |items| items.len() >= 6).await;
    let (position, intent) = (&made[5]["position"], text(&made[5]["correlation_id"]));
    let mailed =
        office.finds("/v1/deliveries?channel=email&state=delivered", |items| !items.is_empty()).await;
    let event = text(&mailed[0]["event_id"]);
    for (kind, query, path) in [
        ("tasks", format!("as_of={position}&status=waiting"), "/v1/tasks?sort=key&"),
        ("tasks", "as_of_occurred=2020-01-01T00:00:00Z".to_owned(), "/v1/tasks?sort=key&"),
        ("trace", format!("of={intent}"), &*format!("/v1/audit/trace/{intent}?")),
        ("trace", format!("of={position}"), &*format!("/v1/audit/trace/{position}?")),
        ("role_holders", "role=member".to_owned(), "/v1/audit/role-holders?"),
        ("role_holders", format!("role=auditor&as_of={position}"), "/v1/audit/role-holders?"),
        ("deliveries", format!("channel=email&state=delivered&event_id={event}"), "/v1/deliveries?"),
        ("deliveries", "channel=interface&state=rejected".to_owned(), "/v1/deliveries?"),
        ("counts", format!("group_by=action&target={task}&action=task."), "/v1/audit/counts?"),
        ("counts", format!("group_by=actor&target={task}&text=roof"), "/v1/audit/counts?"),
    ] {
        let asked = if kind == "trace" { "" } else { &query };
        let listed = office.asks(&format!("{path}{asked}")).await["items"].as_array().unwrap().clone();
        let file = office.takes_away(json!({"kind": kind, "query": query})).await;
        let lines = lines(&file);
        let (end, items) = lines.split_last().unwrap();
        assert_eq!(items, listed, "{kind} {query}");
        assert_eq!((&end["kind"], &end["records"]), (&json!(kind), &json!(listed.len())), "{kind}");
        let rows = office.takes_away(json!({"kind": kind, "query": query, "format": "csv"})).await;
        assert_eq!(rows.lines().count(), listed.len() + 1, "{rows}");
    }
    // Without a moment tasks are as they were when they were asked for.
    let before = office.asks_for(json!({"kind": "tasks", "query": "status=in_progress"})).await;
    let done = office.does(&office.ann.client, "POST", &format!("/v1/tasks/{task}/hold"), json!({})).await;
    let position = done.number("position");
    office.asks(&format!("/v1/tasks/{task}?min_position={position}")).await;
    let file = office.world.ask(&office.auditor.client, "GET", &before, None).await.expect(200).text;
    assert_eq!((lines(&file)[0]["id"].as_str(), lines(&file).len()), (Some(&*task), 2), "{file}");
    office.world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_addresses_and_clients_and_nobody_who_is_erased_since() {
    let office = Office::open().await;
    let ann = office.ann.id.clone();
    office.has_seen_much().await;
    let query = format!("actor={ann}&action=auth.login&user_agent=phone");
    office.finds(&format!("/v1/audit/records?{query}"), |items| !items.is_empty()).await;
    let rows = office.takes_away(json!({"kind": "records", "format": "csv", "query": query})).await;
    let rows: Vec<Vec<_>> = rows.lines().map(|row| row.split(',').collect()).collect();
    let cell = |name: &str| rows[1][rows[0].iter().position(|column| *column == name).unwrap()];
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!((cell("action"), cell("user_agent"), cell("actor_id")), ("auth.login", "Phone/1", &*ann));
    assert!(cell("ip").parse::<std::net::IpAddr>().is_ok(), "{rows:?}");

    // What is fetched after somebody was erased says nothing of them any more, whenever it was asked for.
    let hers = format!("actor={ann}");
    let content = office.asks_for(json!({"kind": "records", "query": hers})).await;
    let fetch =
        async || office.world.ask(&office.auditor.client, "GET", &content, None).await.expect(200).text;
    let before = fetch().await;
    assert!(before.contains("Phone/1") && before.contains("\"ip\":\""), "{before}");
    let root = office.world.root().await;
    root.post_matching(&format!("/v1/users/{ann}/erase"), &json!({})).await.unwrap().expect(200);
    let mut after = String::new();
    let gone = within(PATIENCE, async || {
        after = fetch().await;
        !after.contains("Phone/1") && !after.contains("\"ip\":\"")
    });
    assert!(gone.await, "{after}");
    assert_eq!(lines(&after).len(), lines(&before).len());
    assert!(after.contains(&ann));
    office.world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_and_what_was_asked_is_sealed() {
    let office = Office::open().await;
    let wish = json!({
        "kind": "records", "query": "ip=x&limit=3&sort=recorded_at&field=colour", "from": "1", "include_seals": true,
    });
    let refused = office.is_refused(wish).await.json();
    let mut places: Vec<_> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flaw| format!("{} {}", text(&flaw["pointer"]), text(&flaw["params"]["parameter"])))
        .collect();
    places.sort();
    assert_eq!(
        places,
        ["/from ", "/include_seals ", "/query field", "/query ip", "/query limit", "/query sort"],
        "{refused}"
    );
    let refused = office.is_refused(json!({"kind": "role_holders", "query": "as_of=then"})).await.json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2, "{refused}");
    let refused = office.is_refused(json!({"query": "outcome=denied"})).await.json();
    assert_eq!(refused["errors"][0]["code"], "CONTRADICTION", "{refused}");
    // It may name people: the log has it sealed.
    office.asks_for(json!({"kind": "records", "query": "text=canary"})).await;
    let wishes = json!({"types": ["operation.requested"], "include_seals": false});
    let wishes = office.takes_away(wishes).await;
    let sealed = format!("\"query\":\"s1.{}.", office.auditor.id);
    assert!(wishes.contains(&sealed) && !wishes.contains("canary"), "{wishes}");
    office.world.end();
}
