//! The routes of the service and what they accept. Every route against everybody is walked from the document of the whole
//! product.

use domain::policy::Action;
use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Operation};
use uuid::Uuid;

use crate::api::{Answer, Api, Person};

/// A route with the right that it asks for; none = everybody's.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) action: Option<Action>,
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
            routes.push(Route { method, path: path.clone(), action });
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
            .replace("{device}", &id)
            .replace("{id}", &id)
            .replace("{comment}", &self.comment);
        let path =
            path.replace("{item}", &self.item).replace("{type}", "relates").replace("{task}", &self.other);
        path.replace("{name}", "tasks")
    }
}

impl Route {
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
}
