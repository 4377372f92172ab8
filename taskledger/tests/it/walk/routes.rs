//! The routes of the product, read from its document.

use domain::policy::Action;
use serde_json::{Map, Value};

use crate::client::Client;

/// One operation.
pub(crate) struct Route {
    /// `POST /v1/tasks`
    pub(crate) name: String,
    pub(crate) operation: String,
    pub(crate) method: String,
    /// The template.
    pub(crate) path: String,
    /// The row of the policy table; none = everybody's.
    pub(crate) action: Option<Action>,
    /// The schema of its body.
    pub(crate) body: Option<Map<String, Value>>,
    /// The parameters of its query that must be there.
    pub(crate) required: Vec<String>,
    /// Whether it waits for a position.
    pub(crate) waits: bool,
}

/// What the policy judges beside the roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The task that the path names.
    Task,
    /// Something of the caller's own.
    Oneself,
    /// Somebody else, or nothing in particular.
    Other,
}

/// Below these paths everybody has things of their own.
const OWN: &[&str] = &[
    "/v1/auth/",
    "/v1/users/me",
    "/v1/api-keys",
    "/v1/consumer-groups",
    "/v1/notification-preferences",
    "/v1/notifications",
];

/// The routes as they are served, and the schemas of their bodies.
pub(crate) async fn served(client: &Client) -> Vec<Route> {
    let document = client.get_when_there("/v1/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").iter();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    let operations = operations.filter(|(_, _, operation)| operation["responses"].is_object());
    operations.map(|(path, method, operation)| Route::read(&document, path, method, operation)).collect()
}

impl Route {
    fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let name = format!("{} {path}", method.to_uppercase());
        let policy = operation["x-policy"].as_str().unwrap_or_else(|| panic!("{name} has no x-policy"));
        let row = || policy.parse().unwrap_or_else(|_| panic!("{name}: no row {policy} in the policy table"));
        let content = operation["requestBody"]["content"].as_object();
        let schema = content.and_then(|content| content.values().next()?["schema"]["$ref"].as_str());
        let schema = schema.map(|reference| reference.strip_prefix('#').expect("a schema of this document"));
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query: Vec<_> = parameters.filter(|parameter| parameter["in"] == "query").collect();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            operation: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            action: (policy != "public").then(row),
            body: schema
                .map(|pointer| document.pointer(pointer).expect("a schema").as_object().cloned())
                .map(|schema| schema.expect("a schema is an object")),
            required: query
                .iter()
                .filter(|one| one["required"] == true)
                .map(|one| text(&one["name"]))
                .collect(),
            waits: query.iter().any(|one| one["name"] == "min_position"),
            name,
        }
    }

    pub(crate) fn subject(&self) -> Subject {
        if self.path.starts_with("/v1/tasks/{") {
            Subject::Task
        } else if OWN.iter().any(|own| self.path.starts_with(own)) {
            Subject::Oneself
        } else {
            Subject::Other
        }
    }

    /// Whether the path names one object of somebody's. What notices there are the write side does not know: one takes as
    /// read what one likes, in one's own inbox. A consumer group's name is one's own.
    pub(crate) fn names_an_object(&self) -> bool {
        let others = ["{provider}", "/notifications/{id}/read", "/consumer-groups/{name}"];
        self.path.contains('{') && !others.iter().any(|other| self.path.contains(other))
    }

    /// Whether programs only may ask for it.
    pub(crate) fn is_for_programs(&self) -> bool {
        matches!(self.action, Some(Action::WebhookManage | Action::WebhookControl))
    }

    /// Whether only those may ask for it who have just proved who they are, though it is about others.
    pub(crate) fn is_asked_afresh(&self) -> bool {
        self.action == Some(Action::UserErase)
    }

    /// Whether auditors only may ask for it, who are nobody else.
    pub(crate) fn is_for_auditors(&self) -> bool {
        self.action == Some(Action::AuditRead)
    }

    /// Whether nobody may ask for it but the system itself.
    pub(crate) fn is_for_the_system(&self) -> bool {
        self.action == Some(Action::AnnouncementSend)
    }

    /// The members that its body must have.
    pub(crate) fn required_members(&self) -> Vec<&str> {
        let required = self.body.as_ref().and_then(|schema| schema.get("required")?.as_array());
        required.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The members that its body may have.
    pub(crate) fn members(&self) -> Vec<&str> {
        let members = self.body.as_ref().and_then(|schema| schema.get("properties")?.as_object());
        members.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }
}
