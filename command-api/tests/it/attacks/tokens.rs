//! Tokens: 59 to 70.

use domain::policy::Role;
use serde_json::json;
use service::auth::testing::{Forgery, forgeries};

use crate::api::{Api, PASSWORD, Person, World, request};

/// Reads and commands; what is refused here is refused before any handler.
const DOORS: [(&str, &str, &str); 3] = [
    ("GET", "/v1/auth/sessions", ""),
    ("POST", "/v1/tasks", "{\"title\": \"t\"}"),
    ("PATCH", "/v1/users/me", "{}"),
];

impl Api {
    /// No door opens to what stands behind `Authorization: `.
    async fn keeps_out(&self, what: &str, authorization: &str, code: &str) {
        for (method, path, body) in DOORS {
            let header = [("authorization", authorization)];
            let answer = self.send(request(method, path, None, body, &header)).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (401, code), "{what}: {method} {path}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer"), "{what}: {method} {path}: {challenge}");
        }
    }
}

#[tokio::test]
async fn forgeries_open_no_door() {
    // 59 to 68
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    for Forgery { name, authorization, code } in forgeries(&world.minter().await, &ann.claims()) {
        api.keeps_out(&name, &authorization, code.as_str()).await;
    }
    assert_eq!(world.count("SELECT count(*) FROM event_store.events WHERE aggregate_type = 'task'").await, 0);
    api.task(&ann, json!({"title": "t"})).await;
}

#[tokio::test]
async fn one_kind_of_token_is_not_as_good_as_another() {
    // 65
    let world = World::new().await;
    let api = world.api().await;
    let (ann, _) = api.equip(&world, "ann").await;
    let login = json!({"email": "ann@example.org", "password": PASSWORD});
    let half = api.post("/v1/auth/login", None, login).await.expect(200);
    let half = half.json["mfa_token"].as_str().unwrap().to_owned();
    api.member("bob").await;
    let refresh = api.log_in_anew("bob").await.refresh_token();
    for (name, token) in [("half a login", &half), ("a refresh token", &refresh)] {
        api.keeps_out(name, &format!("Bearer {token}"), "TOKEN_INVALID").await;
    }
    for (name, token) in [("half a login", &half), ("an access token", &ann.token)] {
        let answer = api.refresh(token).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "TOKEN_INVALID"), "{name}");
    }
    for (name, token) in [("a refresh token", &refresh), ("an access token", &ann.token)] {
        let body = json!({"mfa_token": token, "code": "123456"});
        let answer = api.post("/v1/auth/mfa", None, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "TOKEN_INVALID"), "{name}");
    }
}

#[tokio::test]
async fn tokens_elsewhere_are_not_looked_at() {
    // 69
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    for (method, path, body) in DOORS {
        let path = format!("{path}?access_token={}", ann.token);
        api.send(request(method, &path, None, body, &[])).await.refused(401, "UNAUTHENTICATED");
        let cookie = format!("access_token={0}; __Secure-refresh={0}", ann.token);
        let elsewhere = [("cookie", cookie.as_str()), ("x-access-token", ann.token.as_str())];
        api.send(request(method, &path, None, body, &elsewhere)).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn what_was_revoked_opens_no_door() {
    // 70
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Admin]).await;
    let role = json!({"role": "announcer"});
    for (name, path, body, code) in [
        ("alogout", "/v1/auth/logout", json!({}), "TOKEN_INVALID"),
        ("alogoutall", "/v1/auth/logout-all", json!({}), "TOKEN_INVALID"),
        ("agrant", "roles/grant", role, "TOKEN_STALE"),
        ("athrownout", "logout", json!({}), "TOKEN_STALE"),
        ("adeactivated", "deactivate", json!({}), "TOKEN_STALE"),
    ] {
        api.member(name).await;
        let login = api.log_in_anew(name).await;
        let person = login.person();
        let matching = [("if-match", "*")];
        let answer = if path.starts_with('/') {
            api.post(path, Some(&person), body).await
        } else {
            let path = format!("/v1/users/{}/{path}", person.id);
            api.call("POST", &path, Some(&root), body, &matching).await
        };
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        api.keeps_out(path, &format!("Bearer {}", person.token), code).await;
        // Only rights that have changed are told to whoever refreshes.
        let refreshed = api.refresh(&login.refresh_token()).await;
        assert_eq!(refreshed.status == 200, path == "roles/grant", "{path}: {}", refreshed.text);
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_its_family() {
    // 70
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let first = api.log_in_anew("ann").await;
    let second = api.refresh(&first.refresh_token()).await.expect(200);
    let third = api.refresh(&second.refresh_token()).await.expect(200);
    api.refresh(&first.refresh_token()).await.refused(401, "REFRESH_TOKEN_REUSED");
    api.refresh(&third.refresh_token()).await.refused(401, "REFRESH_TOKEN_REUSED");
    let Person { token, .. } = third.person();
    api.keeps_out("of an ended family", &format!("Bearer {token}"), "TOKEN_INVALID").await;
}
