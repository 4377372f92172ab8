//! Browsers, proxies and Prometheus.

use axum::{Router, routing::get};
use service::{
    http::{self, Edge, Limits},
    metrics::{self, Metrics},
    request::{ClientInfo, Network, Traceparent},
    shutdown::Shutdown,
};
use tokio::net::TcpListener;

use crate::server::{Server, body, header, status};

fn router() -> Router {
    let client = async |client: ClientInfo| client.ip.to_string();
    let trace = async |trace: Traceparent| trace.trace_id();
    Router::new()
        .route("/v1/client", get(client))
        .route("/v1/trace", get(trace))
        .route("/v1/things/{id}", get(client))
}

async fn server(edge: Edge) -> Server {
    Server::with_edge(router(), Limits::default(), edge).await
}

#[tokio::test]
async fn only_named_origins_may_call() {
    let cors_origins = vec!["https://app.example".parse().unwrap()];
    let server = server(Edge { cors_origins, ..Edge::default() }).await;
    let call = async |head: &str| server.request(head, "").await;
    let good = call("GET /v1/client HTTP/1.1\r\nOrigin: https://app.example").await;
    assert_eq!(header(&good, "access-control-allow-origin"), Some("https://app.example"));
    assert!(header(&good, "access-control-expose-headers").unwrap().contains("Position"));
    assert_eq!(header(&good, "access-control-allow-credentials"), None);
    for origin in ["null", "https://evil.example", "https://app.example.evil", "http://app.example"] {
        let bad = call(&format!("GET /v1/client HTTP/1.1\r\nOrigin: {origin}")).await;
        assert_eq!(
            (header(&bad, "access-control-allow-origin"), header(&bad, "vary")),
            (None, Some("Origin"))
        );
    }
    let preflight = "OPTIONS /v1/client HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\nOrigin: ";
    let good = call(&format!("{preflight}https://app.example")).await;
    assert_eq!(status(&good), 204);
    assert!(header(&good, "access-control-allow-headers").unwrap().contains("Idempotency-Key"));
    let bad = call(&format!("{preflight}https://evil.example")).await;
    assert_eq!(header(&bad, "access-control-allow-methods"), None);
}

#[tokio::test]
async fn forwarded_addresses_count_from_proxies_only() {
    let forwarded = "GET /v1/client HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 198.51.100.1";
    let direct = server(Edge::default()).await;
    assert!(direct.request(forwarded, "").await.ends_with("\r\n\r\n127.0.0.1"));
    let trusted_proxies = ["127.0.0.0/8".parse::<Network>().unwrap()].into_iter().collect();
    let proxied = server(Edge { trusted_proxies, ..Edge::default() }).await;
    assert!(proxied.request(forwarded, "").await.ends_with("\r\n\r\n203.0.113.9"));
}

#[tokio::test]
async fn traces_are_continued_or_begun() {
    let server = server(Edge::default()).await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let head = format!("GET /v1/trace HTTP/1.1\r\nTraceparent: 00-{id}-00f067aa0ba902b7-01");
    assert!(server.request(&head, "").await.ends_with(id));
    let garbage = format!("GET /v1/nothing HTTP/1.1\r\nTraceparent: {}", "x".repeat(8_000));
    assert_eq!(body(&server.request(&garbage, "").await)["trace_id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn requests_are_counted_by_template_and_shown_elsewhere() {
    let metrics = Metrics::default();
    let server = server(Edge { metrics: metrics.clone(), ..Edge::default() }).await;
    for n in 0..3 {
        server.request(&format!("GET /v1/things/{n} HTTP/1.1"), "").await;
        server.request(&format!("GET /v1/nothing/{n} HTTP/1.1"), "").await;
    }
    assert_eq!(status(&server.request("GET /metrics HTTP/1.1", "").await), 404);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::default());
    let served = tokio::spawn(metrics::serve(listener, metrics, shutdown.clone()));
    let figures = Server { address, shutdown: shutdown.clone(), task: served };
    let text = figures.request("GET /metrics HTTP/1.1", "").await;
    for line in [
        "taskledger_http_requests_total{method=\"GET\",route=\"/v1/things/{id}\",status=\"200\"} 3",
        "taskledger_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"} 4",
        "taskledger_http_requests_in_flight 0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn readiness_ends_with_the_shutdown() {
    let shutdown = Shutdown::default();
    let router = http::finish(router(), Edge { shutdown: shutdown.clone(), ..Edge::default() });
    let asked = async |path: &str| {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request).await.unwrap().status().as_u16()
    };
    assert_eq!((asked("/livez").await, asked("/readyz").await), (200, 200));
    shutdown.begin();
    assert_eq!((asked("/livez").await, asked("/readyz").await), (200, 503));
}
