//! Those who walk, and the product that they walk through.

use std::{
    net::TcpListener,
    process::Command,
    sync::atomic::{AtomicI64, Ordering},
};

use chrono::{TimeDelta, Utc};
use domain::policy::{Role, RoleSet, Scope};
use serde_json::{Value, json};
use service::{auth::testing::Minter, secrets::SecretKey};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::{Mutex, OnceCell};
use totp_rs::{Builder, Secret};

use super::{grpc::Grpc, outside::Outside, routes::Route, samples::Things};
use crate::{
    client::{Answer, Client, PASSWORD},
    process::{Up, directory},
    system::{PATIENCE, within},
};

/// The all-in-one with an admin.
pub(crate) struct World {
    up: Up,
    outside: Outside,
    data: TempDir,
    root: Mutex<Person>,
    operator: OnceCell<Person>,
    auditor: OnceCell<Person>,
    export: OnceCell<String>,
    program: OnceCell<Person>,
    position: AtomicI64,
    grpc: OnceCell<Grpc>,
}

/// Somebody who is in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) roles: RoleSet,
    pub(crate) client: Client,
    /// The answer to the login.
    pub(crate) login: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with more settings.
    pub(crate) async fn with(set: impl FnOnce(&mut Command)) -> Self {
        // The provider must know where the product will be.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (data, outside) = (directory(), Outside::of(&format!("http://localhost:{port}")).await);
        let providers = data.path().join("providers.toml");
        outside.configure(&providers);
        let up = Up::start_at(data.path(), port, |command| {
            command.env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
            command.env("OIDC_PROVIDERS", &providers);
            set(command);
        });
        let roles = RoleSet::of(&[Role::Member, Role::Admin]);
        let root = Mutex::new(come_in(Client::new(&up.url), "admin@localhost", roles).await);
        Self {
            up,
            outside,
            data,
            root,
            operator: OnceCell::new(),
            auditor: OnceCell::new(),
            export: OnceCell::new(),
            program: OnceCell::new(),
            position: AtomicI64::new(0),
            grpc: OnceCell::new(),
        }
    }

    /// A client that nobody has logged in with.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(&self.up.url)
    }

    /// The admin of the beginning.
    pub(crate) async fn root(&self) -> Client {
        let mut root = self.root.lock().await;
        root.stay_in().await;
        root.client.clone()
    }

    /// Somebody with exactly these roles.
    pub(crate) async fn person(&self, name: &str, roles: &[Role]) -> Person {
        let email = format!("{name}@example.org");
        let person = json!({"email": email, "name": name, "password": PASSWORD});
        self.ask(&self.stranger(), "POST", "/v1/auth/register", Some(&person)).await.expect(202);
        let mut found = Value::Null;
        let there = within(PATIENCE, async || {
            let known = self.root().await.get_when_there(&format!("/v1/users?q={name}")).await.json();
            let mut named = known["items"].as_array().into_iter().flatten();
            found = named.find(|user| user["name"] == name).cloned().unwrap_or_default();
            found["id"].is_string()
        });
        assert!(there.await, "{name} is not there");
        let id = found["id"].as_str().unwrap().to_owned();
        self.do_as_root(&format!("/v1/users/{id}/verify"), json!({})).await;
        let roles: RoleSet = roles.iter().copied().collect();
        for role in roles.iter() {
            self.do_as_root(&format!("/v1/users/{id}/roles/grant"), json!({"role": role.as_str()})).await;
        }
        if !roles.has(Role::Member) {
            self.do_as_root(&format!("/v1/users/{id}/roles/revoke"), json!({"role": "member"})).await;
        }
        // What the read side believes of somebody is a second old at most, but must be of now.
        let path = format!("/v1/users/{id}?min_position={}", self.position());
        self.root().await.get_when_there(&path).await.expect(200);
        come_in(self.stranger(), &email, roles).await
    }

    async fn do_as_root(&self, path: &str, body: Value) {
        let answer = self.root().await.post_matching(path, &body).await.unwrap();
        self.note(&answer.expect(200));
    }

    /// An identity at the outside provider that belongs to this person.
    pub(crate) async fn identity(&self, person: &Person) -> String {
        self.outside.enter(&self.up.url, &person.email, &person.email).await;
        let list = self.ask(&person.client, "GET", "/v1/auth/identities", None).await.expect(200);
        list.json()["items"][0]["id"].as_str().expect("an identity").to_owned()
    }

    /// Somebody comes in by the outside provider; what is answered.
    pub(crate) async fn enters_outside(&self, person: &Person) -> Value {
        let code = self.outside.enter(&self.up.url, &person.email, &person.email).await;
        let body = json!({"code": code});
        self.ask(&self.stranger(), "POST", "/v1/auth/oidc/token", Some(&body)).await.expect(200).json()
    }

    /// Finishes a login with what the authenticator shows; what is answered.
    pub(crate) async fn finishes(&self, half: &Value, authenticator: &Secret) -> Value {
        // As if thirty seconds had gone by: no code was accepted in the present step.
        let sql = "UPDATE event_store.totp_secrets SET last_step = 0";
        sqlx::query(sql).execute(&mut self.log().await).await.unwrap();
        let body = json!({"mfa_token": half["mfa_token"], "code": shown(authenticator)});
        self.ask(&self.stranger(), "POST", "/v1/auth/mfa", Some(&body)).await.expect(200).json()
    }

    /// A long job that somebody has asked for.
    pub(crate) async fn operation(&self) -> String {
        let operator = self.operator.get_or_init(|| self.person("engineer", &[Role::Operator])).await;
        let operator = operator.again().await;
        let again = "/v1/admin/projections/users/rebuild";
        let asked = self.ask(&operator.client, "POST", again, Some(&json!({}))).await.expect(202);
        asked.json()["id"].as_str().unwrap().to_owned()
    }

    /// Somebody who may see what everybody has done.
    pub(crate) async fn auditor(&self) -> Person {
        let auditor = self.auditor.get_or_init(|| self.person("inspector", &[Role::Auditor])).await;
        auditor.again().await
    }

    /// A file that an auditor has asked for; the same for all, since none takes it away.
    pub(crate) async fn export(&self) -> String {
        self.export.get_or_init(|| self.new_export()).await.clone()
    }

    async fn new_export(&self) -> String {
        let auditor = self.auditor().await;
        let few = json!({"to": "1", "include_seals": false});
        let asked = self.ask(&auditor.client, "POST", "/v1/audit/exports", Some(&few)).await.expect(202);
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        let done = async || {
            let path = format!("/v1/operations/{id}");
            self.ask(&auditor.client, "GET", &path, None).await.json()["state"] == "done"
        };
        assert!(within(PATIENCE, done).await, "the export {id} is not done");
        id
    }

    /// Something on its way to the outside: whoever signs up is written to.
    pub(crate) async fn delivery(&self) -> String {
        let operator = self.operator.get_or_init(|| self.person("engineer", &[Role::Operator])).await;
        let operator = operator.again().await;
        let mut found = Value::Null;
        let there = within(PATIENCE, async || {
            let newest = self.ask(&operator.client, "GET", "/v1/deliveries?page_size=1", None).await;
            found = newest.expect(200).json()["items"][0]["id"].take();
            found.is_string()
        });
        assert!(there.await, "nobody is written to");
        found.as_str().unwrap().to_owned()
    }

    /// A program with a key for everything that programs may.
    pub(crate) async fn program(&self) -> &Person {
        self.program.get_or_init(|| self.new_program()).await
    }

    async fn new_program(&self) -> Person {
        let root = self.root().await;
        let post =
            async |path: &str, body: Value| self.ask(&root, "POST", path, Some(&body)).await.expect(201);
        let account = post("/v1/service-accounts", json!({"name": "robot"})).await.json();
        let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        let tomorrow = Utc::now() + TimeDelta::days(1);
        let key = json!({"name": "robot", "scopes": scopes, "expire_time": tomorrow, "service_account": account["id"]});
        let key = post("/v1/api-keys", key).await.json();
        Person {
            id: account["id"].as_str().unwrap().to_owned(),
            email: "robot".to_owned(),
            roles: RoleSet::of(&[Role::Integrator, Role::Member]),
            client: self.stranger().showing(key["key"].as_str().unwrap()),
            // Its key is what stands in for a session.
            login: json!({"session_id": key["id"]}),
        }
    }

    /// A request, sent until the product does not ask to come back.
    pub(crate) async fn ask(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        self.ask_with(client, method, path, body, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut last = None;
        let answered = within(PATIENCE, async || {
            last = client.send(method, path, body, headers).await.ok();
            last.as_ref().is_some_and(|answer| answer.status != 503)
        });
        assert!(answered.await, "{method} {path} is not answered: {last:?}");
        let answer = last.unwrap();
        self.note(&answer);
        answer
    }

    /// A request on this route with what its samples say. What is refused is asked over gRPC too.
    pub(crate) async fn call(&self, client: &Client, route: &Route, things: &Things) -> Answer {
        let body = things.body(route);
        let answer = self.call_with(client, route, things, body.as_ref()).await;
        if route.action.is_some() && matches!(answer.status, 401 | 403 | 404) {
            let grpc = self.grpc.get_or_init(|| Grpc::new(&self.up.url)).await;
            let mut headers = things.headers(route);
            headers.push(("idempotency-key", "of-grpc"));
            let path = things.path(route, self.position());
            grpc.refuses(client, route, &path, body.as_ref(), &headers, &answer).await;
        }
        answer
    }

    /// The same with any body.
    pub(crate) async fn call_with(
        &self,
        client: &Client,
        route: &Route,
        things: &Things,
        body: Option<&Value>,
    ) -> Answer {
        let key = uuid::Uuid::now_v7().to_string();
        let mut headers = things.headers(route);
        if route.method != "GET" {
            headers.push(("idempotency-key", &key));
        }
        let path = things.path(route, self.position());
        self.ask_with(client, &route.method, &path, body, &headers).await
    }

    fn note(&self, answer: &Answer) {
        let position = answer.header("position").and_then(|position| position.parse().ok());
        self.position.fetch_max(position.unwrap_or_default(), Ordering::Relaxed);
    }

    /// The highest position that any answer has named.
    fn position(&self) -> i64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The first events are sealed seconds after they were written.
    pub(crate) async fn first_seal(&self) {
        let file = self.data.path().join("seals.ndjson");
        let sealed = async || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"events\""));
        assert!(within(PATIENCE, sealed).await, "nothing is sealed");
    }

    /// Signs as this installation does.
    pub(crate) async fn minter(&self) -> Minter {
        let sql = "SELECT kid, private_key FROM event_store.signing_keys";
        let (kid, sealed): (String, Vec<u8>) =
            sqlx::query_as(sql).fetch_one(&mut self.log().await).await.unwrap();
        let secret = SecretKey::read(&self.data.path().join("secret.key")).unwrap();
        Minter::of_installation(&secret, &kid, &sealed).unwrap()
    }

    /// The database behind the write side.
    async fn log(&self) -> PgConnection {
        let settings = std::fs::read_to_string(self.data.path().join("taskledger.env")).unwrap();
        let url = settings.lines().find_map(|line| line.strip_prefix("EVENT_STORE_URL=")).unwrap();
        PgConnection::connect(url.trim_matches('\'')).await.unwrap()
    }

    pub(crate) fn end(self) {
        assert!(self.up.end("INT").success());
    }
}

