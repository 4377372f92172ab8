//! What `finish` adds to every route.

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use service::{
    http::{LOGIN_LIMIT, Limits, MergePatch, RequestBody},
    json::any,
    problem::{Code, Problem},
    query::Query,
    request::RequestContext,
};
use uuid::Uuid;

use crate::server::{Server, Still, body, header, status};

async fn create(body: RequestBody) -> Result<StatusCode, Problem> {
    let object = body.object()?;
    let mut fields = object.fields();
    fields.required("n", any::<i64>);
    fields.finish().map(|()| StatusCode::CREATED)
}

async fn login(body: RequestBody<LOGIN_LIMIT>) -> String {
    body.bytes().len().to_string()
}

async fn change(body: MergePatch) -> Result<StatusCode, Problem> {
    body.object()?.fields().finish().map(|()| StatusCode::OK)
}

async fn list(mut query: Query) -> Result<String, Problem> {
    let size = query.page_size();
    query.finish().map(|()| size.to_string())
}

fn router() -> Router {
    Router::new()
        .route("/v1/things", get(list).post(create).patch(change))
        .route("/v1/things/{id}", get(async |Path(id): Path<Uuid>| id.to_string()))
        .route("/v1/login", post(login))
        .route("/v1/panic", get(async || -> StatusCode { panic!("secret in a panic") }))
        .route("/v1/broken", get(async || Problem::internal("SELECT * FROM secret")))
        .route("/v1/bare", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/v1/id", get(async |context: RequestContext| context.request_id().to_string()))
        .route("/v1/busy", get(async || Problem::new(Code::Overloaded).retry_after(3)))
}

async fn server() -> Server {
    Server::start(router(), Limits::default()).await
}

const JSON: &str = "Content-Type: application/json";

#[tokio::test]
async fn refusals_are_problems_in_the_language_of_the_client() {
    let server = server().await;
    let answer = server.request("GET /v1/nothing HTTP/1.1\r\nAccept-Language: ko,en;q=0.5", "").await;
    assert_eq!(status(&answer), 404);
    assert_eq!(header(&answer, "content-type"), Some("application/problem+json"));
    assert_eq!(header(&answer, "content-language"), Some("ko"));
    let problem = body(&answer);
    assert_eq!(problem["code"], "NOT_FOUND");
    assert_eq!(problem["title"], "찾을 수 없습니다");
    assert_eq!(header(&answer, "x-request-id"), problem["request_id"].as_str());
}

#[tokio::test]
async fn the_type_of_a_problem_resolves() {
    let server = server().await;
    let page = server.request("GET /problems/OUTCOME_UNKNOWN HTTP/1.1", "").await;
    assert_eq!(status(&page), 200);
    assert!(page.contains("Idempotency-Key"), "{page}");
    assert_eq!(status(&server.request("GET /problems HTTP/1.1", "").await), 200);
    assert_eq!(status(&server.request("GET /problems/NONSENSE HTTP/1.1", "").await), 404);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = server().await;
    for method in ["DELETE", "TRACE", "BREW"] {
        let answer = server.request(&format!("{method} /v1/things HTTP/1.1"), "").await;
        assert_eq!(
            (status(&answer), &body(&answer)["code"]),
            (405, &"METHOD_NOT_ALLOWED".into()),
            "{method}"
        );
        assert!(header(&answer, "allow").is_some_and(|allow| allow.contains("PATCH")), "{answer}");
    }
    let overridden = "GET /v1/login HTTP/1.1\r\nX-HTTP-Method-Override: POST";
    assert_eq!(status(&server.request(overridden, "").await), 405);
}

#[tokio::test]
async fn bodies_must_be_plain_json() {
    let server = server().await;
    for (headers, body, expected) in [
        (JSON, r#"{"n": 1}"#, 201),
        ("Content-Type: application/json; charset=UTF-8", r#"{"n": 1}"#, 201),
        ("Content-Type: text/plain", r#"{"n": 1}"#, 415),
        ("Content-Type: application/json; charset=utf-7", r#"{"n": 1}"#, 415),
        ("Content-Type: application/json\r\nContent-Encoding: gzip", r#"{"n": 1}"#, 415),
        ("X-None: 1", r#"{"n": 1}"#, 415),
        // Nothing at all is an object without members.
        ("X-None: 1", "", 422),
        ("Content-Type: application/x-www-form-urlencoded", "", 415),
        (JSON, "", 400),
        (JSON, "{\"n\": ", 400),
        (JSON, "[]", 422),
        (JSON, r#"{"n": 1e400}"#, 422),
        (JSON, r#"{"n": 1, "n": 2}"#, 422),
        (JSON, r#"{"n": 1, "m": 2}"#, 422),
    ] {
        let answer = server.request(&format!("POST /v1/things HTTP/1.1\r\n{headers}"), body).await;
        assert_eq!(status(&answer), expected, "{headers} {body} {answer}");
    }
    for (chunks, expected) in [("0\r\n\r\n", 422), ("8\r\n{\"n\": 1}\r\n0\r\n\r\n", 415)] {
        let head = "POST /v1/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked";
        assert_eq!(status(&server.raw(format!("{head}\r\n\r\n{chunks}").as_bytes()).await), expected);
    }
    let patch = "PATCH /v1/things HTTP/1.1\r\nContent-Type: application/merge-patch+json";
    assert_eq!(status(&server.request(patch, "{}").await), 200);
}

#[tokio::test]
async fn ten_thousand_levels_are_400_and_the_process_lives() {
    let server = server().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let head = format!("POST /v1/things HTTP/1.1\r\n{JSON}");
    let answer = server.request(&head, &deep).await;
    assert_eq!((status(&answer), &body(&answer)["code"]), (400, &"INVALID_JSON".into()));
    assert_eq!(status(&server.request(&head, r#"{"n": 1}"#).await), 201);
}

#[tokio::test]
async fn bodies_are_bounded_by_route() {
    let server = server().await;
    let large = "x".repeat(LOGIN_LIMIT + 1);
    let head = format!("POST /v1/login HTTP/1.1\r\n{JSON}");
    assert_eq!(status(&server.request(&head, &large).await), 413);
    assert_eq!(status(&server.request(&head, &large[1..]).await), 200);
    let announced =
        format!("POST /v1/things HTTP/1.1\r\n{JSON}\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    let answer = server.raw(announced.as_bytes()).await;
    assert_eq!((status(&answer), &body(&answer)["code"]), (413, &"BODY_TOO_LARGE".into()));
}

#[tokio::test(start_paused = true)]
async fn an_endless_chunked_body_ends_at_the_limit() {
    // What comes after the answer is read for a moment only, else a slow client loses the answer.
    let _still = Still::stand();
    let server = server().await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let head = format!("POST /v1/things HTTP/1.1\r\n{JSON}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let answer = server.raw(format!("{head}{}", chunk.repeat(17)).as_bytes()).await;
    assert_eq!(status(&answer), 413, "{answer}");
}

#[tokio::test]
async fn only_json_is_offered() {
    let server = server().await;
    let accepting = async |accept: &str| {
        status(&server.request(&format!("GET /v1/things HTTP/1.1\r\nAccept: {accept}"), "").await)
    };
    assert_eq!(accepting("image/png").await, 406);
    assert_eq!(accepting("image/png, */*;q=0.1").await, 200);
    assert_eq!(accepting("application/json").await, 200);
}

#[tokio::test]
async fn queries_and_paths_are_strict() {
    let server = server().await;
    for (target, code) in [
        ("/v1/things?limit=3", "UNKNOWN_PARAMETER"),
        ("/v1/things?page_size=-1", "INVALID_PARAMETER"),
        ("/v1/things?page_size=1&page_size=2", "INVALID_PARAMETER"),
        ("/v1/things?page_size=%zz", "INVALID_PARAMETER"),
        ("/v1/things/not-an-id", "INVALID_ID"),
        ("/v1/things/%00", "INVALID_ID"),
        ("/v1/things/%ff", "INVALID_ID"),
    ] {
        let answer = server.request(&format!("GET {target} HTTP/1.1"), "").await;
        assert_eq!((status(&answer), &body(&answer)["code"]), (400, &code.into()), "{target}");
    }
    for target in ["//v1/things", "/v1/things/", "/v1/..%2f..%2fetc", "/v1/things;x=1"] {
        assert_eq!(status(&server.request(&format!("GET {target} HTTP/1.1"), "").await), 404, "{target}");
    }
    let long = format!("GET /v1/things?q={} HTTP/1.1", "x".repeat(9_000));
    assert_eq!(status(&server.request(&long, "").await), 414);
}

#[tokio::test]
async fn failures_of_ours_tell_nothing() {
    let server = server().await;
    for target in ["/v1/panic", "/v1/broken"] {
        let answer = server.request(&format!("GET {target} HTTP/1.1"), "").await;
        assert_eq!((status(&answer), &body(&answer)["code"]), (500, &"INTERNAL_ERROR".into()));
        assert!(!answer.to_lowercase().contains("secret"), "{answer}");
    }
    assert_eq!(body(&server.request("GET /v1/bare HTTP/1.1", "").await)["code"], "UNAVAILABLE");
    let busy = server.request("GET /v1/busy HTTP/1.1", "").await;
    assert_eq!((status(&busy), header(&busy, "retry-after")), (503, Some("3")));
}

#[tokio::test]
async fn a_head_request_gets_no_body() {
    let server = server().await;
    for (target, expected) in [("/v1/things", 200), ("/v1/nothing", 404)] {
        let answer = server.request(&format!("HEAD {target} HTTP/1.1"), "").await;
        assert_eq!(status(&answer), expected);
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn the_request_id_is_ours_and_no_browser_may_guess_types() {
    let server = server().await;
    let answer = server.request("GET /v1/id HTTP/1.1\r\nX-Request-Id: 1\r\nOrigin: https://evil", "").await;
    let id = answer.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(Uuid::parse_str(id).unwrap().get_version_num(), 7);
    assert_eq!(header(&answer, "x-request-id"), Some(id));
    assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&answer, "access-control-allow-origin"), None);
}
