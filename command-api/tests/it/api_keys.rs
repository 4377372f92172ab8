//! API keys and service accounts: what a key opens, who makes and revokes it, what becomes of it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Instant,
};

use chrono::{TimeDelta, Utc};
use domain::policy::{Role, Scope};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    api::{Answer, Api, PATIENCE, Person, World},
    policy::{Sample, routes},
};

const EVERYTHING: [&str; 6] =
    ["tasks:read", "tasks:write", "events:read", "webhooks:manage", "users:read", "interface:callback"];

/// A body that makes a key of these scopes, good until tomorrow.
pub(crate) fn wish(scopes: &[&str]) -> Value {
    json!({"name": "robot", "scopes": scopes, "expire_time": Utc::now() + TimeDelta::days(1)})
}

impl Api {
    async fn make_key(&self, person: &Person, body: Value) -> Answer {
        self.post("/v1/api-keys", Some(person), body).await.expect(201)
    }

    /// A service account with a key of its scopes.
    pub(crate) async fn program(&self, admin: &Person, scopes: &[&str]) -> Person {
        let account = json!({"name": "robot", "scopes": scopes});
        let id = self.post("/v1/service-accounts", Some(admin), account).await.expect(201).id();
        let mut body = wish(scopes);
        body["service_account"] = json!(id);
        Person { id: id.parse().unwrap(), ..self.make_key(admin, body).await.bearer() }
    }

    /// Waits until the key is refused.
    async fn refused_at_last(&self, key: &Person) {
        self.at_last(401, key, "/v1/tasks", json!({"title": "t"})).await.refused(401, "TOKEN_INVALID");
    }

    /// Asks with a key until the answer is this.
    async fn at_last(&self, status: u16, key: &Person, path: &str, body: Value) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.post(path, Some(key), body.clone()).await;
            if answer.status == status {
                return answer;
            }
            assert!(Instant::now() < deadline, "{}", answer.text);
        }
    }
}

impl Answer {
    /// Whoever comes with the key that was just made.
    fn bearer(&self) -> Person {
        let text = |member: &str| self.json[member].as_str().unwrap().to_owned();
        Person { id: text("user").parse().unwrap(), token: text("key") }
    }
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let ann = one.member("ann").await;
    let made = one.make_key(&ann, wish(&["tasks:read", "tasks:write"])).await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert_eq!((&made.json["user"], &made.json["scopes"][1]), (&json!(ann.id), &json!("tasks:write")));
    let key = made.bearer();
    assert!(key.token.starts_with("tlk_"), "{}", key.token);
    let task = two.task(&key, json!({"title": "t"})).await;
    let sql = "SELECT metadata::jsonb FROM event_store.events WHERE event_type = 'task.created'";
    let metadata: Value = sqlx::query_scalar(sql).fetch_one(&world.owner).await.unwrap();
    assert_eq!(
        (&metadata["actor_type"], &metadata["actor_id"], &metadata["session_id"]),
        (&json!("service_account"), &json!(ann.id), &made.json["id"])
    );

    let reader = one.make_key(&ann, wish(&["tasks:read"])).await.bearer();
    let other = one.make_key(&ann, wish(&["users:read"])).await.bearer();
    let start = format!("/v1/tasks/{}/start", task.id());
    for (person, status) in [(&reader, 403), (&other, 404), (&key, 200)] {
        one.post(&start, Some(person), json!({})).await.expect(status);
    }
    one.post("/v1/tasks", Some(&reader), json!({"title": "t"})).await.refused(403, "FORBIDDEN");
    let batch = json!({"commands": [{"op": "hold", "id": task.id()}]});
    let idempotent = [("idempotency-key", "k")];
    one.call("POST", "/v1/tasks/batch", Some(&reader), batch, &idempotent).await.refused(403, "FORBIDDEN");
    // What Ann may not, her key may not.
    let bob = one.member("bob").await;
    let foreign = one.task(&bob, json!({"title": "t", "visibility": "private"})).await;
    let path = format!("/v1/tasks/{}/start", foreign.id());
    one.post(&path, Some(&key), json!({})).await.refused(404, "NOT_FOUND");
}

