//! How a login by an outside provider ends: with a cookie, a code, a second step; and proving anew who one is.

use axum::http::StatusCode;
use chrono::Utc;
use reqwest::Url;
use serde_json::{Value, json};

use super::{
    Browser, Hostile, Lie,
    browser::{Departure, fragment, methods},
};
use crate::api::{Answer, Api, Person, World};

async fn installed() -> (World, Hostile, Api) {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.api_with_providers(&hostile.configured("sign_up = true")).await;
    (world, hostile, api)
}

fn kim() -> Lie {
    Lie::about("kim", "kim@example.org")
}

#[tokio::test]
async fn the_browser_ends_where_it_was_told() {
    let (_world, hostile, api) = installed().await;
    let mut browser = Browser::new(&api);
    let departure = browser.leave("hostile", "?return_to=%2Ftasks%3Fmine%3D1").await;
    let entered = browser.come_back(&hostile, &departure, kim()).await.expect(303);
    assert_eq!(entered.header("location"), Some("http://localhost:8080/tasks?mine=1"));
    assert!(!entered.text.contains("tlr_"));
    for elsewhere in ["https:%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "/a%23b", "x"] {
        let refused = browser.get(&format!("/v1/auth/oidc/hostile/login?return_to={elsewhere}")).await;
        refused.refused(400, "INVALID_PARAMETER");
    }
    browser.get("/v1/auth/oidc/hostile/login?handover=token").await.refused(400, "INVALID_PARAMETER");
    browser.get("/v1/auth/oidc/hostile/login?x=y").await.refused(400, "UNKNOWN_PARAMETER");
    browser.get("/v1/auth/oidc/nobody/login").await.refused(404, "NOT_FOUND");
    browser.get("/v1/auth/oidc/nobody/callback").await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn programs_fetch_their_tokens_with_a_code() {
    let (world, hostile, api) = installed().await;
    let mut browser = Browser::new(&api);
    let code = async |browser: &mut Browser<'_>| {
        let departure = browser.leave("hostile", "?handover=code&return_to=%2Fapp").await;
        let answer = browser.come_back(&hostile, &departure, kim()).await.expect(303);
        assert!(answer.header("location").unwrap().starts_with("http://localhost:8080/app#code=tlo_"));
        fragment(&answer, "code")
    };
    let fetch = async |code: &str| api.post("/v1/auth/oidc/token", None, json!({"code": code})).await;
    let first = code(&mut browser).await;
    assert!(browser.cookies().is_empty());
    assert_eq!(world.count("SELECT count(*) FROM event_store.sessions").await, 0);
    let login = fetch(&first).await.expect(200);
    assert_eq!(methods(&login.person()), json!(["fed"]));
    assert!(login.refresh_token().starts_with("tlr_"));
    fetch(&first).await.refused(401, "TOKEN_INVALID");
    fetch("tlo_invented").await.refused(401, "TOKEN_INVALID");
    // What ends all sessions ends these too, and so does a minute.
    let second = code(&mut browser).await;
    api.post("/v1/auth/oidc/token", None, json!({})).await.refused(422, "VALIDATION_FAILED");
    sqlx::query("UPDATE event_store.login_codes SET epoch = epoch - 1").execute(&world.owner).await.unwrap();
    fetch(&second).await.refused(401, "TOKEN_INVALID");
    let third = code(&mut browser).await;
    let sql = "UPDATE event_store.login_codes SET expires_at = clock_timestamp()";
    sqlx::query(sql).execute(&world.owner).await.unwrap();
    fetch(&third).await.refused(401, "TOKEN_INVALID");
    // A page may have the cookie all the same, if it is one of ours.
    let fourth = code(&mut browser).await;
    let body = json!({"code": fourth, "refresh_cookie": true});
    let theirs = [("origin", "https://evil.example")];
    api.call("POST", "/v1/auth/oidc/token", None, body.clone(), &theirs).await.refused(403, "FORBIDDEN");
    let ours = [("origin", "http://localhost:8080")];
    let login = api.call("POST", "/v1/auth/oidc/token", None, body, &ours).await.expect(200);
    assert!(login.header("set-cookie").unwrap().starts_with("__Secure-refresh=tlr_"));
}

#[tokio::test]
async fn a_second_factor_is_asked_for_all_the_same() {
    let (world, hostile, api) = installed().await;
    let (ann, authenticator) = api.equip(&world, "ann").await;
    let about = || Lie::about("a1", "ann@example.org");
    let mut browser = Browser::new(&api);
    let half = browser.visit(&hostile, about()).await.expect(303);
    assert!(browser.cookies().is_empty());
    let mfa_token = fragment(&half, "mfa_token");
    let body = |code: &str| json!({"mfa_token": mfa_token, "code": code});
    api.post("/v1/auth/mfa", None, body("000000")).await.refused(401, "MFA_INVALID");
    let entered = api.post("/v1/auth/mfa", None, body(&authenticator.code())).await.expect(200);
    assert_eq!((entered.person().id, methods(&entered.person())), (ann.id, json!(["fed", "otp"])));
    // By a code too.
    let departure = browser.leave("hostile", "?handover=code").await;
    let answer = browser.come_back(&hostile, &departure, about()).await.expect(303);
    let code = json!({"code": fragment(&answer, "code")});
    let asked = api.post("/v1/auth/oidc/token", None, code).await.expect(200);
    assert_eq!(asked.json["mfa_required"], true);
    assert_eq!(asked.json.get("access_token"), None);
}

