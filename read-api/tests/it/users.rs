//! Users, as others, admins and they themselves see them.

use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::{seed::store_user, world::World};

#[tokio::test]
async fn private_fields_are_for_oneself_and_admins() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member", "manager"]).await;
    let public = json!({"id": kim, "version": 2, "name": "kim", "state": "active", "erased": false});
    let whole = json!({
        "id": kim, "version": 2, "name": "kim", "state": "active", "email": "kim@example.com",
        "roles": ["member", "manager"], "locale": "ko", "time_zone": "Asia/Seoul",
        "erased": false, "create_time": "2026-09-21T14:13:20.000000Z", "update_time": "2026-09-21T14:13:20.000000Z",
    });
    let own = world.token(kim, &["member"]);
    let admin = world.token(Uuid::now_v7(), &["admin"]);
    let other = world.token(Uuid::now_v7(), &["member", "manager", "auditor"]);
    let path = format!("/v1/users/{kim}");
    for (token, path, expected) in [
        (&own, "/v1/users/me", &whole),
        (&own, &path, &whole),
        (&admin, &path, &whole),
        (&other, &path, &public),
    ] {
        assert_eq!(world.get(token, path).await.body, *expected);
    }
    assert_eq!(world.get(&other, "/v1/users").await.items(), [public]);
    assert_eq!(world.get(&admin, "/v1/users").await.items(), [whole]);
    let known = [("if-none-match", "\"2\"")];
    assert_eq!(world.get_with(&own, "/v1/users/me", &known).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(world.get(&own, &format!("/v1/users/{}", Uuid::nil())).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn users_are_listed_by_state_and_part_of_the_name() {
    let world = World::new().await;
    for name in ["Kim Chulsoo", "김철수", "50%_Lee"] {
        store_user(&world.pool, name, &["member"]).await;
    }
    let gone = store_user(&world.pool, "Kim Gone", &["member"]).await;
    let deactivated = "UPDATE read_model.users SET deactivated = true WHERE id = $1";
    sqlx::query(deactivated).bind(gone).execute(&world.pool).await.unwrap();
    let token = world.token(Uuid::now_v7(), &["member"]);
    for (query, names) in [
        ("q=kim", vec!["Kim Chulsoo", "Kim Gone"]),
        ("q=kim&state=active", vec!["Kim Chulsoo"]),
        ("q=%EC%B2%A0", vec!["김철수"]),
        ("q=%25_", vec!["50%_Lee"]),
        ("q=_", vec!["50%_Lee"]),
        ("state=deactivated", vec!["Kim Gone"]),
    ] {
        assert_eq!(world.get(&token, &format!("/v1/users?{query}")).await.pluck("name"), names, "{query}");
    }
    let (mut found, mut page) = (0, String::new());
    loop {
        let reply = world.get(&token, &format!("/v1/users?page_size=3&page_token={page}")).await;
        found += reply.items().len();
        page = reply.body["next_page_token"].as_str().unwrap().to_owned();
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(found, 4);
    assert_eq!(world.get(&token, "/v1/users?state=gone").await.code(), "INVALID_PARAMETER");
}
