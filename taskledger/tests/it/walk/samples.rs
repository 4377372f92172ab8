//! What stands in the paths, queries, headers and bodies of routes that need something to be there. This is the one place
//! to say so for a new route.

use chrono::{TimeDelta, Utc};
use domain::policy::{Action, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    outside::PROVIDER,
    people::{Person, World},
    routes::{Route, Subject},
};
use crate::client::{Client, PASSWORD};

/// What a route is asked about.
#[derive(Clone, Default)]
pub(crate) struct Things {
    task: String,
    other_task: String,
    comment: String,
    item: String,
    /// Somebody who was invited just now.
    user: String,
    session: String,
    operation: String,
    delivery: String,
    /// Somebody who may be assigned.
    assignee: String,
    /// What an authenticator shows.
    code: String,
    api_key: String,
    identity: String,
    device: String,
    rule: String,
    webhook: String,
    announcement: String,
    /// A file that is there to be fetched.
    export: String,
    /// Of an event that all members see.
    position: String,
}

impl Things {
    /// Makes what the route needs, all of it this person's, and brings it into a state in which the route does something.
    pub(crate) async fn of(world: &World, route: &Route, owner: &Person, visibility: &str) -> Self {
        let mut things = Self { session: owner.session(), assignee: owner.id.clone(), ..Self::default() };
        let many = matches!(route.operation.as_str(), "batch" | "push_changes");
        let task_of_its_own = route.subject() == Subject::Task || many;
        let post = async |client: &Client, path: &str, body: Value| {
            let answer = world.ask(client, "POST", path, Some(&body)).await;
            assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
            answer.json()
        };
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        if task_of_its_own {
            let made =
                post(&owner.client, "/v1/tasks", json!({"title": "t", "visibility": visibility})).await;
            things.task = id(&made["id"]);
            let task = format!("/v1/tasks/{}", things.task);
            if route.path.contains("{comment}") {
                things.comment = id(&post(&owner.client, &format!("{task}/comments"), json!({"text": "c"}))
                    .await["comment"]["id"]);
            }
            if route.path.contains("{item}") {
                let added = post(&owner.client, &format!("{task}/checklist"), json!({"text": "i"})).await;
                things.item = id(&added["checklist"][0]["id"]);
            }
            if route.path.contains("{task}") {
                things.other_task = id(&post(&owner.client, "/v1/tasks", json!({"title": "o"})).await["id"]);
            }
            match route.operation.as_str() {
                "resume" => drop(post(&owner.client, &format!("{task}/hold"), json!({})).await),
                "reopen" => drop(post(&owner.client, &format!("{task}/complete"), json!({})).await),
                "undelete" => drop(world.ask(&owner.client, "DELETE", &task, None).await.expect(200)),
                "progress" => drop(
                    post(&owner.client, &format!("{task}/assign"), json!({"assignees": [owner.id]})).await,
                ),
                _ => {}
            }
        }
        if route.path.contains("/users/{id}") {
            let invited = json!({"email": format!("{}@example.org", Uuid::now_v7().simple()), "name": "x"});
            things.user = id(&post(&world.root().await, "/v1/users", invited).await["id"]);
        }
        if route.path.contains("/operations/{id}") {
            things.operation = world.operation().await;
        }
        if route.operation == "get_proof" {
            world.first_seal().await;
        }
        if route.path.contains("/exports/{id}") {
            things.export = world.export().await;
        }
        if route.path.contains("/deliveries/{id}") {
            things.delivery = world.delivery().await;
        }
        if route.path.contains("/api-keys/{id}") {
            things.api_key = match owner.roles.has(Role::Member) {
                true => id(&post(&owner.client, "/v1/api-keys", api_key()).await["id"]),
                false => Uuid::now_v7().to_string(),
            };
        }
        if route.path.contains("/identities/{id}") {
            things.identity = world.identity(owner).await;
        }
        if route.path.contains("/devices/{id}") {
            things.device = id(&post(&owner.client, "/v1/users/me/devices", device()).await["id"]);
        }
        if route.path.contains("/users/{id}/devices/{device}") {
            things.user.clone_from(&owner.id);
            things.device = id(&post(&owner.client, "/v1/users/me/devices", device()).await["id"]);
        }
        if route.path.contains("/notification-rules/{id}") {
            things.rule = id(&post(&world.root().await, "/v1/notification-rules", rule()).await["id"]);
        }
        if route.path.contains("/webhooks/{id}") {
            let key = Uuid::now_v7().to_string();
            let headers = [("idempotency-key", key.as_str())];
            let program = &world.program().await.client;
            let made = world.ask_with(program, "POST", "/v1/webhooks", Some(&webhook()), &headers).await;
            things.webhook = id(&made.expect(201).json()["id"]);
        }
        if route.path.contains("/announcements/{id}") {
            let key = Uuid::now_v7().to_string();
            let headers = [("idempotency-key", key.as_str())];
            let root = world.root().await;
            let made =
                world.ask_with(&root, "POST", "/v1/announcements", Some(&announcement()), &headers).await;
            things.announcement = id(&made.expect(201).json()["id"]);
        }
        if route.path.contains("/consumer-groups/{name}") {
            // Whoever may not make one is refused here as there.
            world.ask(&owner.client, "PUT", "/v1/consumer-groups/walk", Some(&json!({}))).await;
        }
        if route.operation == "get_event" {
            let made = post(&owner.client, "/v1/tasks", json!({"title": "t"})).await;
            things.position = made["position"].to_string();
        }
        if route.operation == "confirm" && route.subject() == Subject::Oneself {
            things.code = owner.enrol().await;
        }
        things
    }

