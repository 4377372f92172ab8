//! A read model of its own for each test, and requests to the router in front of it.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::FromRef,
    http::{HeaderMap, Request, StatusCode},
    response::Response,
};
use http_body_util::BodyExt;
use read_api::{Config, ReadApi};
use serde_json::Value;
use servers::testing::{self, Template, TestDatabase};
use service::{
    auth::{Verifier, testing::Minter},
    config::{EventStoreArgs, NatsArgs, ReadModelArgs, SealKeyArgs, SecretKeyArgs, TokenArgs},
    http::{Edge, Rates, finish},
    process::Surroundings,
    secrets::SecretKey,
};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tower::ServiceExt;
use uuid::Uuid;

/// Longest wait for anything; a busy machine may stand still for a while.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Everything a test needs; background work ends with it.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) minter: Arc<Minter>,
    pub(crate) secret: SecretKey,
    pub(crate) verifier: Verifier,
    pub(crate) router: Router,
    pub(crate) surroundings: Surroundings,
    database: Arc<TestDatabase>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Drop for World {
    fn drop(&mut self) {
        self.surroundings.shutdown.begin();
    }
}

impl World {
    /// An empty read model and an empty log, without NATS.
    pub(crate) async fn new() -> Self {
        Self::with_nats(None).await
    }

    /// The same, with progress messages.
    pub(crate) async fn with_nats(nats: Option<async_nats::Client>) -> Self {
        Self::with_edge(nats, Edge::default()).await
    }

    /// The same with limits on how often clients may ask.
    pub(crate) async fn limited(limits: &str) -> Self {
        let rates = Some(Rates::new(limits.parse().unwrap()));
        Self::with_edge(None, Edge { rates, ..Edge::default() }).await
    }

    async fn with_edge(nats: Option<async_nats::Client>, edge: Edge) -> Self {
        Self::over(Arc::new(testing::database(&template()).await), Arc::default(), nats, edge).await
    }

    /// Another process over the same tables, which knows the same tokens.
    pub(crate) async fn beside(&self, nats: Option<async_nats::Client>) -> Self {
        Self::over(self.database.clone(), self.minter.clone(), nats, Edge::default()).await
    }

    async fn over(
        database: Arc<TestDatabase>,
        minter: Arc<Minter>,
        nats: Option<async_nats::Client>,
        edge: Edge,
    ) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all("07".repeat(32).as_bytes()).unwrap();
        let config = Config {
            event_store: EventStoreArgs { event_store_url: Some(database.url().parse().unwrap()) },
            read_model: ReadModelArgs { read_model_url: Some(database.url().parse().unwrap()) },
            nats: NatsArgs::default(),
            secret_key: SecretKeyArgs { secret_key_file: Some(file.path().to_owned()) },
            tokens: TokenArgs::default(),
            seal_keys: SealKeyArgs::default(),
        };
        let surroundings = Surroundings::default();
        let verifier = minter.verifier_with(surroundings.revocations.clone());
        let api = ReadApi::new(&config, verifier, &surroundings.shutdown).unwrap();
        read_api::start(&api, nats, &surroundings).await;
        let verifier = Verifier::from_ref(&api);
        let router = finish(read_api::router(&api, &surroundings), edge);
        let pool = PgPool::connect(database.url()).await.unwrap();
        let secret = SecretKey::from_bytes([7; 32]);
        Self { pool, minter, secret, verifier, router, surroundings, database }
    }

    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }

    pub(crate) fn token(&self, user: Uuid, roles: &[&str]) -> String {
        self.minter.token(user, roles)
    }

    /// Sends any request; what is answered may go on.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// GET with a token.
    pub(crate) async fn get(&self, token: &str, path: &str) -> Reply {
        self.get_with(token, path, &[]).await
    }

    /// The same, asked again while the projections are behind: on a busy machine two seconds are short.
    pub(crate) async fn get_when_reached(&self, token: &str, path: &str) -> Reply {
        let begun = Instant::now();
        loop {
            let reply = self.get(token, path).await;
            if reply.code() != "PROJECTION_BEHIND" || begun.elapsed() > DEADLINE {
                return reply;
            }
        }
    }

    /// GET with a token and more headers.
    pub(crate) async fn get_with(&self, token: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::get(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Moves the checkpoints of a projection, as its projector would.
    pub(crate) async fn reach(&self, projection: &str, position: i64) {
        sqlx::query("UPDATE read_model.checkpoints SET position = $2 WHERE projection = $1")
            .bind(projection)
            .bind(position)
            .execute(&self.pool)
            .await
            .unwrap();
    }
}

impl Reply {
    /// The `code` of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> &[Value] {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body["items"].as_array().unwrap()
    }

    /// One member of each item as text.
    pub(crate) fn pluck(&self, member: &str) -> Vec<String> {
        self.items().iter().map(|item| item[member].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn template() -> Template {
    Template::new("read_api", |url| async move { migrate(&url).await })
}

async fn migrate(url: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    event_store::migrate(url).await?;
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public").await?;
    connection
        .execute("CREATE SCHEMA read_model; GRANT USAGE ON SCHEMA read_model TO taskledger_read")
        .await?;
    connection.execute("SET search_path = read_model, public").await?;
    connection.execute(include_str!("../../../migrations/read_model/0001_registry.sql")).await?;
    connection.execute(include_str!("../../../migrations/read_model/0004_audit_attempts.sql")).await?;
    for (version, (name, tables)) in (1..).zip(TABLES) {
        make_version(&mut connection, version, name, tables).await?;
    }
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA read_model TO taskledger_read").await?;
    connection.execute("CREATE SCHEMA delivery; SET search_path = delivery").await?;
    connection.execute(include_str!("../../../migrations/delivery/0001_mail.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0002_deliveries.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0003_states.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0004_notices.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0006_webhooks.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0009_interface.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0010_processes.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0011_announcements.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0014_live_inboxes.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0016_interface_breakers.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0017_exports.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0020_record_exports.sql")).await?;
    connection.execute(include_str!("../../../migrations/delivery/0022_list_exports.sql")).await?;
    connection.close().await?;
    Ok(())
}

const TABLES: [(&str, &str); 4] = [
    ("tasks", include_str!("../../../migrations/read_model/tables/tasks.sql")),
    ("task_search", include_str!("../../../migrations/read_model/tables/task_search.sql")),
    ("users", include_str!("../../../migrations/read_model/tables/users.sql")),
    ("audit", include_str!("../../../migrations/read_model/tables/audit.sql")),
];

/// What the projections service does for a first version.
async fn make_version(
    connection: &mut PgConnection,
    version: i32,
    name: &str,
    tables: &str,
) -> sqlx::Result<()> {
    let schema = format!("read_model_v{version}");
    let sql = format!("CREATE SCHEMA {schema}; SET search_path = {schema}, public; {tables}");
    connection.execute(sql.as_str()).await?;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
            .bind(&schema)
            .fetch_all(&mut *connection)
            .await?;
    for table in names {
        let view = format!("CREATE VIEW read_model.{table} AS SELECT * FROM {schema}.{table}");
        connection.execute(view.as_str()).await?;
    }
    let registered = format!(
        "INSERT INTO read_model.projections (name, live_version, shape) VALUES ('{name}', {version}, 'test');
         INSERT INTO read_model.checkpoints (projection, version, lane)
         SELECT '{name}', {version}, lane FROM generate_series(0, 15) lane"
    );
    connection.execute(registered.as_str()).await?;
    Ok(())
}