impl Person {
    /// The same person logged in anew.
    pub(crate) async fn again(&self) -> Self {
        come_in(self.client.clone(), &self.email, self.roles).await
    }

    /// Logs in anew when the token will not do for much longer: on a slow machine the walk is long.
    pub(crate) async fn stay_in(&mut self) {
        let expires = Minter::read(self.client.token())["exp"].as_i64().unwrap();
        if expires - chrono::Utc::now().timestamp() < 300 {
            *self = self.again().await;
        }
    }

    pub(crate) fn session(&self) -> String {
        self.login["session_id"].as_str().unwrap().to_owned()
    }

    /// Enrols an authenticator: what it shows now.
    pub(crate) async fn enrol(&self) -> String {
        shown(&self.authenticator().await)
    }

    async fn authenticator(&self) -> Secret {
        let enrolled = self.client.post("/v1/auth/totp/enrol", &json!({})).await.unwrap().expect(200);
        Secret::try_from_base32(enrolled.json()["secret"].as_str().unwrap()).unwrap()
    }

    /// Has an authenticator in force from now on.
    pub(crate) async fn equip(&self) -> Secret {
        let authenticator = self.authenticator().await;
        let code = json!({"code": shown(&authenticator)});
        self.client.post("/v1/auth/totp/confirm", &code).await.unwrap().expect(200);
        authenticator
    }