/// What is for people has no scope: there the key has them all.
#[tokio::test]
async fn no_route_is_open_to_a_key_without_its_scope() {
    let world = World::new().await;
    let api = world.api().await;
    let roles = [Role::Member, Role::Manager, Role::Admin, Role::Operator, Role::Announcer];
    let root = api.person("root", &roles).await;
    let target = api.member("target").await;
    let sample = Sample::new(&api, &root, target.id, "team").await;
    let mut keys: BTreeMap<Option<Scope>, Person> = BTreeMap::new();
    let (mut closed, mut scoped) = (0, 0);
    for route in routes() {
        let Some(action) = route.action else { continue };
        let needed = action.scope();
        if let Entry::Vacant(vacant) = keys.entry(needed) {
            let lacking = |scope: &Scope| Some(*scope) != needed;
            let scopes: Vec<&str> =
                Scope::ALL.iter().filter(|one| lacking(one)).map(|one| one.as_str()).collect();
            vacant.insert(api.make_key(&root, wish(&scopes)).await.bearer());
        }
        let answer = route.send(&api, &sample, keys.get(&needed), json!({})).await;
        assert_eq!(answer.status, 403, "{} {} ({action}): {}", route.method, route.path, answer.text);
        *(if needed.is_none() { &mut closed } else { &mut scoped }) += 1;
    }
    assert!(closed > 20 && scoped > 20, "{closed} {scoped}");
    let events =
        "SELECT count(*) FROM event_store.events WHERE metadata ->> 'actor_type' = 'service_account'";
    assert_eq!(world.count(events).await, 0);
}

#[tokio::test]
async fn keys_are_for_something_and_for_a_time() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let refused = async |body: Value| {
        api.post("/v1/api-keys", Some(&ann), body).await.refused(422, "VALIDATION_FAILED").violations()
    };
    let entry = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    let mut body = wish(&["tasks:read", "tasks:eat"]);
    body["name"] = json!("");
    assert_eq!(refused(body).await, [entry("/name", "EMPTY"), entry("/scopes/1", "UNKNOWN_VALUE")]);
    let mut body = wish(&["tasks:read"]);
    body["rate_per_minute"] = json!(60_001);
    assert_eq!(refused(body.clone()).await, [entry("/rate_per_minute", "OUT_OF_RANGE")]);
    body["rate_per_minute"] = json!(60);
    api.post("/v1/api-keys", Some(&ann), body).await.refused(403, "FORBIDDEN");
    for days in [-1, 366] {
        let mut body = wish(&["tasks:read"]);
        body["expire_time"] = json!(Utc::now() + TimeDelta::days(days));
        assert_eq!(refused(body).await, [entry("/expire_time", "MALFORMED")], "{days}");
    }
    let key = api.make_key(&ann, wish(&EVERYTHING)).await;
    let expire = "UPDATE event_store.api_keys SET expires_at = clock_timestamp()";
    sqlx::query(expire).execute(&world.owner).await.unwrap();
    api.post("/v1/tasks", Some(&key.bearer()), json!({"title": "t"})).await.refused(401, "TOKEN_INVALID");

    let good = key.bearer().token;
    let mistyped = format!("{}A{}", &good[..20], &good[21..]);
    for bad in ["tlk_", "tlk_x", &good[..40], &mistyped, &good[4..], &good.to_uppercase()] {
        let person = Person { id: ann.id, token: bad.to_owned() };
        let refused = api.post("/v1/tasks", Some(&person), json!({"title": "t"})).await;
        assert!(refused.refused(401, "TOKEN_INVALID").header("www-authenticate").is_some(), "{bad}");
    }
}

