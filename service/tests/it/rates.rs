//! Rates: whose bucket a request takes from, and what the client is told. The clock is ours.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{self, ConnectInfo, FromRef},
    http::{Request, StatusCode},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::BodyExt;
use service::{
    auth::{Principal, Verifier, testing::Minter},
    http::{Edge, Meter, RateLimits, Rates, charge_address, finish},
    problem::{Code, Problem},
    request::{Network, RequestContext},
};
use tokio::time::advance;
use tower::ServiceExt;
use uuid::Uuid;

#[derive(Clone)]
struct State(Verifier);

impl FromRef<State> for Verifier {
    fn from_ref(state: &State) -> Self {
        state.0.clone()
    }
}

struct World {
    minter: Minter,
    router: Router,
}

async fn many(_: Principal, meter: Meter, body: String) -> Result<(), Problem> {
    meter.charge_for(body.parse().map_err(|_| Code::InvalidJson)?)
}

/// Reading twice who it is counts once.
async fn list(_: Principal, _: Principal) {}

async fn limited(context: RequestContext, request: extract::Request, next: Next) -> Response {
    match charge_address(&context, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

fn routes() -> Router<State> {
    Router::new()
        .route("/v1/tasks", get(list).post(many))
        .route("/v1/hidden", get(async |_: Principal| Problem::new(Code::NotFound)))
        .route("/v1/old", get(async |_: Principal| StatusCode::NOT_MODIFIED))
        .route("/v1/open", get(async || ()))
        .route("/v1/auth/login", post(async || Problem::new(Code::InvalidCredentials)))
        .route("/v1/auth/refresh", post(async || ()))
        .route_layer(from_fn(limited))
}

impl World {
    fn new(limits: &str) -> Self {
        let minter = Minter::default();
        let router = routes().with_state(State(minter.verifier()));
        let limits: RateLimits = limits.parse().unwrap();
        let proxy: Network = "10.0.0.0/8".parse().unwrap();
        let rates = (limits != RateLimits::OFF).then(|| Rates::new(limits));
        let edge = Edge { rates, trusted_proxies: [proxy].into_iter().collect(), ..Edge::default() };
        Self { minter, router: finish(router, edge) }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        Answer(self.router.clone().oneshot(request).await.unwrap())
    }

    async fn as_person(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// From this address, perhaps on behalf of another.
    async fn from(&self, peer: &str, forwarded: Option<&str>, path: &str) -> Answer {
        let mut request = Request::post(path);
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        self.send(request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap()).await
    }
}

struct Answer(Response);

impl Answer {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).map(|value| value.to_str().unwrap())
    }

    /// What is left.
    fn left(&self) -> &str {
        self.header("ratelimit").unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_is_told_what_is_left_and_when_to_come_back() {
    let world = World::new("read=3/min");
    let token = world.minter.token(Uuid::now_v7(), &["member"]);
    let read = async || world.as_person(&token, "GET", "/v1/tasks", "").await;
    let first = read().await;
    assert_eq!(first.header("ratelimit-policy"), Some("\"read\";q=3;w=60"));
    assert_eq!((first.status(), first.left()), (200, "\"read\";r=2;t=20"));
    advance(Duration::from_millis(500)).await;
    assert_eq!(read().await.left(), "\"read\";r=1;t=20");
    assert_eq!(read().await.left(), "\"read\";r=0;t=20");
    let refused = read().await;
    assert_eq!((refused.status(), refused.header("retry-after")), (429, Some("20")));
    assert_eq!(refused.left(), "\"read\";r=0;t=20");
    assert!(refused.0.headers().keys().all(|name| !name.as_str().starts_with("x-rate")));
    let body = refused.0.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&problem["code"], &problem["status"]), (&"RATE_LIMITED".into(), &429.into()));
    // Whoever comes back too early has to wait no longer for it.
    advance(Duration::from_secs(19)).await;
    assert_eq!(read().await.header("retry-after"), Some("1"));
    advance(Duration::from_secs(1)).await;
    assert_eq!(read().await.status(), 200);
    assert_eq!(read().await.status(), 429);
}

#[tokio::test(start_paused = true)]
async fn people_and_what_they_do_are_counted_apart() {
    let world = World::new("read=2/min,write=1/min");
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let send = async |person: Uuid, method: &str, path: &str| {
        // Another session of the same person changes nothing.
        let token = world.minter.token(person, &["member"]);
        world.as_person(&token, method, path, "1").await.status()
    };
    assert_eq!(send(ann, "GET", "/v1/hidden").await, 404);
    assert_eq!(send(ann, "GET", "/v1/old").await, 304);
    assert_eq!(send(ann, "GET", "/v1/tasks").await, 429);
    assert_eq!(send(ann, "POST", "/v1/tasks").await, 200);
    assert_eq!(send(ann, "POST", "/v1/tasks").await, 429);
    assert_eq!(send(bob, "GET", "/v1/tasks").await, 200);
    assert_eq!(send(bob, "POST", "/v1/tasks").await, 200);
    assert_eq!(world.as_person("", "GET", "/v1/open", "").await.left(), "");
}

#[tokio::test(start_paused = true)]
async fn heavy_requests_take_more() {
    let world = World::new("read=60/min,write=60/min");
    let token = world.minter.token(Uuid::now_v7(), &["member"]);
    let left = async |method: &str, path: &str, body: &str| {
        let answer = world.as_person(&token, method, path, body).await;
        (answer.status(), answer.left().to_owned(), answer.header("retry-after").map(str::to_owned))
    };
    assert_eq!(left("GET", "/v1/tasks?q=boat", "").await.1, "\"read\";r=55;t=1");
    assert_eq!(left("GET", "/v1/tasks?status=done", "").await.1, "\"read\";r=54;t=1");
    assert_eq!(left("POST", "/v1/tasks", "50").await.1, "\"write\";r=10;t=1");
    // Nothing is taken for what cannot be had as a whole; on return all of it is.
    let refused = (429, "\"write\";r=9;t=1".to_owned(), Some("41".to_owned()));
    assert_eq!(left("POST", "/v1/tasks", "50").await, refused);
    advance(Duration::from_secs(41)).await;
    assert_eq!(left("POST", "/v1/tasks", "50").await, (200, "\"write\";r=0;t=1".to_owned(), None));
    // More than there ever is takes all there is.
    advance(Duration::from_secs(60)).await;
    assert_eq!(left("POST", "/v1/tasks", "100").await, (200, "\"write\";r=0;t=1".to_owned(), None));
}

#[tokio::test(start_paused = true)]
async fn bad_tokens_take_nothing_from_anybody() {
    let world = World::new("read=1/min");
    let ann = Uuid::now_v7();
    let good = world.minter.token(ann, &["member"]);
    let forged = Minter::default().token(ann, &["member"]);
    for _ in 0..5 {
        let refused = world.as_person(&forged, "GET", "/v1/tasks", "").await;
        assert_eq!((refused.status(), refused.left()), (401, ""));
    }
    assert_eq!(world.as_person(&good, "GET", "/v1/tasks", "").await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn guessing_is_counted_by_address() {
    let world = World::new("login=2/min,refresh=1/min");
    let login = async |peer: &str, forwarded| world.from(peer, forwarded, "/v1/auth/login").await.status();
    assert_eq!([login("192.0.2.1", None).await, login("192.0.2.1", None).await], [401, 401]);
    let refused = world.from("192.0.2.1", None, "/v1/auth/login").await;
    assert_eq!((refused.status(), refused.header("retry-after")), (429, Some("30")));
    assert_eq!(refused.header("ratelimit-policy"), Some("\"login\";q=2;w=60"));
    // What a stranger says about itself changes nothing.
    assert_eq!(login("192.0.2.1", Some("198.51.100.7")).await, 429);
    assert_eq!(login("192.0.2.2", None).await, 401);
    // Behind our proxy it is the client that counts, and there only what the proxy itself has added.
    assert_eq!(login("10.0.0.1", Some("192.0.2.1")).await, 429);
    assert_eq!(login("10.0.0.1", Some("203.0.113.5, 192.0.2.1")).await, 429);
    assert_eq!(login("10.0.0.1", Some("203.0.113.5")).await, 401);
    // A customer has a whole /64.
    assert_eq!([login("2001:db8::1", None).await, login("2001:db8::2", None).await], [401, 401]);
    assert_eq!(login("2001:db8:0:0:ffff::3", None).await, 429);
    assert_eq!(login("2001:db8:0:1::1", None).await, 401);
    // Each policy has its own bucket.
    assert_eq!(world.from("192.0.2.1", None, "/v1/auth/refresh").await.status(), 200);
    assert_eq!(world.from("192.0.2.1", None, "/v1/auth/refresh").await.status(), 429);
}

#[tokio::test(start_paused = true)]
async fn limits_can_be_turned_off() {
    let world = World::new("off");
    let token = world.minter.token(Uuid::now_v7(), &["member"]);
    for _ in 0..1_000 {
        let answer = world.as_person(&token, "GET", "/v1/tasks", "").await;
        assert_eq!((answer.status(), answer.header("ratelimit-policy")), (200, None));
    }
}
