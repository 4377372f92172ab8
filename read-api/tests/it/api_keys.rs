//! Programs read with an API key: within its scopes, with the rights that its user has in the log, until it ends.

use std::{pin::pin, time::Instant};

use axum::http::StatusCode;
use domain::{
    policy::{Action, Role, Scope},
    user::UserEvent,
};
use futures_util::poll;
use serde_json::{Value, json};
use service::auth::{NewApiKey, TokenError};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    policy::{concrete, routes},
    seed::{Seed, store_user},
    world::{DEADLINE, World},
};

/// Everybody with a key, in the log and in the read model.
struct People<'a> {
    world: &'a World,
    log: Writer,
}

impl<'a> People<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, log: Writer::new(world) }
    }

    async fn tell(&self, user: Uuid, fact: Value) {
        let known = "SELECT count(*) FROM event_store.events WHERE aggregate_id = $1::text";
        let known = sqlx::query_scalar(known).bind(user).fetch_one(&self.world.pool).await.unwrap();
        let event = event::<UserEvent>(fact);
        self.log.append_after(known, "user", user, vec![(event, metadata(user))]).await;
    }

    /// Somebody who has these roles as the log says.
    async fn add(&self, name: &str, roles: &[&str]) -> Uuid {
        let user = store_user(&self.world.pool, name, roles).await;
        let account = json!({"name": "s1.name", "roles": roles, "scopes": []});
        self.tell(user, json!({"user.service_account_created": account})).await;
        user
    }

    /// A key of this user, as command-api would have made it.
    async fn key(&self, user: Uuid, scopes: &[&str]) -> String {
        let key = NewApiKey::generate();
        self.keep(&key, user, scopes).await;
        key.text
    }

    async fn keep(&self, key: &NewApiKey, user: Uuid, scopes: &[&str]) {
        let sql = "INSERT INTO event_store.api_keys \
             (id, user_id, key_hash, last_characters, name, scopes, expires_at) \
             VALUES ($1, $2, $3, $4, 'sealed', $5, now() + interval '1 day')";
        let id = Uuid::now_v7();
        let query = sqlx::query(sql).bind(id).bind(user).bind(&key.hash).bind(&key.last_characters);
        query.bind(scopes).execute(&self.world.pool).await.unwrap();
        let created = json!({"key": id, "scopes": scopes, "expires_at": "2100-01-01T00:00:00Z"});
        self.tell(user, json!({"user.api_key_created": created})).await;
    }

    async fn deactivate(&self, user: Uuid) {
        self.tell(user, json!({"user.deactivated": {"reason": null}})).await;
    }

    async fn run(&self, sql: &str) {
        sqlx::query(sql).execute(&self.world.pool).await.unwrap();
    }

    async fn until(&self, key: &str, status: StatusCode) {
        let begun = Instant::now();
        while self.world.get(key, "/v1/tasks").await.status != status {
            assert!(begun.elapsed() < DEADLINE, "not noticed: {status}");
        }
    }
}

#[tokio::test]
async fn a_key_reads_what_its_scopes_say_and_its_user_may() {
    let world = World::new().await;
    let people = People::new(&world);
    let ann = people.add("ann", &["member"]).await;
    let robot = people.add("robot", &["integrator"]).await;
    let (tasks, users) = ("/v1/tasks", "/v1/users/me");
    let cases = [
        (ann, vec!["tasks:read"], tasks, StatusCode::OK),
        (ann, vec!["tasks:read"], users, StatusCode::FORBIDDEN),
        (ann, vec!["users:read"], users, StatusCode::OK),
        (ann, vec!["users:read", "tasks:write", "events:read"], tasks, StatusCode::FORBIDDEN),
        (ann, vec!["tasks:read", "users:read"], "/v1/admin/projections", StatusCode::FORBIDDEN),
        (robot, vec!["tasks:read"], tasks, StatusCode::FORBIDDEN),
    ];
    for (user, scopes, path, status) in cases {
        let key = people.key(user, &scopes).await;
        let reply = world.get(&key, path).await;
        assert_eq!(reply.status, status, "{scopes:?} {path}: {}", reply.body);
    }
    let never_made = NewApiKey::generate().text;
    for bad in [never_made.as_str(), "tlk_", "tlk_nonsense"] {
        let reply = world.get(bad, tasks).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::UNAUTHORIZED, "TOKEN_INVALID"), "{bad}");
    }
}

