//! An auditor and those whom he looks at.

use std::process::Command;

use domain::policy::Role;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, PASSWORD},
    system::{PATIENCE, within},
    walk::people::{Person, World},
};

/// Somebody works, somebody administrates, somebody audits.
pub(super) struct Office {
    pub(super) world: World,
    pub(super) ann: Person,
    pub(super) auditor: Person,
}

impl Office {
    pub(super) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// The same with more settings.
    pub(super) async fn open_with(set: impl FnOnce(&mut Command)) -> Self {
        let world = World::with(set).await;
        let ann = world.person("ann", &[Role::Member]).await;
        let auditor = world.person("vera", &[Role::Auditor]).await;
        Self { world, ann, auditor }
    }

    /// What the auditor is answered.
    pub(super) async fn asks(&self, path: &str) -> Value {
        self.world.ask(&self.auditor.client, "GET", path, None).await.expect(200).json()
    }

    /// The same once the answer is as it must become: what is no event comes a second later.
    pub(super) async fn finds(&self, path: &str, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut found = Vec::new();
        let there = within(PATIENCE, async || {
            found = self.asks(path).await["items"].as_array().cloned().unwrap_or_default();
            is(&found)
        });
        assert!(there.await, "{path}: {found:#?}");
        found
    }

    /// The actions of the records, in their order, once there are so many.
    pub(super) async fn actions(&self, query: &str, count: usize) -> Vec<String> {
        let found = self.finds(&format!("/v1/audit/records?{query}"), |items| items.len() >= count).await;
        found.iter().map(|record| text(&record["action"])).collect()
    }

    /// A command that is done.
    pub(super) async fn does(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: impl Into<Option<Value>>,
    ) -> Answer {
        let (key, body) = (uuid::Uuid::now_v7().to_string(), body.into());
        let headers = [("idempotency-key", key.as_str())];
        let answer = self.world.ask_with(client, method, path, body.as_ref(), &headers).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text);
        answer
    }

    /// A task of hers with a history: created, renamed, started, written about.
    pub(super) async fn task(&self) -> String {
        let ann = &self.ann.client;
        let made = self.does(ann, "POST", "/v1/tasks", json!({"title": "Roof", "priority": "low"})).await;
        let id = text(&made.json()["id"]);
        self.does(ann, "PATCH", &format!("/v1/tasks/{id}"), json!({"title": "New roof"})).await;
        self.does(ann, "POST", &format!("/v1/tasks/{id}/start"), json!({})).await;
        self.does(ann, "POST", &format!("/v1/tasks/{id}/comments"), json!({"text": "Slate, not tin"})).await;
        id
    }

    /// Logs ann in from this client; what came back.
    pub(super) async fn log_in(&self, password: &str, agent: &str) -> Answer {
        let body = json!({"email": self.ann.email, "password": password});
        let stranger = self.world.stranger();
        self.world.ask_with(&stranger, "POST", "/v1/auth/login", Some(&body), &[("user-agent", agent)]).await
    }

    /// The same with the right password.
    pub(super) async fn comes_in_with(&self, agent: &str) -> Value {
        self.log_in(PASSWORD, agent).await.expect(200).json()
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
