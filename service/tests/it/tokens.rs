//! Access tokens, good and bad.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::header, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use service::{
    auth::{
        KeySource, Principal, TokenError, Verifier,
        testing::{AUDIENCE, ISSUER, Minter, nothing_revoked},
    },
    http::Limits,
};
use uuid::Uuid;

use crate::server::{PATIENCE, Server, Still, body, header, status};

async fn verify(minter: &Minter, token: &str) -> Result<Principal, TokenError> {
    minter.verifier().verify(token).await
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
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
async fn claims_must_be_right_and_of_the_right_type() {
    let minter = Minter::default();
    let claims = Minter::claims(Uuid::now_v7());
    let now = claims["iat"].as_i64().unwrap();
    let mut bad: Vec<Value> = ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles", "epoch"]
        .map(|name| without(&claims, name))
        .into();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("other")),
        ("aud", json!(7)),
        ("sub", json!("admin")),
        ("exp", json!("never")),
        ("exp", json!((now + 600) as f64 + 0.5)),
        ("exp", json!(9_223_372_036_854_775_808_u64)),
        ("exp", json!(null)),
        ("exp", json!(i64::MAX)),
        ("nbf", json!(now + 3600)),
        ("nbf", json!("then")),
        ("iat", json!(now + 3600)),
        ("epoch", json!(-1)),
        ("roles", json!("admin")),
    ] {
        bad.push(changed(&claims, name, value));
    }
    for claims in bad {
        let token = minter.sign(&minter.header(), &claims);
        assert!(matches!(verify(&minter, &token).await, Err(TokenError::Invalid(_))), "{claims}");
    }
    let expired = changed(&claims, "exp", json!(now - 31));
    let token = minter.sign(&minter.header(), &expired);
    assert_eq!(verify(&minter, &token).await, Err(TokenError::Expired));
    let skewed = changed(&claims, "exp", json!(now - 5));
    assert!(verify(&minter, &minter.sign(&minter.header(), &skewed)).await.is_ok());
}

#[tokio::test]
async fn headers_may_not_steer_the_verification() {
    let minter = Minter::default();
    let claims = Minter::claims(Uuid::now_v7());
    let header = minter.header();
    let mut bad = vec![without(&header, "kid"), without(&header, "typ"), without(&header, "alg"), json!([])];
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("nOnE")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("typ", json!("JWT")),
        ("kid", json!("../../dev/null")),
        ("kid", json!("' OR 1=1--")),
        ("kid", json!("https://evil.example/key")),
        ("kid", json!("k".repeat(5_000))),
        ("kid", json!(7)),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", minter.jwks()["keys"][0].clone()),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        bad.push(changed(&header, name, value));
    }
    for header in bad {
        let token = minter.sign(&header, &claims);
        assert!(matches!(verify(&minter, &token).await, Err(TokenError::Invalid(_))), "{header}");
    }
}

#[tokio::test]
async fn members_may_not_come_twice() {
    let minter = Minter::default();
    let (header, claims) = (minter.header().to_string(), Minter::claims(Uuid::now_v7()).to_string());
    for member in
        ["\"sub\":\"0190a8ca-0000-7000-8000-000000000000\"", "\"x\":1,\"x\":2", "\"roles\":[\"admin\"]"]
    {
        let twice = claims.replacen('{', &format!("{{{member},"), 1);
        let token = minter.sign_text(&header, &twice);
        assert!(matches!(verify(&minter, &token).await, Err(TokenError::Invalid(_))), "{twice}");
    }
    let twice = header.replacen('{', "{\"alg\":\"none\",", 1);
    assert!(verify(&minter, &minter.sign_text(&twice, &claims)).await.is_err());
}

#[tokio::test]
async fn signatures_must_be_whole_and_ours() {
    let (minter, user) = (Minter::default(), Uuid::now_v7());
    let token = minter.token(user, &[]);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[5] ^= 1;
    for bad in [
        format!("{signed}."),
        signed.to_owned(),
        format!("{signed}.{}", &signature[..40]),
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(flipped)),
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{token}="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}.{signature}"),
        String::new(),
        "..".to_owned(),
        "x".repeat(1_000_000),
        Minter::default().token(user, &[]),
    ] {
        assert!(matches!(verify(&minter, &bad).await, Err(TokenError::Invalid(_))), "{:.80}", bad);
    }
}

fn protected(verifier: Verifier) -> Router {
    let who = async |principal: Principal| principal.user_id.to_string();
    Router::new().route("/v1/me", get(who)).with_state(verifier)
}

#[tokio::test]
async fn callers_without_a_good_token_are_challenged() {
    let minter = Minter::default();
    let server = Server::start(protected(minter.verifier()), Limits::default()).await;
    let (user, good) = (Uuid::now_v7(), minter.token(Uuid::now_v7(), &[]));
    let claims = changed(&Minter::claims(user), "exp", json!(1));
    let expired = minter.sign(&minter.header(), &claims);
    for (line, code) in [
        ("X: 1".to_owned(), "UNAUTHENTICATED"),
        ("Authorization: Bearer".to_owned(), "TOKEN_INVALID"),
        ("Authorization: Bearer  x y".to_owned(), "TOKEN_INVALID"),
        ("Authorization: Basic dTpw".to_owned(), "TOKEN_INVALID"),
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
