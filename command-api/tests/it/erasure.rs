//! Erasing a person: who may, what goes with the event, what is left.

use domain::policy::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, PASSWORD, Person, World};

async fn erase(api: &Api, by: &Person, user: Uuid) -> crate::api::Answer {
    api.post(&format!("/v1/users/{user}/erase"), Some(by), json!({})).await
}

impl World {
    /// A consumer group of somebody, last used so many days ago, with an event that is parked.
    async fn group_of(&self, owner: Uuid, days: i32) {
        let group = "WITH made AS (INSERT INTO event_store.consumer_groups (owner, name, interest, log_epoch, position, used_at) \
             VALUES ($1, 'canary', '{}', gen_random_uuid(), 0, now() - make_interval(days => $2)) RETURNING id) \
             INSERT INTO event_store.consumer_group_events (group_id, position, aggregate_id, attempts, reason) \
             SELECT id, 1, gen_random_uuid(), 1, 'canary' FROM made";
        sqlx::query(group).bind(owner).bind(days).execute(&self.owner).await.unwrap();
    }

    /// Rows of the write side that belong to a person; whether there is a key.
    async fn left_of(&self, person: Uuid) -> (i64, i64) {
        let mut rows = 0;
        for table in ["credentials", "sessions", "totp_secrets", "recovery_codes", "api_keys", "login_codes"]
        {
            rows += self
                .count(&format!("SELECT count(*) FROM event_store.{table} WHERE user_id = '{person}'"))
                .await;
        }
        let groups = format!("SELECT count(*) FROM event_store.consumer_groups WHERE owner = '{person}'");
        rows += self.count(&groups).await;
        let claims = format!("SELECT count(*) FROM event_store.unique_claims WHERE owner = '{person}'");
        let key = format!(
            "SELECT count(*) FROM event_store.subject_keys WHERE subject = '{person}' AND sealed_key IS NOT NULL"
        );
        (rows + self.count(&claims).await, self.count(&key).await)
    }
}

#[tokio::test]
async fn everything_that_lets_a_person_in_goes_with_the_event() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Admin]).await;
    let ann = api.member("ann").await;
    let device = json!({"platform": "web", "token": "anns-browser"});
    api.post("/v1/users/me/devices", Some(&ann), device).await.expect(201);
    let expire = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let key = json!({"name": "robot", "scopes": ["tasks:read"], "expire_time": expire});
    let key = api.post("/v1/api-keys", Some(&ann), key).await.expect(201);
    let key = Person { id: ann.id, token: key.json["key"].as_str().unwrap().to_owned() };
    api.post("/v1/auth/totp/enrol", Some(&ann), json!({})).await.expect(200);
    let wrong = json!({"email": "ann@example.org", "password": "tempest over kiwj"});
    api.post("/v1/auth/login", None, wrong).await.refused(401, "INVALID_CREDENTIALS");
    let tries = "SELECT count(*) FROM event_store.login_tries";
    assert_eq!(world.count(tries).await, 1);
    world.group_of(ann.id, 0).await;
    assert!(world.left_of(ann.id).await.0 >= 6);

    let erased = erase(&api, &root, ann.id).await.expect(200);
    assert_eq!(erased.json["roles"], json!([]));
    assert_eq!(world.left_of(ann.id).await, (0, 0));
    assert_eq!(world.count(tries).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM event_store.consumer_group_events").await, 0);
    for token in [&ann, &key] {
        let answer = api.call("PATCH", "/v1/users/me", Some(token), json!({"name": "x"}), &[]).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    let login = json!({"email": "ann@example.org", "password": PASSWORD});
    api.post("/v1/auth/login", None, login).await.refused(401, "INVALID_CREDENTIALS");

    // Once, and for good.
    let again = erase(&api, &root, ann.id).await.expect(200);
    assert_eq!((again.version(), &again.json["position"]), (erased.version(), &erased.json["position"]));
    let back = format!("/v1/users/{}/reactivate", ann.id);
    api.post(&back, Some(&root), json!({})).await.refused(409, "STATE_CONFLICT");
}

#[tokio::test]
async fn the_address_is_free_for_somebody_else() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Admin]).await;
    let invite = |name: &str| json!({"email": "ann@example.org", "name": name});
    let first = api.post("/v1/users", Some(&root), invite("Ann")).await.expect(201).id();
    api.post("/v1/users", Some(&root), invite("Anna")).await.refused(409, "EMAIL_TAKEN");
    erase(&api, &root, first.parse().unwrap()).await.expect(200);
    let second = api.post("/v1/users", Some(&root), invite("Anna")).await.expect(201).id();
    assert_ne!(first, second);
    let owner = format!("SELECT count(*) FROM event_store.unique_claims WHERE owner = '{second}'");
    assert_eq!(world.count(&owner).await, 1);
}

