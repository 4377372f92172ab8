//! The write side as clients meet it: the real router on a real log, without sockets.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use chrono::Utc;
use clap::Parser;
use command_api::{
    CommandApi, Config,
    auth::{NewPerson, Password, SigningKeys},
    commands::{Caller, UserUnit, Who},
};
use domain::{
    ids::UserId,
    policy::{Role, RoleSet},
    user::{
        NewUser, Proof, UserCommand,
        values::{Email, Locale, PersonName, TimeZone},
    },
};
use event_store::Pressure;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use servers::testing::{self, Template, TestDatabase};
use service::{
    auth::{SystemTokens, testing::Minter},
    config::{self, HttpArgs},
    http::{Edge, Rates, finish},
    mail_token::MailTokens,
    process::Surroundings,
    secrets::SecretKey,
};
use sqlx::PgPool;
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "tempest over kiwi";

/// Nothing in these tests takes this long; it only bounds a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    http: HttpArgs,
}

/// One installation: a database and one or more replicas.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    secret: tempfile::NamedTempFile,
    pub(crate) owner: PgPool,
}

/// One replica of the service.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) inside: CommandApi,
    router: Router,
    _surroundings: Arc<Stop>,
}

struct Stop(Surroundings);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.shutdown.begin();
    }
}

/// Somebody with a token.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) token: String,
}

impl Person {
    /// The session that the token names.
    pub(crate) fn session(&self) -> Uuid {
        self.claims()["sid"].as_str().unwrap().parse().unwrap()
    }

    /// What the token says.
    pub(crate) fn claims(&self) -> Value {
        Minter::read(&self.token)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

fn template() -> Template {
    Template::new("event_store", |url| async move { event_store::migrate(&url).await })
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = testing::database(&template()).await;
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "5a".repeat(32)).unwrap();
        let owner =
            sqlx::postgres::PgPoolOptions::new().max_connections(2).connect(database.url()).await.unwrap();
        Self { database, secret, owner }
    }

    /// A replica with caches of its own.
    pub(crate) async fn api(&self) -> Api {
        self.api_with(None, None, &[]).await
    }

    /// The same with these outside providers, as their file names them.
    pub(crate) async fn api_with_providers(&self, providers: &str) -> Api {
        self.api_with(None, Some(providers), &[]).await
    }

    /// Both.
    pub(crate) async fn limited_api_with_providers(&self, limits: &str, providers: &str) -> Api {
        self.api_with(Some(Rates::new(limits.parse().unwrap())), Some(providers), &[]).await
    }

    /// The same with limits on how often clients may ask.
    pub(crate) async fn limited_api(&self, limits: &str) -> Api {
        self.api_with(Some(Rates::new(limits.parse().unwrap())), None, &[]).await
    }

    /// The same as others than its own machine reach it.
    pub(crate) async fn public_api(&self) -> Api {
        self.api_with(None, None, &["--public-url", "https://tasks.example.com"]).await
    }

    /// The same with these settings.
    pub(crate) async fn api_set(&self, settings: &[&str]) -> Api {
        self.api_with(None, None, settings).await
    }

    async fn api_with(&self, rates: Option<Rates>, providers: Option<&str>, more: &[&str]) -> Api {
        let url = self.database.url();
        let secret = self.secret.path().to_str().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), providers.unwrap_or_default()).unwrap();
        let providers = file.path().to_str().unwrap();
        let arguments = ["command-api", "--event-store-url", url, "--secret-key-file", secret];
        let arguments =
            arguments.into_iter().chain(["--oidc-providers", providers]).chain(more.iter().copied());
        let arguments: Arguments = config::load_from(arguments).unwrap();
        let surroundings = Surroundings::default();
        let (config, http) = (&arguments.config, &arguments.http);
        let inside = CommandApi::start(config, http, &surroundings, &Pressure::default()).await.unwrap();
        connected(inside.commands.log().pool()).await;
        let router = finish(inside.router(), Edge { rates, ..Edge::default() });
        Api { inside, router, _surroundings: Arc::new(Stop(surroundings)) }
    }

    /// The signing keys as an operator's command opens them.
    pub(crate) async fn keys(&self) -> SigningKeys {
        SigningKeys::load(&self.owner, &SecretKey::read(self.secret.path()).unwrap()).await.unwrap()
    }

    /// Signs as this installation does.
    pub(crate) async fn minter(&self) -> Minter {
        let sql = "SELECT kid, private_key FROM event_store.signing_keys";
        let (kid, sealed): (String, Vec<u8>) = sqlx::query_as(sql).fetch_one(&self.owner).await.unwrap();
        let secret = SecretKey::read(self.secret.path()).unwrap();
        Minter::of_installation(&secret, &kid, &sealed).unwrap()
    }

    /// The person's token as it will be in an hour: signed with the installation's key, and expired.
    pub(crate) async fn expired_token(&self, person: &Person) -> String {
        self.minter().await.expired(&person.token)
    }

    /// The person's token with these times of an hour ago.
    pub(crate) async fn older_token(&self, person: &Person, times: &[&str]) -> String {
        self.minter().await.aged(&person.token, times)
    }

    /// The tokens of this installation's mails.
    pub(crate) fn mail_tokens(&self) -> MailTokens {
        MailTokens::new(&SecretKey::read(self.secret.path()).unwrap())
    }

    /// What the system shows when it asks for commands.
    pub(crate) fn system_tokens(&self) -> SystemTokens {
        SystemTokens::new(&SecretKey::read(self.secret.path()).unwrap())
    }

    /// The system itself.
    pub(crate) fn system(&self) -> Person {
        Person { id: Uuid::nil(), token: self.system_tokens().mint(Utc::now()) }
    }

    /// One number from the database, asked as its owner.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.owner).await.unwrap()
    }
}

