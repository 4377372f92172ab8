//! The bodies of every route: the document knows what the readers know, and nothing else is read.

use std::collections::BTreeSet;

use domain::policy::Role;
use serde_json::{Value, json};

use super::{
    people::{Person, World},
    routes::{self, Route, Subject},
    samples::Things,
};
use crate::client::Answer;

/// What the server says, whoever else would like to.
const OURS: [(&str, &str); 14] = [
    ("tenant_id", "\"other\""),
    ("role", "\"admin\""),
    ("roles", "[\"admin\"]"),
    ("is_admin", "true"),
    ("admin", "true"),
    ("actor", "{\"type\": \"system\"}"),
    ("on_behalf_of", "\"0190a8ca-0000-7000-8000-000000000000\""),
    ("creator", "\"0190a8ca-0000-7000-8000-000000000000\""),
    ("user_id", "\"0190a8ca-0000-7000-8000-000000000000\""),
    ("version", "7000"),
    ("position", "1"),
    ("created_at", "\"2020-01-01T00:00:00Z\""),
    ("create_time", "\"2020-01-01T00:00:00Z\""),
    ("__proto__", "{}"),
];

struct Walk {
    world: World,
    /// May do everything, so that it is the body that is refused.
    everything: Person,
}

impl Walk {
    async fn begin() -> (Self, Vec<Route>) {
        let world = World::new().await;
        let routes = routes::served(&world.stranger()).await;
        let roles = [Role::Member, Role::Manager, Role::Admin, Role::Operator];
        let everything = world.person("everything", &roles).await;
        (Self { world, everything }, routes)
    }

    /// Somebody who proved just now who they are, with what the route is asked about.
    async fn ready(&self, route: &Route) -> (Person, Things) {
        let person = match route.subject() {
            _ if route.is_for_programs() => self.world.program().await.clone(),
            _ if route.is_for_auditors() => self.world.auditor().await,
            Subject::Oneself => self.everything.again().await,
            _ if route.is_asked_afresh() => self.everything.again().await,
            Subject::Task | Subject::Other => {
                let mut person = self.everything.clone();
                person.stay_in().await;
                person
            }
        };
        let things = Things::of(&self.world, route, &person, "team").await;
        (person, things)
    }

    async fn send(&self, route: &Route, ready: &(Person, Things), body: Value) -> Answer {
        self.world.call_with(&ready.0.client, route, &ready.1, Some(&body)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_and_readers_know_the_same_members() {
    let (walk, routes) = Walk::begin().await;
    for route in open_routes(&routes) {
        let (name, ready) = (&route.name, walk.ready(route).await);
        let refused = walk.send(route, &ready, json!({"no such member": 1})).await;
        let required: BTreeSet<_> = route.required_members().iter().map(|name| format!("/{name}")).collect();
        assert_eq!(pointers(&refused, |code| code == "REQUIRED"), required, "{name}: {}", refused.text);
        assert_eq!(pointers(&refused, unknown).len(), 1, "{name}: {}", refused.text);
        for member in route.members() {
            let refused = walk.send(route, &ready, json!({member: [[]]})).await.expect(422);
            assert!(
                pointers(&refused, unknown).is_empty(),
                "{name} does not know {member}: {}",
                refused.text
            );
        }
    }
    walk.world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_comes_from_no_body() {
    let (walk, routes) = Walk::begin().await;
    for route in open_routes(&routes) {
        let ready = walk.ready(route).await;
        for (member, value) in OURS.iter().filter(|(name, _)| !route.members().contains(name)) {
            let mut body = ready.1.body(route).expect("it has a body");
            body[member] = serde_json::from_str(value).expect("a value");
            let refused = walk.send(route, &ready, body).await;
            let name = format!("{} with {member}", route.name);
            assert_eq!(refused.status, 422, "{name}: {}", refused.text);
            assert!(pointers(&refused, |_| true).contains(&format!("/{member}")), "{name}: {}", refused.text);
        }
    }
    walk.world.end();
}

/// Those with a body that somebody may send.
fn open_routes(routes: &[Route]) -> impl Iterator<Item = &Route> {
    routes.iter().filter(|route| route.body.is_some() && !route.is_for_the_system())
}

fn unknown(code: &str) -> bool {
    code == "UNKNOWN_FIELD"
}

fn pointers(problem: &Answer, of: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let errors = problem.json()["errors"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    errors.iter().filter(|error| of(&text(&error["code"]))).map(|error| text(&error["pointer"])).collect()
}
