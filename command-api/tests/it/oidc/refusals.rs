//! Logins by outside providers in the audit log, and how often they may begin.

use serde_json::{Value, json};

use super::{Browser, Hostile, Lie};
use crate::api::World;

#[tokio::test]
async fn coming_in_and_being_refused_is_kept() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.api_with_providers(&hostile.configured("sign_up = true")).await;
    let ann = api.member("ann").await;
    let mut browser = Browser::new(&api);
    let unverified = Lie::about("a1", "ann@example.org").but(json!({"email_verified": false}));
    browser.visit(&hostile, unverified).await.expect(403);
    browser.visit(&hostile, Lie { other_key: true, ..Lie::about("a1", "ann@example.org") }).await.expect(401);
    browser.visit(&hostile, Lie::about("a1", "ann@example.org")).await.expect(303);
    browser.visit(&hostile, Lie::about("canary", "ann@example.org")).await.expect(409);
    browser.accept = "text/html,*/*;q=0.8";
    browser.get("/v1/auth/oidc/hostile/callback?state=canary").await.expect(303);
    api.end().await;
    let rows: Vec<Value> = world.audited(6).await.split_off(1);
    let expected = [
        ["auth.oidc_callback", "denied", "OIDC_EMAIL_NOT_VERIFIED"],
        ["auth.oidc_callback", "failure", "OIDC_NOT_BELIEVED"],
        ["auth.oidc_callback", "success", ""],
        ["auth.oidc_callback", "failure", "IDENTITY_CONFLICT"],
        ["auth.oidc_callback", "failure", "OIDC_LOGIN_VOID"],
    ];
    let gist = |row: &Value| {
        ["action", "outcome", "code"].map(|column| row[column].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(rows.iter().map(gist).collect::<Vec<_>>(), expected);
    assert_eq!((&rows[2]["actor"], &rows[2]["status"]), (&json!(ann.id), &json!(200)));
    assert!(rows[2]["session"].is_string());
    assert_eq!((&rows[3]["actor"], &rows[3]["target_id"]), (&Value::Null, &json!(ann.id)));
    assert!(rows.iter().all(|row| !row.to_string().contains("canary")), "{rows:?}");
    assert!(rows.iter().all(|row| !row.to_string().contains("example.org")), "{rows:?}");
}

#[tokio::test]
async fn logins_begin_as_seldom_as_passwords_are_tried() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.limited_api_with_providers("login=2/h", &hostile.configured("sign_up = true")).await;
    let mut browser = Browser::new(&api);
    let departure = browser.leave("hostile", "").await;
    browser.leave("hostile", "").await;
    browser.get("/v1/auth/oidc/hostile/login").await.refused(429, "RATE_LIMITED");
    // What has begun may be finished.
    browser.come_back(&hostile, &departure, Lie::about("kim", "kim@example.org")).await.expect(303);
}