#[tokio::test]
async fn what_is_named_in_a_body_is_checked_like_a_path() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin, Role::Member]).await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let program = api.program(&admin, &["tasks:read"]).await;
    let for_somebody = |id: Uuid, scopes: &[&str]| {
        let mut body = wish(scopes);
        body["service_account"] = json!(id);
        body
    };
    let make = async |person: &Person, body: Value| api.post("/v1/api-keys", Some(person), body).await;
    for id in [program.id, ann.id, Uuid::now_v7()] {
        make(&bob, for_somebody(id, &["tasks:read"])).await.refused(403, "FORBIDDEN");
    }
    for id in [ann.id, Uuid::now_v7()] {
        let refused = make(&admin, for_somebody(id, &["tasks:read"])).await.refused(422, "VALIDATION_FAILED");
        let entry = ("/service_account".to_owned(), "NOT_A_SERVICE_ACCOUNT".to_owned());
        assert_eq!(refused.violations(), [entry]);
    }
    let wider = make(&admin, for_somebody(program.id, &["tasks:write"])).await;
    let entry = ("/scopes".to_owned(), "SCOPE_NOT_HELD".to_owned());
    assert_eq!(wider.refused(422, "VALIDATION_FAILED").violations(), [entry]);
    assert_eq!(world.count("SELECT count(*) FROM event_store.api_keys").await, 1, "nothing is left behind");

    let list = async |person: &Person, query: &str| {
        api.call("GET", &format!("/v1/api-keys{query}"), Some(person), json!({}), &[]).await
    };
    let of_program = format!("?service_account={}", program.id);
    list(&bob, &of_program).await.refused(403, "FORBIDDEN");
    assert_eq!(list(&admin, &of_program).await.expect(200).json["items"].as_array().unwrap().len(), 1);
    list(&admin, &format!("?service_account={}", ann.id)).await.refused(404, "NOT_FOUND");
    list(&admin, "?service_account=7").await.refused(400, "INVALID_PARAMETER");
    list(&admin, "?user=7").await.refused(400, "UNKNOWN_PARAMETER");

    let anns = api.make_key(&ann, wish(&["tasks:write"])).await;
    let revoke = async |person: &Person, id: &str| {
        api.call("DELETE", &format!("/v1/api-keys/{id}"), Some(person), json!({}), &[]).await
    };
    revoke(&bob, &anns.id()).await.refused(404, "NOT_FOUND");
    revoke(&bob, &Uuid::now_v7().to_string()).await.refused(404, "NOT_FOUND");
    revoke(&bob, "7").await.refused(400, "INVALID_ID");
    api.task(&anns.bearer(), json!({"title": "t"})).await;
    revoke(&admin, &anns.id()).await.expect(200);
}