#[tokio::test]
async fn admins_who_have_just_logged_in_erase_others() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Admin]).await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    erase(&api, &bob, ann.id).await.refused(403, "FORBIDDEN");
    erase(&api, &root, root.id).await.refused(403, "FORBIDDEN");
    erase(&api, &root, Uuid::now_v7()).await.refused(404, "NOT_FOUND");
    let stale = Person { id: root.id, token: world.older_token(&root, &["auth_time"]).await };
    erase(&api, &stale, ann.id).await.refused(403, "REAUTHENTICATION_REQUIRED");
    let path = format!("/v1/users/{}/erase", ann.id);
    let moved = api.call("POST", &path, Some(&root), json!({}), &[("if-match", "\"99\"")]).await;
    moved.refused(412, "PRECONDITION_FAILED");
    api.post(&path, Some(&root), json!({"reason": "Ann asked for it"})).await.refused(422, "UNKNOWN_FIELD");
    assert_eq!(world.left_of(ann.id).await.1, 1);
}

/// Another replica knows keys that it has used; it forgets them when it hears that somebody's rights have changed.
#[tokio::test]
async fn other_replicas_forget_the_key() {
    let world = World::new().await;
    let (here, there) = (world.api().await, world.api().await);
    let root = here.person("root", &[Role::Admin]).await;
    let ann = here.member("ann").await;
    let sealed = there.inside.commands.load_user(ann_id(&ann)).await.unwrap().name.unwrap();
    assert_eq!(there.inside.commands.unseal(&sealed).await.unwrap().as_deref(), Some("ann"));
    erase(&here, &root, ann.id).await.expect(200);
    assert_eq!(here.inside.commands.unseal(&sealed).await.unwrap(), None);
    let deadline = std::time::Instant::now() + crate::api::PATIENCE;
    while there.inside.commands.unseal(&sealed).await.unwrap().is_some() {
        assert!(std::time::Instant::now() < deadline, "the key is remembered");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn groups_that_nobody_uses_or_is_left_to_use_go_by_themselves() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Admin]).await;
    let ann = api.member("ann").await;
    let (idle, busy) = (Uuid::now_v7(), Uuid::now_v7());
    erase(&api, &root, ann.id).await.expect(200);
    for (owner, days) in [(idle, 31), (busy, 29), (ann.id, 0)] {
        world.group_of(owner, days).await;
    }
    let pool = api.inside.commands.log().pool();
    sqlx::query("SELECT event_store.forget_consumer_groups()").execute(pool).await.unwrap();
    let left = format!("SELECT count(*) FROM event_store.consumer_groups WHERE owner = '{busy}'");
    assert_eq!(world.count(&left).await, 1);
    assert_eq!(world.count("SELECT count(*) FROM event_store.consumer_group_events").await, 1);
}

fn ann_id(ann: &Person) -> domain::ids::UserId {
    domain::ids::UserId(ann.id)
}

/// Whoever restores a backup brings people back who were erased since.
#[tokio::test]
async fn the_list_outside_erases_them_again() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("erased.ndjson");
    let api = world.api().await;
    let root = api.person("root", &[Role::Admin]).await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    erase(&api, &root, ann.id).await.expect(200);
    let mut file = event_store::erased::ErasedFile::new(path.clone());
    assert_eq!(file.complete(api.inside.commands.log().pool()).await.unwrap(), 1);
    assert_eq!(file.complete(api.inside.commands.log().pool()).await.unwrap(), 0);
    let list = event_store::erased::read(&path).unwrap();
    assert_eq!(list.iter().map(|erased| erased.user.0).collect::<Vec<_>>(), [ann.id]);

    use command_api::commands::{Caller, Who};
    let system = || Caller::internal(Who::System, "system");
    let users = [ann.id, bob.id, bob.id, Uuid::now_v7()].map(domain::ids::UserId);
    let mut again = Vec::new();
    for user in users {
        again.push(api.inside.auth.erase_again(&system(), user).await.unwrap());
    }
    assert_eq!(again, [false, true, false, false]);
    assert_eq!(world.left_of(bob.id).await, (0, 0));
    assert_eq!(file.complete(api.inside.commands.log().pool()).await.unwrap(), 1);
}

/// What is appended is undone with its transaction, and so is what goes with it: there is no half.
#[tokio::test]
async fn nothing_goes_without_the_event() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let before = world.left_of(ann.id).await;
    let event = "INSERT INTO event_store.events SELECT 1 + (SELECT max(position) FROM event_store.events), 1000, now(), \
         gen_random_uuid(), 'user', $1::text, 'user.erased', '1', '{}', '{}'";
    let mut transaction = world.owner.begin().await.unwrap();
    sqlx::query(event).bind(ann.id.to_string()).execute(&mut *transaction).await.unwrap();
    let inside = "SELECT sealed_key IS NULL FROM event_store.subject_keys WHERE subject = $1";
    let gone: bool = sqlx::query_scalar(inside).bind(ann.id).fetch_one(&mut *transaction).await.unwrap();
    assert!(gone);
    transaction.rollback().await.unwrap();
    assert_eq!(world.left_of(ann.id).await, before);
}

#[tokio::test]
async fn no_reply_that_is_kept_names_the_person() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("canaryname").await;
    let key = [("idempotency-key", "k1")];
    let name = json!({"name": "canaryname two"});
    api.call("PATCH", "/v1/users/me", Some(&ann), name, &key).await.expect(200);
    let named = "SELECT count(*) FROM event_store.command_receipts r WHERE r::text ILIKE '%canaryname%'";
    assert_eq!(world.count(named).await, 0);
    let kept: Value = json!(world.count("SELECT count(*) FROM event_store.command_receipts").await);
    assert_ne!(kept, json!(0));
}
