//! No request waits for ever. Virtual time, without sockets.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
    response::Response,
    routing::get,
};
use http_body_util::BodyExt;
use serde_json::Value;
use service::http::{Edge, Unhurried, finish};
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

const LONG: Duration = Duration::from_secs(3600);

async fn ask(router: Router, method: Method) -> Response {
    let request = Request::builder().method(method).uri("/v1/slow").body(Body::empty()).unwrap();
    finish(router, Edge::default()).oneshot(request).await.unwrap()
}

async fn problem(response: Response) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_answers_is_dropped_at_the_deadline() {
    let inside = Arc::new(());
    let held = Arc::clone(&inside);
    let endless = async move || {
        let _held = held;
        std::future::pending::<&str>().await
    };
    let begun = Instant::now();
    let response = ask(Router::new().route("/v1/slow", get(endless)), Method::GET).await;
    assert_eq!(begun.elapsed(), Edge::default().request_timeout);
    assert_eq!(Arc::strong_count(&inside), 1);
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let problem = problem(response).await;
    assert_eq!((&problem["code"], &problem["status"]), (&"DEADLINE_EXCEEDED".into(), &504.into()));
    assert_eq!((&problem["instance"], &problem["request_id"]), (&"/v1/slow".into(), &id.into()));
}

#[tokio::test(start_paused = true)]
async fn of_a_change_it_is_not_known_whether_it_took_effect() {
    let endless = async || std::future::pending::<&str>().await;
    let router = || Router::new().route("/v1/slow", get(endless).post(endless));
    let read = problem(ask(router(), Method::GET).await).await;
    let changed = problem(ask(router(), Method::POST).await).await;
    assert_eq!(read["code"], changed["code"]);
    assert!(!read["detail"].as_str().unwrap().contains("Idempotency-Key"), "{read}");
    assert!(changed["detail"].as_str().unwrap().contains("same Idempotency-Key"), "{changed}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_be_free_of_the_deadline() {
    let patient = async |_: Unhurried| {
        sleep(LONG).await;
        "done"
    };
    let response = ask(Router::new().route("/v1/slow", get(patient)), Method::GET).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_goes_on() {
    let stream = async || {
        let late = futures_util::stream::once(async {
            sleep(LONG).await;
            Ok::<_, std::io::Error>("done")
        });
        Body::from_stream(late)
    };
    let response = ask(Router::new().route("/v1/slow", get(stream)), Method::GET).await;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "done");
}