/// Route x role x whose it is.
#[tokio::test]
async fn each_role_manages_what_the_policy_says() {
    let world = World::new().await;
    let api = world.api().await;
    let (root, ann) = (api.person("root", &[Role::Admin]).await, api.member("ann").await);
    let account = json!({"name": "robot"});
    let program = api.post("/v1/service-accounts", Some(&root), account.clone()).await.expect(201).id();
    let mut of_program = wish(&["tasks:read"]);
    of_program["service_account"] = json!(program);
    let people = Role::ALL.iter().filter(|role| **role != Role::Integrator);
    for roles in people.map(std::slice::from_ref).chain([&[][..]]) {
        let name = roles.first().map_or("nobody", |role| role.as_str());
        let person = api.person(name, roles).await;
        let (anns, programs) = (
            api.make_key(&ann, wish(&["tasks:read"])).await.id(),
            api.make_key(&root, of_program.clone()).await.id(),
        );
        let (admin, own) = match roles {
            [Role::Admin] => (true, true),
            [Role::Member] => (false, true),
            _ => (false, false),
        };
        let may = |allowed: bool, status: u16| if allowed { status } else { 403 };
        // Whoever manages keys at all is not told that somebody else has one.
        let foreign = if own && !admin { 404 } else { may(admin, 200) };
        let (accounts, keys) = ("/v1/service-accounts", "/v1/api-keys");
        for (method, path, body, expected) in [
            ("POST", accounts.to_owned(), &account, may(admin, 201)),
            ("GET", accounts.to_owned(), &json!({}), may(admin, 200)),
            ("POST", keys.to_owned(), &wish(&["tasks:read"]), may(own, 201)),
            ("GET", keys.to_owned(), &json!({}), may(own, 200)),
            ("POST", keys.to_owned(), &of_program, may(admin, 201)),
            ("GET", format!("{keys}?service_account={program}"), &json!({}), may(admin, 200)),
            ("DELETE", format!("{keys}/{anns}"), &json!({}), foreign),
            ("DELETE", format!("{keys}/{programs}"), &json!({}), foreign),
        ] {
            let answer = api.call(method, &path, Some(&person), body.clone(), &[]).await;
            assert_eq!(answer.status, expected, "{method} {path} as {name}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_everywhere() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let ann = one.member("ann").await;
    let made = one.make_key(&ann, wish(&["tasks:write"])).await;
    for api in [&one, &two] {
        api.task(&made.bearer(), json!({"title": "t"})).await;
    }
    let path = format!("/v1/api-keys/{}", made.id());
    let stale = [("if-match", "\"1\"")];
    one.call("DELETE", &path, Some(&ann), json!({}), &stale).await.refused(412, "PRECONDITION_FAILED");
    one.task(&made.bearer(), json!({"title": "still good"})).await;
    let first = one.call("DELETE", &path, Some(&ann), json!({}), &[]).await.expect(200);
    for api in [&one, &two] {
        api.refused_at_last(&made.bearer()).await;
    }
    let again = two.call("DELETE", &path, Some(&ann), json!({}), &[]).await.expect(200);
    assert_eq!((again.version(), again.id()), (first.version(), made.id()));
    let list = one.call("GET", "/v1/api-keys", Some(&ann), json!({}), &[]).await.expect(200);
    assert_eq!(list.json["items"], json!([]));
}

#[tokio::test]
async fn a_key_has_the_rights_that_its_user_has_now() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let admin = one.person("root", &[Role::Admin, Role::Member]).await;
    let (ann, bob) = (one.member("ann").await, one.member("bob").await);
    let task = one.task(&bob, json!({"title": "t"})).await.id();
    let key = one.make_key(&ann, wish(&["tasks:read", "tasks:write"])).await.bearer();
    let start = format!("/v1/tasks/{task}/start");
    for api in [&one, &two] {
        api.post(&start, Some(&key), json!({})).await.refused(403, "FORBIDDEN");
    }
    let (path, role) = (format!("/v1/users/{}/roles/grant", ann.id), json!({"role": "manager"}));
    one.call("POST", &path, Some(&admin), role, &[("if-match", "*")]).await.expect(200);
    // Others have to refresh now.
    one.post(&start, Some(&ann), json!({})).await.refused(401, "TOKEN_STALE");
    for api in [&one, &two] {
        api.post(&start, Some(&key), json!({})).await.expect(200);
    }
    let act = async |act: &str| {
        one.post(&format!("/v1/users/{}/{act}", ann.id), Some(&admin), json!({})).await.expect(200)
    };
    act("logout").await;
    one.post(&start, Some(&key), json!({})).await.expect(200);
    act("deactivate").await;
    one.post(&start, Some(&key), json!({})).await.refused(401, "TOKEN_INVALID");
    two.refused_at_last(&key).await;
    act("reactivate").await;
    two.at_last(200, &key, &start, json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_at_once_one_key_is_made_and_revoked() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let ann = one.member("ann").await;
    let apis = [&one, &two, &one, &two, &one, &two];
    let body = wish(&["tasks:write"]);
    let make = apis
        .map(|api| api.call("POST", "/v1/api-keys", Some(&ann), body.clone(), &[("idempotency-key", "k")]));
    let made: Vec<Answer> = join_all(make).await.into_iter().map(|answer| answer.expect(201)).collect();
    assert!(made.iter().all(|answer| answer.id() == made[0].id()));
    let with_key: Vec<&Answer> = made.iter().filter(|answer| answer.json.get("key").is_some()).collect();
    assert_eq!(with_key.len(), 1);
    one.task(&with_key[0].bearer(), json!({"title": "t"})).await;
    assert_eq!(world.count("SELECT count(*) FROM event_store.api_keys").await, 1);

    let path = format!("/v1/api-keys/{}", made[0].id());
    join_all(apis.map(|api| api.call("DELETE", &path, Some(&ann), json!({}), &[])))
        .await
        .into_iter()
        .for_each(|answer| drop(answer.expect(200)));
    for event_type in ["user.api_key_created", "user.api_key_revoked"] {
        let sql = format!("SELECT count(*) FROM event_store.events WHERE event_type = '{event_type}'");
        assert_eq!(world.count(&sql).await, 1, "{event_type}");
    }
}

#[tokio::test]
async fn service_accounts_are_users_that_nobody_logs_in_as() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin, Role::Member]).await;
    let account = json!({"name": "Sync robot", "scopes": ["tasks:write", "events:read"]});
    let made = api.post("/v1/service-accounts", Some(&admin), account).await.expect(201);
    assert_eq!(made.json["roles"], json!(["member", "integrator"]));
    assert!(!made.text.contains("robot"), "{}", made.text);
    let plain = json!({"name": "Listener", "scopes": ["events:read"]});
    let plain = api.post("/v1/service-accounts", Some(&admin), plain).await.expect(201);
    assert_eq!(plain.json["roles"], json!(["integrator"]));
    let list = api.call("GET", "/v1/service-accounts", Some(&admin), json!({}), &[]).await.expect(200);
    let item = &list.json["items"][0];
    assert_eq!((&item["id"], &item["name"]), (&made.json["id"], &json!("Sync robot")));
    assert_eq!(item["scopes"], json!(["tasks:write", "events:read"]));

    let program = api.program(&admin, &["tasks:write"]).await;
    let create = async |key: &[(&str, &str)]| {
        api.call("POST", "/v1/tasks", Some(&program), json!({"title": "t"}), key).await
    };
    create(&[]).await.refused(400, "IDEMPOTENCY_KEY_REQUIRED");
    let task = create(&[("idempotency-key", "k")]).await.expect(201);
    assert_eq!(create(&[("idempotency-key", "k")]).await.expect(201).id(), task.id());
    let comments = format!("/v1/tasks/{}/comments", task.id());
    let comment = json!({"text": "t"});
    api.post(&comments, Some(&program), comment).await.refused(400, "IDEMPOTENCY_KEY_REQUIRED");
    api.post(&format!("/v1/tasks/{}/start", task.id()), Some(&program), json!({})).await.expect(200);
    let kept = "SELECT count(*) FROM event_store.command_receipts WHERE class = 'quarter'";
    assert_eq!(world.count(kept).await, 1);

    let grant = format!("/v1/users/{}/roles/grant", program.id);
    let any_version = [("if-match", "*")];
    let role = json!({"role": "admin"});
    let refused = api.call("POST", &grant, Some(&admin), role, &any_version).await;
    let entry = ("/role".to_owned(), "ROLE_DOES_NOT_FIT".to_owned());
    assert_eq!(refused.refused(422, "VALIDATION_FAILED").violations(), [entry]);
    let deactivate = format!("/v1/users/{}/deactivate", program.id);
    api.post(&deactivate, Some(&admin), json!({})).await.expect(200);
    create(&[("idempotency-key", "l")]).await.refused(401, "TOKEN_INVALID");
    let mut body = wish(&["tasks:write"]);
    body["service_account"] = json!(program.id);
    api.post("/v1/api-keys", Some(&admin), body).await.refused(409, "STATE_CONFLICT");
}

