//! Access tokens, good and bad.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
    routing::get,
};
use serde_json::json;
use service::{
    auth::{
        KeySource, Principal, TokenError, Verifier,
        testing::{AUDIENCE, Forgery, ISSUER, Minter, forgeries, nothing_revoked},
    },
    http::Limits,
    problem::Problem,
};
use tower::ServiceExt;
use uuid::Uuid;

use crate::server::{PATIENCE, Server, Still, body, header, status};

async fn verify(minter: &Minter, token: &str) -> Result<Principal, TokenError> {
    minter.verifier().verify(token).await
}

#[tokio::test]
async fn a_good_token_names_its_user() {
    let (minter, user) = (Minter::default(), Uuid::now_v7());
    let verifier = minter.verifier();
    let token = minter.token(user, &["member", "admin"]);
    for _ in 0..2 {
        let principal = verifier.verify(&token).await.unwrap();
        assert_eq!(principal.user_id, user);
        assert!(principal.has_role("admin") && !principal.has_role("auditor"));
    }
}

#[tokio::test]
async fn forgeries_are_refused() {
    let minter = Minter::default();
    let router = protected(minter.verifier());
    let ask = async |authorization: &str| {
        let request = Request::get("/v1/me").header("authorization", authorization).body(Body::empty());
        router.clone().oneshot(request.unwrap()).await.unwrap()
    };
    let claims = Minter::claims(Uuid::now_v7());
    for Forgery { name, authorization, code } in forgeries(&minter, &claims) {
        let answer = ask(&authorization).await;
        let problem = answer.extensions().get::<Problem>().unwrap_or_else(|| panic!("{name} comes in"));
        assert_eq!((answer.status().as_u16(), problem.code()), (401, code), "{name}");
        let challenged = problem.headers().iter().any(|(name, _)| name == header::WWW_AUTHENTICATE);
        assert!(challenged, "{name}");
    }
    let good = format!("Bearer {}", minter.sign(&minter.header(), &claims));
    assert_eq!(ask(&good).await.status(), 200);
}

#[tokio::test]
async fn texts_that_no_header_holds_are_no_tokens() {
    let minter = Minter::default();
    let token = minter.token(Uuid::now_v7(), &[]);
    let long_name = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k".repeat(1_000_000)});
    let long_name = minter.sign(&long_name, &Minter::claims(Uuid::now_v7()));
    for bad in [String::new(), format!("{token} "), format!(" {token}"), "x".repeat(1_000_000), long_name] {
        assert!(matches!(verify(&minter, &bad).await, Err(TokenError::Invalid(_))), "{bad:.80}");
    }
}

#[tokio::test]
async fn clocks_may_differ_a_little() {
    let minter = Minter::default();
    let mut claims = Minter::claims(Uuid::now_v7());
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 5);
    assert!(verify(&minter, &minter.sign(&minter.header(), &claims)).await.is_ok());
}

fn protected(verifier: Verifier) -> Router {
    let who = async |principal: Principal| principal.user_id.to_string();
    Router::new().route("/v1/me", get(who)).with_state(verifier)
}

#[tokio::test]
async fn callers_without_a_good_token_are_challenged() {
    let minter = Minter::default();
    let server = Server::start(protected(minter.verifier()), Limits::default()).await;
    let good = minter.token(Uuid::now_v7(), &[]);
    let expired = minter.expired(&good);
    for (line, code) in [
        ("X: 1".to_owned(), "UNAUTHENTICATED"),
        ("Authorization: Bearer".to_owned(), "TOKEN_INVALID"),
        (format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}"), "TOKEN_INVALID"),
        (format!("Authorization: Bearer {expired}"), "TOKEN_EXPIRED"),
    ] {
        let answer = server.request(&format!("GET /v1/me HTTP/1.1\r\n{line}"), "").await;
        assert_eq!((status(&answer), &body(&answer)["code"]), (401, &code.into()), "{line}");
        assert!(header(&answer, header::WWW_AUTHENTICATE.as_str()).unwrap().starts_with("Bearer"));
    }
    let in_query = format!("GET /v1/me?access_token={good} HTTP/1.1");
    assert_eq!(status(&server.request(&in_query, "").await), 401);
    let line = format!("GET /v1/me HTTP/1.1\r\nAuthorization: bearer {good}");
    assert_eq!(status(&server.request(&line, "").await), 200);
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_once_and_again_for_an_unknown_key_within_limits() {
    let still = Still::stand();
    let (minter, fetches) = (Minter::default(), Arc::new(AtomicUsize::new(0)));
    let (jwks, counter) = (minter.jwks(), Arc::clone(&fetches));
    let publish = async move || {
        counter.fetch_add(1, Ordering::Relaxed);
        axum::Json(jwks)
    };
    let server = Server::start(Router::new().route("/jwks.json", get(publish)), Limits::default()).await;
    let source = KeySource::Url(format!("http://{}/jwks.json", server.address));
    let verifier = Verifier::new(source, ISSUER, AUDIENCE, nothing_revoked());
    for _ in 0..20 {
        verifier.verify(&minter.token(Uuid::now_v7(), &[])).await.unwrap();
        let foreign = Minter::default().token(Uuid::now_v7(), &[]);
        assert_eq!(verifier.verify(&foreign).await, Err(TokenError::Invalid("unknown key")));
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
    still.pass(Duration::from_secs(5)).await;
    let foreign = Minter::default().token(Uuid::now_v7(), &[]);
    assert_eq!(verifier.verify(&foreign).await, Err(TokenError::Invalid("unknown key")));
    assert_eq!(fetches.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn without_keys_the_answer_is_later_not_never() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    drop(listener);
    let verifier = Verifier::new(KeySource::Url(url), ISSUER, AUDIENCE, nothing_revoked());
    let server = Server::start(protected(verifier), Limits::default()).await;
    let token = Minter::default().token(Uuid::now_v7(), &[]);
    let answer = server.request(&format!("GET /v1/me HTTP/1.1\r\nAuthorization: Bearer {token}"), "").await;
    assert_eq!((status(&answer), header(&answer, "retry-after")), (503, Some("1")));
}

/// Virtual time. A dropped key must not live on in the cache of verified tokens.
#[tokio::test(start_paused = true)]
async fn keys_are_renewed_and_a_dropped_key_verifies_nothing() {
    let still = Still::stand();
    let (old, new) = (Minter::default(), Minter::default());
    let (published, publisher) = tokio::sync::watch::channel(old.jwks());
    let publish = async move || axum::Json(publisher.borrow().clone());
    let server = Server::start(Router::new().route("/jwks.json", get(publish)), Limits::default()).await;
    let source = KeySource::Url(format!("http://{}/jwks.json", server.address));
    let verifier = Verifier::new(source, ISSUER, AUDIENCE, nothing_revoked());
    let token = old.token(Uuid::now_v7(), &[]);
    verifier.verify(&token).await.unwrap();
    published.send(new.jwks()).unwrap();
    verifier.verify(&token).await.unwrap();
    still.pass(Duration::from_secs(301)).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while verifier.verify(&token).await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "the old key stays");
        tokio::task::yield_now().await;
    }
    verifier.verify(&new.token(Uuid::now_v7(), &[])).await.unwrap();
}
