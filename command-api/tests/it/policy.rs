//! Every route of the document against everybody who may not use it.

use axum::http::StatusCode;
use domain::policy::{Action, Role};
use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Operation};
use uuid::Uuid;

use crate::{
    api::{Answer, Api, PASSWORD, Person, World},
    oidc::{Browser, Hostile, Lie},
};

/// A route with the right that it asks for; none = everybody's.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) action: Option<Action>,
    /// The schema of its body by name.
    pub(crate) body: Option<String>,
}

/// The routes of the service; one without a known right fails the test.
pub(crate) fn routes() -> Vec<Route> {
    let document = command_api::openapi();
    let mut routes = Vec::new();
    for (path, item) in &document.paths.paths {
        let all: [(HttpMethod, &'static str, Option<&Operation>); 5] = [
            (HttpMethod::Get, "GET", item.get.as_ref()),
            (HttpMethod::Post, "POST", item.post.as_ref()),
            (HttpMethod::Put, "PUT", item.put.as_ref()),
            (HttpMethod::Patch, "PATCH", item.patch.as_ref()),
            (HttpMethod::Delete, "DELETE", item.delete.as_ref()),
        ];
        for (_, method, operation) in all {
            let Some(operation) = operation else { continue };
            let extensions = serde_json::to_value(operation).unwrap();
            let policy = extensions["x-policy"].as_str();
            let policy = policy.unwrap_or_else(|| panic!("{method} {path} has no x-policy"));
            let action = (policy != "public").then(|| {
                policy.parse().unwrap_or_else(|_| panic!("{method} {path}: unknown policy {policy}"))
            });
            let content = extensions["requestBody"]["content"].as_object();
            let schema = content.and_then(|content| content.values().next()?["schema"]["$ref"].as_str());
            let body = schema.and_then(|name| name.rsplit('/').next()).map(str::to_owned);
            routes.push(Route { method, path: path.clone(), action, body });
        }
    }
    routes
}

/// A task with a comment, a checklist item and a relation.
pub(crate) struct Sample {
    pub(crate) task: String,
    comment: String,
    item: String,
    other: String,
    user: Uuid,
    session: Uuid,
    /// What an authenticator shows.
    code: String,
    /// An API key, by its id.
    key: String,
    /// An identity at an outside provider.
    identity: String,
}

impl Sample {
    pub(crate) async fn new(api: &Api, owner: &Person, user: Uuid, visibility: &str) -> Self {
        let made = api.task(owner, json!({"title": "t", "visibility": visibility})).await.id();
        let other = api.task(owner, json!({"title": "o"})).await.id();
        let comment =
            api.post(&format!("/v1/tasks/{made}/comments"), Some(owner), json!({"text": "c"})).await;
        let items = api.post(&format!("/v1/tasks/{made}/checklist"), Some(owner), json!({"text": "i"})).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            task: made,
            comment: text(&comment.json["comment"]["id"]),
            item: text(&items.json["checklist"][0]["id"]),
            other,
            user,
            session: owner.session(),
            code: "123456".to_owned(),
            key: Uuid::now_v7().to_string(),
            identity: Uuid::now_v7().to_string(),
        }
    }

    fn path(&self, route: &Route) -> String {
        let id = if route.path.starts_with("/v1/users") { self.user.to_string() } else { self.task.clone() };
        let id = if route.path.contains("parked-events") { "1".to_owned() } else { id };
        let id = if route.path.contains("/sessions/") { self.session.to_string() } else { id };
        let id = if route.path.contains("/api-keys/") { self.key.clone() } else { id };
        let id = if route.path.contains("/identities/") { self.identity.clone() } else { id };
        let path = route
            .path
            .replace("{provider}", "hostile")
            .replace("{id}", &id)
            .replace("{comment}", &self.comment);
        let path =
            path.replace("{item}", &self.item).replace("{type}", "relates").replace("{task}", &self.other);
        path.replace("{name}", "tasks")
    }
}

/// A body that the route accepts.
fn body(path: &str, sample: &Sample) -> Value {
    let tail = path.rsplit('/').next().unwrap_or_default();
    match tail {
        "tasks" => json!({"title": "t"}),
        "assign" | "unassign" => json!({"assignees": [sample.user]}),
        "progress" => json!({"progress": 7}),
        "comments" | "checklist" => json!({"text": "x"}),
        "grant" | "revoke" => json!({"role": "announcer"}),
        "users" => json!({"email": format!("{}@example.org", Uuid::now_v7().simple()), "name": "x"}),
        "api-keys" => crate::api_keys::wish(&["tasks:read"]),
        "service-accounts" => json!({"name": "x"}),
        "change" => json!({"old_password": PASSWORD, "new_password": "another tempest over kiwi"}),
        "confirm" => json!({"code": sample.code}),
        "reauthenticate" if path.contains("/oidc/") => json!({}),
        "reauthenticate" => json!({"password": PASSWORD}),
        "batch" => json!({"commands": [{"op": "start", "id": sample.task}]}),
        _ if path.contains("/comments/") => json!({"text": "y"}),
        _ => json!({}),
    }
}

impl Route {
    async fn call(&self, api: &Api, sample: &Sample, person: Option<&Person>) -> StatusCode {
        let body = body(&sample.path(self), sample);
        self.send(api, sample, person, body).await.status
    }