    /// The path with the query that it needs.
    pub(crate) fn path(&self, route: &Route, position: i64) -> String {
        let mut before = "";
        let mut segments = Vec::new();
        for segment in route.path.split('/') {
            segments.push(match segment.strip_prefix('{') {
                Some(name) => self.named(before, name.trim_end_matches('}'), route),
                None => segment,
            });
            before = segment;
        }
        let query = |name: &String| match name.as_str() {
            "group_by" if route.path.starts_with("/v1/audit/") => "group_by=action".to_owned(),
            "group_by" => "group_by=status".to_owned(),
            "role" => "role=admin".to_owned(),
            "from" => "from=1".to_owned(),
            "since" => "since=*".to_owned(),
            _ => panic!("{}: what is its parameter {name} to be?", route.name),
        };
        let mut query: Vec<_> = route.required.iter().map(query).collect();
        if route.waits {
            query.push(format!("min_position={position}"));
        }
        let path = segments.join("/");
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    fn named(&self, before: &str, name: &str, route: &Route) -> &str {
        match (before, name) {
            ("events", "position") => &self.position,
            ("revisions", "version") => "1",
            ("tasks", "id") => &self.task,
            ("{type}", "task") => &self.other_task,
            ("relations", "type") => "relates",
            ("comments", "comment") => &self.comment,
            ("checklist", "item") => &self.item,
            ("users", "id") => &self.user,
            ("sessions", "id") => &self.session,
            ("operations", "id") => &self.operation,
            ("exports", "id") => &self.export,
            ("api-keys", "id") => &self.api_key,
            ("identities", "id") => &self.identity,
            ("devices", "id" | "device") => &self.device,
            ("notification-rules", "id") => &self.rule,
            ("webhooks", "id") => &self.webhook,
            ("announcements", "id") => &self.announcement,
            ("notifications", "id") => "0199a8ca-0000-7000-8000-000000000000",
            ("oidc", "provider") => PROVIDER,
            ("parked-events", "id") | ("trace", "of") | ("proofs", "position") => "1",
            ("records", "id") => "e1",
            ("deliveries", "id") => &self.delivery,
            ("projections", "name") => "users",
            ("consumer-groups", "name") => "walk",
            ("schemas", "type") => "task.assigned.v1",
            _ => panic!("{}: what is {{{name}}} to be?", route.name),
        }
    }

    /// A body that the route accepts.
    pub(crate) fn body(&self, route: &Route) -> Option<Value> {
        route.body.as_ref()?;
        Some(match route.operation.as_str() {
            "register" => json!({"email": "walker@example.org", "name": "Walker", "password": PASSWORD}),
            "login" => json!({"email": "admin@localhost", "password": PASSWORD}),
            "forgot" => json!({"email": "walker@example.org"}),
            "mfa" => json!({"mfa_token": "x", "code": "123456"}),
            "verify_email" => json!({"token": "x"}),
            "reset" => json!({"token": "x", "password": "another tempest over kiwi"}),
            "change" => json!({"old_password": PASSWORD, "new_password": "another tempest over kiwi"}),
            "reauthenticate" => json!({"password": PASSWORD}),
            "oidc_token" => json!({"code": "x"}),
            "confirm" => json!({"code": self.code}),
            "invite" => {
                json!({"email": format!("{}@example.org", Uuid::now_v7().simple()), "name": "x"})
            }
            "grant_role" | "revoke_role" => json!({"role": "announcer"}),
            "create" => json!({"title": "t"}),
            "create_api_key" => api_key(),
            "create_service_account" => json!({"name": "x"}),
            "register_device" => device(),
            "create_notification_rule" => rule(),
            "dry_run_notification_rule" => json!({"rule": rule()}),
            "create_webhook" => webhook(),
            "disable_webhook" => json!({"reason": "gone"}),
            "replay_webhook" => json!({"from": "1"}),
            "create_announcement" => announcement(),
            "schedule_announcement" => {
                json!({"at": Utc::now() + TimeDelta::days(7), "zone": "Asia/Seoul"})
            }
            "announcement_sent" => json!({"at": Utc::now(), "recipients": 1}),
            "seek_consumer_group" => json!({"to": "now"}),
            "skip_parked_group_events" => json!({"positions": [1]}),
            "skip_delivery" => json!({"reason": "x"}),
            "retry_deliveries" => json!({"filter": {"channel": "email"}}),
            "skip_deliveries" => json!({"filter": {"channel": "email"}, "reason": "x"}),
            "read_notifications_up_to" => json!({"position": 1}),
            "batch" => json!({"atomic": false, "commands": [{"op": "start", "id": self.task}]}),
            "push_changes" => {
                json!({"commands": [{"uuid": Uuid::new_v4(), "op": "start", "id": self.task}]})
            }
            "assign" | "unassign" => json!({"assignees": [self.assignee]}),
            "progress" => json!({"progress": 7}),
            "rollback" => json!({"version": 1}),
            "add_comment" | "edit_comment" | "add_item" => json!({"text": "x"}),
            _ if route.required_members().is_empty() => json!({}),
            _ => panic!("{}: what is its body to be?", route.name),
        })
    }

    /// Headers that the route demands.
    pub(crate) fn headers(&self, route: &Route) -> Vec<(&'static str, &'static str)> {
        match route.action {
            Some(Action::UserRoles) => vec![("if-match", "*")],
            Some(Action::NotificationRuleManage | Action::AnnouncementManage | Action::WebhookManage)
                if route.path.contains("{id}") =>
            {
                vec![("if-match", "*")]
            }
            _ => Vec::new(),
        }
    }

    /// The same of tasks that are nowhere.
    pub(crate) fn nowhere(&self) -> Self {
        let nothing = || Uuid::now_v7().to_string();
        Self { task: nothing(), comment: nothing(), item: nothing(), ..self.clone() }
    }
}

fn device() -> Value {
    json!({"platform": "web", "token": Uuid::now_v7().to_string()})
}

fn rule() -> Value {
    json!({"name": "x", "event_types": ["task.*"], "audience": {"groups": ["watchers"]}})
}

/// Each elsewhere: the same events go to the same place once.
fn webhook() -> Value {
    json!({"url": format!("https://hooks.example.com/{}", Uuid::now_v7()), "event_types": ["task.*"]})
}

fn announcement() -> Value {
    json!({"title": "x", "body": "x", "audience": {"roles": ["auditor"]}})
}

/// A body that makes a key that is good until tomorrow.
fn api_key() -> Value {
    json!({"name": "robot", "scopes": ["tasks:read"], "expire_time": Utc::now() + TimeDelta::days(1)})
}