impl Api {
    /// Somebody active with these roles, logged in.
    pub(crate) async fn person(&self, name: &str, roles: &[Role]) -> Person {
        let email = format!("{name}@example.org");
        let id = self.sign_up(&email, name, roles).await;
        Person { id, token: self.log_in(&email).await }
    }

    pub(crate) async fn member(&self, name: &str) -> Person {
        self.person(name, &[Role::Member]).await
    }

    /// Like the first admin, but with any roles.
    async fn sign_up(&self, email: &str, name: &str, roles: &[Role]) -> Uuid {
        let first = NewPerson {
            email: Email::parse(email).unwrap(),
            name: PersonName::parse(name).unwrap(),
            locale: Locale::default(),
            time_zone: TimeZone::UTC,
        };
        let password = Password::chosen(PASSWORD).unwrap();
        assert!(self.inside.auth.ensure_first_admin(&first, password).await.unwrap());
        let id = self.inside.commands.find_email(&first.email).await.unwrap().unwrap();
        let system = Caller::internal(Who::System, "system");
        let wanted: RoleSet = roles.iter().copied().collect();
        let keeper = self.keeper().await;
        for role in [Role::Admin, Role::Member].into_iter().filter(|role| !wanted.has(*role)) {
            let unit = UserUnit::new(id, UserCommand::RevokeRole { role });
            self.inside.commands.user(&system, &unit).await.unwrap();
        }
        for role in wanted.iter() {
            let unit = UserUnit::new(id, UserCommand::GrantRole { role });
            self.inside.commands.user(&system, &unit).await.unwrap();
        }
        assert_ne!(keeper, id);
        id.0
    }

    /// An admin who never logs in, so that others may lose the role.
    async fn keeper(&self) -> UserId {
        let email = Email::parse("keeper@example.org").unwrap();
        let commands = &self.inside.commands;
        if let Some(id) = commands.find_email(&email).await.unwrap() {
            return id;
        }
        let (id, system) = (UserId(Uuid::now_v7()), Caller::internal(Who::System, "system"));
        let user = NewUser {
            email: commands.seal(id, email.as_str()).await.unwrap(),
            name: commands.seal(id, "Keeper").await.unwrap(),
            locale: Locale::default(),
            time_zone: TimeZone::UTC,
        };
        let command = UserCommand::Invite { user, roles: RoleSet::of(&[Role::Admin]), link: None };
        let claims = vec![commands.email_claim(id, &email)];
        commands.user(&system, &UserUnit { claims, ..UserUnit::new(id, command) }).await.unwrap();
        commands.user(&system, &UserUnit::new(id, UserCommand::Verify { proof: Proof::Word })).await.unwrap();
        id
    }

    /// Ends as a service does: what is under way is finished first.
    pub(crate) async fn end(self) {
        let surroundings = self._surroundings.0.clone();
        drop(self);
        surroundings.shutdown.begin();
        assert!(surroundings.shutdown.wait().await, "not everything has ended");
    }

    pub(crate) async fn log_in(&self, email: &str) -> String {
        let answer = self.post("/v1/auth/login", None, json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    /// Sends a request as a client does: again while the service says that it did nothing and asks to come back, which
    /// on a slow machine it does rather than make anybody wait.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        person: Option<&Person>,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = body.to_string();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.send(request(method, path, person, &body, headers)).await;
            if !answer.asks_to_come_back() || Instant::now() > deadline {
                return answer;
            }
        }
    }

    pub(crate) async fn post(&self, path: &str, person: Option<&Person>, body: Value) -> Answer {
        self.call("POST", path, person, body, &[]).await
    }

    /// A task made by this person.
    pub(crate) async fn task(&self, person: &Person, body: Value) -> Answer {
        let answer = self.post("/v1/tasks", Some(person), body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    person: Option<&Person>,
    body: &str,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let mut request = Request::builder().method(method).uri(path).header("content-type", media_type);
    if let Some(person) = person {
        request = request.header("authorization", format!("Bearer {}", person.token));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Waits until the pool has connections at hand: making one may take longer than a request waits for it.
async fn connected(pool: &PgPool) {
    let deadline = Instant::now() + PATIENCE;
    let mut held = Vec::new();
    while held.len() < 3 {
        match pool.acquire().await {
            Ok(connection) => held.push(connection),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

impl Answer {
    fn asks_to_come_back(&self) -> bool {
        self.headers.contains_key("retry-after") && self.code() != "OUTCOME_UNKNOWN"
    }

    pub(crate) fn id(&self) -> String {
        self.json["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn version(&self) -> i64 {
        self.json["version"].as_i64().unwrap()
    }

    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The pointers of all violations with their codes, sorted.
    pub(crate) fn violations(&self) -> Vec<(String, String)> {
        let errors = self.json["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut all: Vec<_> =
            errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect();
        all.sort();
        all
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self
    }
}