    /// Sends any body, with the headers that the route demands.
    pub(crate) async fn send(
        &self,
        api: &Api,
        sample: &Sample,
        person: Option<&Person>,
        body: Value,
    ) -> Answer {
        let path = sample.path(self);
        let mut headers = vec![];
        let key = Uuid::now_v7().to_string();
        if self.path.ends_with("/batch") {
            headers.push(("idempotency-key", key.as_str()));
        }
        if self.path.contains("/roles/") {
            headers.push(("if-match", "*"));
        }
        api.call(self.method, &path, person, body, &headers).await
    }

    fn is_on_a_task(&self) -> bool {
        self.path.starts_with("/v1/tasks/{id}")
    }
}

#[tokio::test]
async fn every_route_knows_who_may() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let nobody = api.person("nobody", &[]).await;
    let auditor = api.person("auditor", &[Role::Auditor]).await;
    let expired = Person { id: ann.id, token: world.expired_token(&ann).await };
    let forged = Person { id: ann.id, token: format!("{}AAAA", &ann.token[..ann.token.len() - 4]) };
    let target = api.member("target").await;
    for route in routes() {
        let Some(action) = route.action else { continue };
        let name = format!("{} {}", route.method, route.path);
        let sample = Sample::new(&api, &ann, target.id, "private").await;
        assert_eq!(route.call(&api, &sample, None).await, 401, "{name} without token");
        assert_eq!(route.call(&api, &sample, Some(&expired)).await, 401, "{name} with an expired token");
        assert_eq!(route.call(&api, &sample, Some(&forged)).await, 401, "{name} with a forged token");
        if route.is_on_a_task() {
            assert_eq!(route.call(&api, &sample, Some(&bob)).await, 404, "{name} on a foreign private task");
            assert_eq!(route.call(&api, &sample, Some(&nobody)).await, 404, "{name} without any role");
            assert_eq!(
                route.call(&api, &sample, Some(&auditor)).await,
                403,
                "{name} by an auditor, who only reads"
            );
        } else if action != Action::UserEdit {
            assert_eq!(route.call(&api, &sample, Some(&nobody)).await, 403, "{name} without any role");
        }
    }
}

#[tokio::test]
async fn every_route_lets_the_right_ones_in() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.api_with_providers(&hostile.configured("")).await;
    let (mut ann, admin) = (api.member("ann").await, api.person("root", &[Role::Admin, Role::Member]).await);
    let oscar = api.person("oscar", &[Role::Operator]).await;
    let target = api.member("target").await;
    for route in routes() {
        let Some(action) = route.action else { continue };
        let name = format!("{} {}", route.method, route.path);
        let mut sample = Sample::new(&api, &ann, target.id, "team").await;
        let path = format!("/v1/tasks/{}", sample.task);
        let tail = route.path.rsplit('/').next().unwrap_or_default();
        let somebody = match tail {
            "disable" | "recovery-codes" => api.equip(&world, tail).await.0,
            "enrol" | "confirm" => api.member(tail).await,
            "reauthenticate" if !route.path.contains("/oidc/") => api.member(tail).await,
            // Their sessions end.
            "change" => api.member(&format!("changing{}", sample.task)).await,
            _ if route.path.contains("/identities/") => {
                let person = api.member("linked").await;
                let mut browser = Browser::new(&api);
                browser.visit(&hostile, Lie::about("linked", "linked@example.org")).await.expect(303);
                let list = api.call("GET", "/v1/auth/identities", Some(&person), json!({}), &[]).await;
                sample.identity = list.json["items"][0]["id"].as_str().unwrap().to_owned();
                person
            }
            _ => ann.clone(),
        };
        let right = match action {
            Action::Operate => &oscar,
            Action::TaskProgress => {
                let all = json!({"assignees": [ann.id]});
                api.post(&format!("{path}/assign"), Some(&ann), all).await.expect(200);
                &ann
            }
            Action::UserInvite
            | Action::UserVerify
            | Action::UserDeactivate
            | Action::UserRoles
            | Action::UserLogout
            | Action::ServiceAccountManage => &admin,
            _ => &somebody,
        };
        match tail {
            "{id}" if route.path.contains("/api-keys/") => {
                let made = api.post("/v1/api-keys", Some(right), body("/v1/api-keys", &sample)).await;
                sample.key = made.expect(201).id();
            }
            "confirm" => sample.code = api.enrol(right).await.code(),
            "undelete" => drop(api.call("DELETE", &path, Some(&ann), json!({}), &[]).await.expect(200)),
            "resume" => drop(api.post(&format!("{path}/hold"), Some(&ann), json!({})).await.expect(200)),
            "reopen" => drop(api.post(&format!("{path}/complete"), Some(&ann), json!({})).await.expect(200)),
            "assign" => {
                let again = format!("/v1/users/{}/reactivate", target.id);
                api.post(&again, Some(&admin), json!({})).await.expect(200);
            }
            _ => {}
        }
        let status = route.call(&api, &sample, Some(right)).await;
        assert!(status.is_success(), "{name}: {status}");
        // Some of these end the session that they are asked in.
        if route.path.starts_with("/v1/auth/") {
            ann.token = api.log_in("ann@example.org").await;
        }
    }
}
