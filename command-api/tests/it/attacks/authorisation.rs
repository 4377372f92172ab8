//! Rights: 77 to 83. Every route against everybody (76, 79), and members that only the server sets (78), are walked from the
//! document of the whole product.

use axum::http::StatusCode;
use domain::policy::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Api, PASSWORD, Person, World, request};

/// Ann's private task, and its parts.
struct Hidden {
    task: String,
    key: String,
    comment: String,
    item: String,
}

impl Hidden {
    async fn of(api: &Api, ann: &Person) -> Self {
        let body =
            json!({"title": "t", "visibility": "private", "external_ref": {"system": "desk", "id": "1"}});
        let made = api.task(ann, body).await;
        let path = format!("/v1/tasks/{}", made.id());
        let comment =
            api.post(&format!("{path}/comments"), Some(ann), json!({"text": "c"})).await.expect(200);
        let items = api.post(&format!("{path}/checklist"), Some(ann), json!({"text": "i"})).await.expect(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            task: made.id(),
            key: text(&made.json["key"]),
            comment: text(&comment.json["comment"]["id"]),
            item: text(&items.json["checklist"][0]["id"]),
        }
    }

    /// A refusal without what is the request's own, and without the ids that the client has sent.
    fn told(&self, answer: &Answer) -> (StatusCode, String) {
        let mut body = answer.json.clone();
        for own in ["instance", "request_id", "trace_id"] {
            body.as_object_mut().unwrap().remove(own);
        }
        let ids = [&self.task, &self.key, &self.comment, &self.item];
        (answer.status, ids.iter().fold(body.to_string(), |text, id| text.replace(*id, "…")))
    }

    /// One that is nowhere.
    fn nowhere() -> Self {
        let id = || Uuid::now_v7().to_string();
        Self { task: id(), key: "T-999999".to_owned(), comment: id(), item: id() }
    }
}

/// Where the ids of others can be put: method, path, body.
fn places(own: &str, hidden: &Hidden) -> Vec<(&'static str, String, Value)> {
    let Hidden { task, key, comment, item } = hidden;
    let batch = |atomic: bool, id: &str| json!({"atomic": atomic, "commands": [{"op": "start", "id": id}, {"op": "update", "id": own, "data": {"title": "u"}}]});
    let within =
        |data: Value| json!({"atomic": false, "commands": [{"op": "update", "id": own, "data": data}]});
    vec![
        ("PATCH", format!("/v1/tasks/{own}"), json!({"parent": task})),
        ("POST", "/v1/tasks".to_owned(), json!({"title": "t", "parent": task})),
        ("POST", format!("/v1/tasks/{own}/relations/blocks/{task}"), json!({})),
        ("POST", format!("/v1/tasks/{own}/relations/blocks/{key}"), json!({})),
        ("PATCH", format!("/v1/tasks/{own}/comments/{comment}"), json!({"text": "mine"})),
        ("DELETE", format!("/v1/tasks/{own}/comments/{comment}"), json!({})),
        ("PATCH", format!("/v1/tasks/{own}/checklist/{item}"), json!({"done": true})),
        ("DELETE", format!("/v1/tasks/{own}/checklist/{item}"), json!({})),
        ("POST", format!("/v1/tasks/{key}/start"), json!({})),
        ("POST", "/v1/tasks/batch".to_owned(), batch(true, task)),
        ("POST", "/v1/tasks/batch".to_owned(), batch(true, key)),
        ("POST", "/v1/tasks/batch".to_owned(), batch(false, task)),
        ("POST", "/v1/tasks/batch".to_owned(), within(json!({"parent": task}))),
    ]
}

