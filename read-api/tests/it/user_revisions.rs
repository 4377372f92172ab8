//! Users as they were, from a real log.

use domain::{event::Metadata, personal::Sealed, user::UserEvent};
use event_store::{MasterKey, Sealer};
use serde_json::{Value, json};
use service::auth::testing::Minter;
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    seed::store_user,
    world::{Reply, World},
};

/// Kim, with a past of five events.
async fn kim(world: &World) -> (Uuid, Sealer) {
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    sqlx::query("UPDATE read_model.users SET version = 5, position = 5 WHERE id = $1")
        .bind(kim)
        .execute(&world.pool)
        .await
        .unwrap();
    let sealer = Sealer::new(world.pool.clone(), &MasterKey(world.secret.derive("event store")));
    let seal = async |text: &str| -> Sealed { sealer.seal(kim, text).await.unwrap() };
    let facts = [
        json!({"user.registered": {
            "email": seal("kim@example.com").await, "name": seal("kim").await, "locale": "ko", "time_zone": "Asia/Seoul",
        }}),
        json!({"user.verified": {}}),
        json!({"user.role_granted": {"role": "member"}}),
        json!({"user.role_granted": {"role": "manager"}}),
        json!({"user.name_changed": {"from": seal("kim").await, "to": seal("김").await}}),
    ];
    let mut day = 0;
    let events = facts.into_iter().map(|fact| {
        let mut at = metadata(kim);
        day += 1;
        at.occurred_at = format!("2020-01-0{day}T12:00:00Z").parse().unwrap();
        (event::<UserEvent>(fact), at)
    });
    Writer::new(world).append("user", kim, events.collect()).await;
    (kim, sealer)
}

#[tokio::test]
async fn a_user_is_shown_as_of_a_moment() {
    let world = World::new().await;
    let (kim, _) = kim(&world).await;
    let auditor = world.token(Uuid::now_v7(), &["auditor"]);
    let shown = async |query: &str| world.get(&auditor, &format!("/v1/users/{kim}?{query}")).await;
    let cases = [
        ("as_of=1", json!(["kim", "unverified", []])),
        ("as_of=3", json!(["kim", "active", ["member"]])),
        ("as_of_occurred=2020-01-04T12:00:00Z", json!(["kim", "active", ["member", "manager"]])),
        ("as_of=5", json!(["김", "active", ["member", "manager"]])),
    ];
    for (query, expected) in cases {
        let body = shown(query).await.body;
        assert_eq!(json!([body["name"], body["state"], body["roles"]]), expected, "{query}: {body}");
        assert_eq!(body["erased"], false);
    }
    for (query, status) in [
        ("as_of=0", 404),
        ("as_of=6", 400),
        ("as_of_occurred=2019-12-31T00:00:00Z", 404),
        ("as_of=yesterday", 400),
        ("as_of=1&as_of_occurred=2020-01-01T12:00:00Z", 400),
    ] {
        assert_eq!(shown(query).await.status.as_u16(), status, "{query}");
    }
}