#[tokio::test]
async fn no_route_is_open_to_a_key_without_its_scope() {
    let world = World::new().await;
    let people = People::new(&world);
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let user = people.add("everything", &roles).await;
    let task = Seed::new(1, user).store(&world.pool).await;
    for (path, action) in routes() {
        let Some(action) = action else { continue };
        let id = if path.starts_with("/v1/tasks") { task.id } else { user };
        let lacking = |scope: &Scope| Some(*scope) != action.scope();
        let scopes: Vec<&str> =
            Scope::ALL.iter().filter(|scope| lacking(scope)).map(|one| one.as_str()).collect();
        let key = people.key(user, &scopes).await;
        let hidden = path.starts_with("/v1/tasks/{id}") && action == Action::TaskRead;
        let expected = if hidden { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN };
        let reply = world.get(&key, &concrete(&path, id)).await;
        assert_eq!(reply.status, expected, "{path} with {scopes:?}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_revoked_key_and_one_made_just_now_are_noticed() {
    let world = World::new().await;
    let people = People::new(&world);
    let ann = people.add("ann", &["member"]).await;
    let new = NewApiKey::generate();
    people.until(&new.text, StatusCode::UNAUTHORIZED).await;
    people.keep(&new, ann, &["tasks:read"]).await;
    people.until(&new.text, StatusCode::OK).await;
    people.run("UPDATE event_store.api_keys SET expires_at = now()").await;
    people.until(&new.text, StatusCode::UNAUTHORIZED).await;
    people.run("UPDATE event_store.api_keys SET expires_at = now() + interval '1 day'").await;
    people.until(&new.text, StatusCode::OK).await;
    people.run("UPDATE event_store.api_keys SET revoked_at = now()").await;
    people.until(&new.text, StatusCode::UNAUTHORIZED).await;
    let used = "SELECT last_used_at = date_trunc('minute', last_used_at) FROM event_store.api_keys";
    assert!(sqlx::query_scalar::<_, Option<bool>>(used).fetch_one(&world.pool).await.unwrap().unwrap());
}

/// However far behind the read model is.
#[tokio::test]
async fn rights_that_the_log_has_taken_are_gone() {
    let world = World::new().await;
    let people = People::new(&world);
    let (ann, bob) = (people.add("ann", &["member"]).await, people.add("bob", &["member"]).await);
    let (anns, bobs) = (people.key(ann, &["tasks:read"]).await, people.key(bob, &["tasks:read"]).await);
    people.until(&anns, StatusCode::OK).await;
    people.until(&bobs, StatusCode::OK).await;
    people.tell(ann, json!({"user.role_revoked": {"role": "member"}})).await;
    people.deactivate(bob).await;
    people.until(&anns, StatusCode::FORBIDDEN).await;
    people.until(&bobs, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn open_streams_end_with_the_key() {
    let world = World::new().await;
    let people = People::new(&world);
    let ann = people.add("ann", &["member"]).await;
    let (gone, kept) = (people.key(ann, &["events:read"]).await, people.key(ann, &["events:read"]).await);
    let principals =
        [world.verifier.verify(&gone).await.unwrap(), world.verifier.verify(&kept).await.unwrap()];
    let mut ends = principals.each_ref().map(|principal| Box::pin(world.verifier.ended(principal)));
    for end in &mut ends {
        assert!(poll!(end).is_pending());
    }
    let [first, second] = ends;
    let revoke = format!(
        "UPDATE event_store.api_keys SET revoked_at = now() WHERE id = '{}'",
        principals[0].session_id
    );
    people.run(&revoke).await;
    assert!(matches!(timeout(DEADLINE, first).await.unwrap(), TokenError::Invalid(_)));
    let mut second = pin!(second);
    assert!(poll!(&mut second).is_pending());
    people.deactivate(ann).await;
    assert_eq!(timeout(DEADLINE, second).await.unwrap(), TokenError::Stale);
    assert!(matches!(world.verifier.verify(&kept).await, Err(TokenError::Invalid(_))));
}