#[tokio::test]
async fn ids_of_others_lead_nowhere_wherever_they_stand() {
    // 77
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let own = api.task(&bob, json!({"title": "own"})).await.id();
    let (hidden, nowhere) = (Hidden::of(&api, &ann).await, Hidden::nowhere());
    let before = world.count("SELECT max(position) FROM event_store.events").await;
    let places = places(&own, &hidden).into_iter().zip(self::places(&own, &nowhere));
    for ((method, path, body), (_, other_path, other_body)) in places {
        let [key, other_key] = [(); 2].map(|()| Uuid::now_v7().to_string());
        let foreign = api.call(method, &path, Some(&bob), body.clone(), &[("idempotency-key", &key)]).await;
        let missing =
            api.call(method, &other_path, Some(&bob), other_body, &[("idempotency-key", &other_key)]).await;
        let name = format!("{method} {path} {body}");
        if foreign.status == 207 {
            let statuses = |answer: &Answer| {
                answer.json["results"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| one["status"].clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!(statuses(&foreign), statuses(&missing), "{name}");
            assert!(
                [404, 422].map(|status| json!(status)).contains(&statuses(&foreign)[0]),
                "{name}: {}",
                foreign.text
            );
        } else {
            assert!([404, 422].contains(&foreign.status.as_u16()), "{name}: {}", foreign.text);
            assert_eq!(hidden.told(&foreign), nowhere.told(&missing), "{name}");
        }
    }
    let theirs = format!(
        "SELECT count(*) FROM event_store.events WHERE position > {before} AND aggregate_id = '{}'",
        hidden.task
    );
    assert_eq!(world.count(&theirs).await, 0);
    let mentions = format!(
        "SELECT count(*) FROM event_store.events WHERE position > {before} AND payload::text LIKE '%{}%'",
        hidden.task
    );
    assert_eq!(world.count(&mentions).await, 0);
}

#[tokio::test]
async fn what_others_have_taken_says_no_more_than_that() {
    // 77
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let hidden = Hidden::of(&api, &ann).await;
    let reference = json!({"title": "t", "external_ref": {"system": "desk", "id": "1"}});
    let taken = api.post("/v1/tasks", Some(&bob), reference).await.refused(409, "EXTERNAL_REF_TAKEN");
    let id = json!({"title": "t", "id": hidden.task});
    let used = api.post("/v1/tasks", Some(&bob), id).await.refused(409, "ID_TAKEN");
    for text in [taken.text, used.text] {
        assert!(!text.contains(&ann.id.to_string()) && !text.contains(&hidden.key), "{text}");
    }
    // A key is the caller's own: that of somebody else brings nobody their answer.
    let (key, body) = ([("idempotency-key", "anns")], json!({"title": "secret", "visibility": "private"}));
    let made = api.call("POST", "/v1/tasks", Some(&ann), body.clone(), &key).await.expect(201);
    let other = api.call("POST", "/v1/tasks", Some(&bob), body, &key).await.expect(201);
    assert_ne!(made.id(), other.id());
    assert_eq!(other.header("idempotent-replayed"), None);
    // People who are not there cannot be given work.
    let nobody = json!({"title": "t", "assignees": [Uuid::now_v7()]});
    api.post("/v1/tasks", Some(&bob), nobody).await.refused(409, "USER_NOT_ACTIVE");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_a_hundred_times_at_once_is_one() {
    // 82
    let world = World::new().await;
    let (one, two) = (world.api().await, world.api().await);
    let ann = one.member("ann").await;
    let events = async |kind: &str| {
        world.count(&format!("SELECT count(*) FROM event_store.events WHERE event_type = '{kind}'")).await
    };
    let task = one.task(&ann, json!({"title": "t"})).await.id();
    let start = format!("/v1/tasks/{task}/start");
    let hundred = |path: &str, person: Option<&Person>, body: Value, key: Option<&str>| {
        let all: Vec<_> =
            (0..100).map(|index| if index % 2 == 0 { one.clone() } else { two.clone() }).collect();
        let (path, person, key) = (path.to_owned(), person.cloned(), key.map(str::to_owned));
        async move {
            let header: Vec<_> = key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
            join_all(all.iter().map(|api| api.call("POST", &path, person.as_ref(), body.clone(), &header)))
                .await
        }
    };
    // Without a key: all find it so.
    let answers = hundred(&start, Some(&ann), json!({}), None).await;
    let version = answers[0].version();
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.version() == version));
    assert_eq!(events("task.started").await, 1);
    // With one: all get one answer.
    let answers =
        hundred(&format!("/v1/tasks/{task}/comments"), Some(&ann), json!({"text": "c"}), Some("k")).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text == answers[0].text));
    assert_eq!(events("task.commented").await, 1);
    // With a name that is given once: one is first.
    let body = json!({"title": "t", "external_ref": {"system": "desk", "id": "42"}});
    let answers = hundred("/v1/tasks", Some(&ann), body, None).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.code() == "EXTERNAL_REF_TAKEN"));
    assert_eq!(events("task.created").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_on_one_version_one_wins() {
    // 82, 83
    let world = World::new().await;
    let (one, two) = (world.api().await, world.api().await);
    let ann = one.member("ann").await;
    let path = format!("/v1/tasks/{}", one.task(&ann, json!({"title": "t"})).await.id());
    let header = [("if-match", "\"1\"")];
    let all = (0..100).map(|index| {
        let (api, path, ann, header) = (if index % 2 == 0 { &one } else { &two }, &path, &ann, &header);
        async move { api.call("PATCH", path, Some(ann), json!({"title": format!("{index}")}), header).await }
    });
    let answers = join_all(all).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!((won.len(), won[0].version()), (1, 2));
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(
            (lost.status.as_u16(), lost.code(), lost.header("etag")),
            (412, "PRECONDITION_FAILED", Some("\"2\""))
        );
    }
    // The same fields since a version that is old, and a version where one is demanded.
    let stale = json!({"title": "mine", "base_version": 1});
    one.call("PATCH", &path, Some(&ann), stale, &[]).await.refused(409, "FIELD_CONFLICT");
    let root = one.person("root", &[Role::Admin]).await;
    let grant = format!("/v1/users/{}/roles/grant", ann.id);
    let role = json!({"role": "announcer"});
    one.post(&grant, Some(&root), role.clone()).await.refused(428, "PRECONDITION_REQUIRED");
    one.call("POST", &grant, Some(&root), role, &[("if-match", "\"1\"")])
        .await
        .refused(412, "PRECONDITION_FAILED");
    let granted = "SELECT count(*) FROM event_store.events WHERE payload ->> 'role' = 'announcer'";
    assert_eq!(world.count(granted).await, 0);
}