#[tokio::test]
async fn revisions_are_stepped_through_and_compared() {
    let world = World::new().await;
    let (kim, _) = kim(&world).await;
    let token = world.token(Uuid::now_v7(), &["admin"]);
    let revision =
        async |number: i64| world.get(&token, &format!("/v1/users/{kim}/revisions/{number}")).await;
    let fourth = revision(4).await.body;
    assert_eq!(
        (&fourth["previous"], &fourth["next"], &fourth["position"]),
        (&json!(3), &json!(5), &json!(4))
    );
    assert_eq!(fourth["entry"]["changes"], json!([{"field": "roles", "old": null, "new": "manager"}]));
    assert_eq!((&fourth["user"]["name"], &fourth["user"]["version"]), (&json!("kim"), &json!(4)));
    assert_eq!(
        (&revision(1).await.body["previous"], &revision(5).await.body["next"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(revision(6).await.status.as_u16(), 404);
    let diff = world.get(&token, &format!("/v1/users/{kim}/diff?from=2&to=5")).await.body;
    let expected = json!([
        {"field": "name", "old": "kim", "new": "김"},
        {"field": "roles", "old": [], "new": ["member", "manager"]},
    ]);
    let mut changes = diff["changes"].as_array().unwrap().clone();
    changes.sort_by_key(|change| change["field"].as_str().unwrap().to_owned());
    assert_eq!(json!(changes), expected);
    assert_eq!(world.get(&token, &format!("/v1/users/{kim}/diff")).await.status.as_u16(), 400);
}

#[tokio::test]
async fn what_somebody_was_is_for_those_who_see_the_history() {
    let world = World::new().await;
    let (kim, _) = kim(&world).await;
    let mut claims = Minter::claims(kim);
    claims["epoch"] = json!(2);
    let own = world.minter.sign(&world.minter.header(), &claims);
    for path in ["?as_of=1", "/revisions/1", "/diff?from=1"] {
        let path = format!("/v1/users/{kim}{path}");
        assert_eq!(world.get(&own, &path).await.status.as_u16(), 200, "{path}");
        for (roles, status) in [("admin", 200), ("auditor", 200), ("member", 403), ("operator", 403)] {
            let reply = world.get(&world.token(Uuid::now_v7(), &[roles]), &path).await;
            assert_eq!(reply.status.as_u16(), status, "{roles} {path}");
        }
    }
    let nobody = format!("/v1/users/{}/revisions/1", Uuid::now_v7());
    assert_eq!(world.get(&world.token(Uuid::now_v7(), &["admin"]), &nobody).await.status.as_u16(), 404);
}

#[tokio::test]
async fn who_is_erased_was_somebody_without_a_name() {
    let world = World::new().await;
    let (kim, _) = kim(&world).await;
    sqlx::query("UPDATE event_store.subject_keys SET sealed_key = NULL WHERE subject = $1")
        .bind(kim)
        .execute(&world.pool)
        .await
        .unwrap();
    let token = world.token(Uuid::now_v7(), &["auditor"]);
    let then = world.get(&token, &format!("/v1/users/{kim}?as_of=4")).await.body;
    assert_eq!(json!([then["name"], then["email"], then["erased"]]), json!([null, null, true]));
    assert_eq!(then["roles"], json!(["member", "manager"]));
    let history = world.get(&token, &format!("/v1/users/{kim}/history")).await;
    let gone = json!({"erased": true});
    assert_eq!(history.items()[0]["changes"], json!([{"field": "name", "old": gone, "new": gone}]));
    assert_eq!(history.items()[4]["changes"][0], json!({"field": "email", "old": null, "new": gone}));
}

/// Lee, of an earlier year, whom an import has brought in when Kim was there, and who has left by then.
async fn lee(world: &World, sealer: &Sealer) -> Uuid {
    let lee = store_user(&world.pool, "lee", &[]).await;
    let name = sealer.seal(lee, "lee").await.unwrap();
    let facts = [
        ("2019-06-01", json!({"user.imported": {"name": name, "source": {"system": "old", "id": "7"}}})),
        ("2019-12-01", json!({"user.deactivated": {}})),
    ];
    let events = facts.into_iter().map(|(day, fact)| {
        let occurred_at = format!("{day}T12:00:00Z").parse().unwrap();
        (event::<UserEvent>(fact), Metadata { occurred_at, ..metadata(lee) })
    });
    Writer::new(world).append("user", lee, events.collect()).await;
    lee
}

/// Kim and Lee as the projection has them after all seven events.
async fn both(world: &World) -> (Uuid, Uuid) {
    let (kim, sealer) = kim(world).await;
    let lee = lee(world, &sealer).await;
    for (user, day) in [(kim, "2020-01-01"), (lee, "2019-06-01")] {
        let sql = "UPDATE read_model.users SET create_time = $2::timestamptz WHERE id = $1";
        let began = format!("{day}T12:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        sqlx::query(sql).bind(user).bind(began).execute(&world.pool).await.unwrap();
    }
    world.reach("users", 7).await;
    (kim, lee)
}

/// `kim active` for everybody on the page.
fn people(reply: &Reply) -> Vec<String> {
    let of = |item: &Value| {
        format!("{} {}", item["name"].as_str().unwrap_or("?"), item["state"].as_str().unwrap())
    };
    reply.items().iter().map(of).collect()
}

#[tokio::test]
async fn all_users_are_listed_as_of_a_moment() {
    let world = World::new().await;
    both(&world).await;
    let auditor = world.token(Uuid::now_v7(), &["auditor"]);
    let nobody: [&str; 0] = [];
    for (query, expected) in [
        ("as_of=0", &nobody[..]),
        ("as_of=1", &["kim unverified"]),
        ("as_of=5", &["김 active"]),
        ("as_of=6", &["lee active", "김 active"]),
        ("as_of=7", &["lee deactivated", "김 active"]),
        ("as_of=2020-01-03T00:00:00Z", &nobody),
        ("as_of=2999-01-01T00:00:00Z", &["lee deactivated", "김 active"]),
        ("as_of_occurred=2019-07-01T00:00:00Z", &["lee active"]),
        ("as_of_occurred=2020-01-01T12:00:00Z", &["lee deactivated", "kim unverified"]),
        // Filters judge what was.
        ("as_of=7&state=active", &["김 active"]),
        ("as_of=6&state=active&state=deactivated", &["lee active", "김 active"]),
        ("as_of=3&q=KI", &["kim active"]),
        ("as_of=7&q=kim", &nobody),
    ] {
        let reply = world.get_when_reached(&auditor, &format!("/v1/users?{query}")).await;
        assert_eq!(people(&reply), expected, "{query}");
    }
    for (query, code) in [
        ("as_of=8", "POSITION_AHEAD"),
        ("as_of=-1", "INVALID_PARAMETER"),
        ("as_of_occurred=7", "INVALID_PARAMETER"),
        ("as_of=1&as_of_occurred=2020-01-01T12:00:00Z", "INVALID_PARAMETER"),
    ] {
        let reply = world.get(&auditor, &format!("/v1/users?{query}")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, code), "{query}");
    }
    let then = world.get(&auditor, "/v1/users?as_of=4").await;
    assert_eq!(then.items()[0]["roles"], json!(["member", "manager"]));
    assert_eq!(then.items()[0]["email"], "kim@example.com");
}

#[tokio::test]
async fn lists_of_the_past_go_on_page_by_page_and_over_those_who_were_not_there() {
    let world = World::new().await;
    both(&world).await;
    let strangers = "INSERT INTO read_model.users (id, version, position, name, erased, verified, deactivated, roles, create_time, update_time) \
         SELECT gen_random_uuid(), 1, 1, 'stranger', false, true, false, '{}', '2019-12-31', '2019-12-31' FROM generate_series(1, 2100)";
    sqlx::query(strangers).execute(&world.pool).await.unwrap();
    let token = world.token(Uuid::now_v7(), &["admin"]);
    let (mut found, mut pages, mut page) = (Vec::new(), 0, String::new());
    loop {
        let reply = world.get(&token, &format!("/v1/users?as_of=7&page_size=1&page_token={page}")).await;
        found.extend(people(&reply));
        pages += 1;
        assert!(pages < 5, "{}", reply.body);
        page = reply.body["next_page_token"].as_str().unwrap().to_owned();
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(found, ["lee deactivated", "김 active"]);
    // Nobody looks at more than some for one page.
    let first = world.get(&token, "/v1/users?as_of=7").await;
    assert_eq!((people(&first).len(), first.body["next_page_token"] != ""), (1, true));
    let other = first.body["next_page_token"].as_str().unwrap();
    let reply = world.get(&token, &format!("/v1/users?as_of=6&page_token={other}")).await;
    assert_eq!(reply.code(), "INVALID_PAGE_TOKEN");
}

#[tokio::test]
async fn what_all_were_is_for_admins_and_auditors_without_those_who_are_erased() {
    let world = World::new().await;
    let (kim, _) = both(&world).await;
    let path = "/v1/users?as_of=4";
    for role in ["member", "operator", "manager"] {
        let reply = world.get(&world.token(kim, &[role]), path).await;
        assert_eq!(reply.status.as_u16(), 403, "{role}");
    }
    let erase = "UPDATE event_store.subject_keys SET sealed_key = NULL WHERE subject = $1";
    sqlx::query(erase).bind(kim).execute(&world.pool).await.unwrap();
    let admin = world.token(Uuid::now_v7(), &["admin"]);
    let then = world.get(&admin, path).await;
    let then = &then.items()[0];
    assert_eq!(
        json!([then["id"], then["name"], then["email"], then["erased"], then["state"]]),
        json!([kim, null, null, true, "active"])
    );
    assert_eq!(world.get(&admin, "/v1/users?as_of=4&q=kim").await.items().len(), 0);
}