#[tokio::test]
async fn a_key_is_shown_once_and_known_by_its_end() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let (body, idempotent) = (wish(&["tasks:write"]), [("idempotency-key", "k")]);
    let make =
        async || api.call("POST", "/v1/api-keys", Some(&ann), body.clone(), &idempotent).await.expect(201);
    let (first, replayed) = (make().await, make().await);
    assert_eq!((replayed.header("idempotent-replayed"), replayed.id()), (Some("true"), first.id()));
    assert_eq!(replayed.json.get("key"), None);
    let key = first.bearer();
    let list = async || {
        let list = api.call("GET", "/v1/api-keys", Some(&ann), json!({}), &[]).await.expect(200);
        list.json["items"].as_array().unwrap().clone()
    };
    let items = list().await;
    let [item] = &items[..] else { panic!("{items:?}") };
    assert_eq!((&item["name"], &item["last_used_time"]), (&json!("robot"), &Value::Null));
    assert!(key.token.ends_with(item["last_characters"].as_str().unwrap()));
    assert_eq!(item["last_characters"].as_str().unwrap().len(), 8);

    let deadline = Instant::now() + PATIENCE;
    let used = loop {
        api.task(&key, json!({"title": "t"})).await;
        if let Some(used) = list().await[0]["last_used_time"].as_str() {
            break used.to_owned();
        }
        assert!(Instant::now() < deadline, "the use is never noted");
    };
    assert!(used.ends_with(":00.000000Z"), "{used}");

    let secret = &key.token[4..];
    for table in ["events", "command_receipts", "api_keys"] {
        let sql = format!("SELECT count(*) FROM event_store.{table} t WHERE t::text LIKE '%{secret}%'");
        assert_eq!(world.count(&sql).await, 0, "{table}");
    }
    assert_eq!(
        world.count("SELECT count(*) FROM event_store.api_keys t WHERE t::text LIKE '%robot%'").await,
        0
    );
}