    /// The same person with a second factor in force.
    pub(crate) async fn equipped(mut self) -> Self {
        self.equip().await;
        let refresh = json!({"refresh_token": self.login["refresh_token"]});
        let refreshed = self.client.post("/v1/auth/refresh", &refresh).await.unwrap().expect(200).json();
        self.client = self.client.showing(refreshed["access_token"].as_str().unwrap());
        self.login = refreshed;
        self
    }
}

/// What an authenticator shows now.
fn shown(authenticator: &Secret) -> String {
    let now = Utc::now().timestamp().try_into().unwrap();
    Builder::new().with_secret(authenticator.clone()).build_noncompliant().generate(now).to_string()
}

async fn come_in(client: Client, email: &str, roles: RoleSet) -> Person {
    let body = json!({"email": email, "password": PASSWORD});
    let mut login = Value::Null;
    let logged_in = within(PATIENCE, async || {
        let answer = client.post("/v1/auth/login", &body).await;
        login = answer.map(|answer| answer.json()).unwrap_or_default();
        login["access_token"].is_string()
    });
    assert!(logged_in.await, "{email} does not come in: {login}");
    let client = client.showing(login["access_token"].as_str().unwrap());
    let id = login["user"]["id"].as_str().unwrap().to_owned();
    Person { id, email: email.to_owned(), roles, client, login }
}