#[tokio::test]
async fn what_a_client_says_about_itself_is_not_believed() {
    // 80
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let id = ann.id.to_string();
    let claims = [
        ("x-forwarded-for", "203.0.113.77"),
        ("x-real-ip", "203.0.113.77"),
        ("forwarded", "for=203.0.113.77"),
        ("x-user", id.as_str()),
        ("x-forwarded-user", id.as_str()),
        ("x-tenant", "other"),
        ("x-http-method-override", "DELETE"),
    ];
    api.call("POST", "/v1/tasks", None, json!({"title": "t"}), &claims).await.refused(401, "UNAUTHENTICATED");
    let made = api.call("POST", "/v1/tasks", Some(&ann), json!({"title": "t"}), &claims).await.expect(201);
    assert_eq!(made.json["status"], "waiting");
    let login = json!({"email": "ann@example.org", "password": PASSWORD});
    api.call("POST", "/v1/auth/login", None, login, &claims).await.expect(200);
    let sessions = api.call("GET", "/v1/auth/sessions", Some(&ann), json!({}), &[]).await.expect(200);
    assert!(!sessions.text.contains("203.0.113.77"), "{}", sessions.text);
    assert_eq!(sessions.json["items"].as_array().unwrap().len(), 2);
    guesses_count_for_the_peer(&world).await;
}

/// With another address in the header each time.
async fn guesses_count_for_the_peer(world: &World) {
    let api: Api = world.limited_api("login=3/h").await;
    let mut statuses = Vec::new();
    for number in 0..5 {
        let body = json!({"email": format!("guess{number}@example.org"), "password": "x"}).to_string();
        let forwarded = format!("203.0.113.{number}");
        let request = request("POST", "/v1/auth/login", None, &body, &[("x-forwarded-for", &forwarded)]);
        statuses.push(api.send(request).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}