#[tokio::test]
async fn people_are_led_to_a_page() {
    let (_world, _hostile, api) = installed().await;
    let mut browser = Browser::new(&api);
    browser.accept = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
    let departure = browser.leave("hostile", "").await;
    let denied = browser.get(&departure.callback(&[("error", "access_denied")])).await.expect(303);
    assert!(denied.header("location").unwrap().starts_with("http://localhost:8080/auth/entered#problem="));
    assert_eq!(fragment(&denied, "problem"), "OIDC_REFUSED");
    let unknown = browser.get("/v1/auth/oidc/nobody/login").await.expect(303);
    assert_eq!(fragment(&unknown, "problem"), "NOT_FOUND");
    let page = browser.get("/auth/entered").await.expect(200);
    assert!(page.text.contains("data-page=\"entered\""), "{}", page.text);
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
}

/// A page that asks its person to prove anew who they are.
async fn reauthenticate(browser: &mut Browser<'_>, person: &Person, body: Value) -> Answer {
    let path = "/v1/auth/oidc/hostile/reauthenticate";
    let answer = browser.api.call("POST", path, Some(person), body, &[]).await;
    browser.keep(&answer);
    answer
}

fn departure(answer: &Answer) -> Departure {
    let url = Url::parse(answer.json["authorization_url"].as_str().unwrap()).unwrap();
    Departure { url }
}

#[tokio::test]
async fn who_has_no_password_proves_anew_by_the_provider() {
    let (world, hostile, api) = installed().await;
    let mut browser = Browser::new(&api);
    browser.visit(&hostile, kim()).await.expect(303);
    let person = browser.person().await;
    let long_ago = "UPDATE event_store.sessions SET auth_time = auth_time - interval '1 hour'";
    sqlx::query(long_ago).execute(&world.owner).await.unwrap();
    let person = Person { token: browser.refresh().await.person().token, ..person };
    api.post("/v1/auth/totp/enrol", Some(&person), json!({})).await.refused(403, "REAUTHENTICATION_REQUIRED");

    let begin = async |browser: &mut Browser<'_>| {
        let begun = reauthenticate(browser, &person, json!({"return_to": "/settings"})).await.expect(200);
        departure(&begun)
    };
    let there = begin(&mut browser).await;
    assert_eq!((there.parameter("prompt"), there.parameter("max_age")), ("login".into(), "0".into()));
    // Who was only waved through has proved nothing, nor has somebody else.
    let waved = kim().but(json!({"auth_time": Utc::now().timestamp() - 600}));
    let refused = browser.come_back(&hostile, &there, waved).await.refused(401, "OIDC_NOT_BELIEVED");
    assert!(refused.text.contains("auth_time"), "{}", refused.text);
    for (lie, code) in [
        (kim().but(json!({"auth_time": null})), "OIDC_NOT_BELIEVED"),
        (Lie::about("ann", "kim@example.org"), "IDENTITY_CONFLICT"),
        (Lie::about("ann", "ann@example.org"), "IDENTITY_CONFLICT"),
    ] {
        let there = begin(&mut browser).await;
        let refused = browser.come_back(&hostile, &there, lie).await;
        assert_eq!(refused.code(), code, "{}", refused.text);
    }
    let there = begin(&mut browser).await;
    let back = browser.come_back(&hostile, &there, kim()).await.expect(303);
    assert_eq!(back.header("location"), Some("http://localhost:8080/settings"));
    let refreshed = browser.person().await;
    assert_eq!(refreshed.session(), person.session());
    api.post("/v1/auth/totp/enrol", Some(&refreshed), json!({})).await.expect(200);
    assert_eq!(world.count("SELECT count(*) FROM event_store.events").await, 4, "nobody signs up by that");
    let proof = ("auth.oidc_callback".to_owned(), vec!["fed".to_owned()]);
    assert_eq!(world.proofs(person.session(), 2).await, [proof.clone(), proof]);
}

#[tokio::test]
async fn proving_anew_asks_for_the_second_factor_too() {
    let (world, hostile, api) = installed().await;
    let (ann, authenticator) = api.equip(&world, "ann").await;
    let about = || Lie::about("a1", "ann@example.org");
    let mut browser = Browser::new(&api);
    browser.visit(&hostile, about()).await.expect(303);
    reauthenticate(&mut browser, &ann, json!({})).await.refused(401, "MFA_INVALID");
    reauthenticate(&mut browser, &ann, json!({"code": "000000"})).await.refused(401, "MFA_INVALID");
    let begun = reauthenticate(&mut browser, &ann, json!({"code": authenticator.code()})).await.expect(200);
    let back = browser.come_back(&hostile, &departure(&begun), about()).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    let methods =
        format!("SELECT methods = '{{fed,otp}}' FROM event_store.sessions WHERE id = '{}'", ann.session());
    assert!(sqlx::query_scalar::<_, bool>(&methods).fetch_one(&world.owner).await.unwrap());
    let proof = |action: &str, methods: &[&str]| {
        (action.to_owned(), methods.iter().copied().map(str::to_owned).collect::<Vec<_>>())
    };
    let expected = [proof("auth.login", &["pwd"]), proof("auth.oidc_callback", &["fed", "otp"])];
    assert_eq!(world.proofs(ann.session(), 2).await, expected);
    // A session that has ended meanwhile stays so.
    sqlx::query("UPDATE event_store.totp_secrets SET last_step = 0").execute(&world.owner).await.unwrap();
    let begun = reauthenticate(&mut browser, &ann, json!({"code": authenticator.code()})).await.expect(200);
    api.post("/v1/auth/logout", Some(&ann), json!({})).await.expect(204);
    browser.come_back(&hostile, &departure(&begun), about()).await.refused(401, "TOKEN_INVALID");
}
