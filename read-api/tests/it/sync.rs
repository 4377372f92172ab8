//! What devices take in, and what their tokens are good for. How phones converge is tested on the whole product.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use crate::{
    seed::{Seed, store_user},
    world::{Reply, World},
};

async fn pull(world: &World, token: &str, query: &str) -> Reply {
    world.get(token, &format!("/v1/sync?{query}")).await
}

fn next(reply: &Reply) -> &str {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body["next"].as_str().unwrap()
}

#[tokio::test]
async fn a_snapshot_comes_page_by_page_with_nothing_that_is_not_seen() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let lee = store_user(&world.pool, "lee", &["member"]).await;
    let mut expected = BTreeSet::new();
    for number in 1..10 {
        let mut seed = Seed::new(number, lee);
        seed.private = number % 3 == 0;
        seed.delete_time = (number == 7).then(chrono::Utc::now);
        let seed = seed.store(&world.pool).await;
        if number % 3 != 0 && number != 7 {
            expected.insert(seed.id.to_string());
        }
    }
    let token = world.token(kim, &["member"]);
    let (mut since, mut found, mut users, mut first) = ("*".to_owned(), BTreeSet::new(), 0, true);
    loop {
        let page = pull(&world, &token, &format!("since={since}&page_size=2")).await;
        assert_eq!(
            (&page.body["reset"], &page.body["tombstones"]),
            (&Value::Bool(first), &Value::Array(vec![]))
        );
        first = false;
        let ids = page.body["tasks"].as_array().unwrap();
        found.extend(ids.iter().map(|task| task["id"].as_str().unwrap().to_owned()));
        users += page.body["users"].as_array().unwrap().len();
        next(&page).clone_into(&mut since);
        if page.body["has_more"] == false {
            break;
        }
    }
    assert_eq!((found, users), (expected, 2));
    let after = pull(&world, &token, &format!("since={since}")).await;
    assert_eq!((&after.body["tasks"], &after.body["users"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    assert!(!after.body.to_string().contains("email"));
}

#[tokio::test]
async fn a_token_is_good_for_one_person_one_choice_and_one_log() {
    let world = World::new().await;
    let [kim, lee] = ["kim", "lee"];
    let kim = store_user(&world.pool, kim, &["member", "auditor"]).await;
    let lee = store_user(&world.pool, lee, &["member"]).await;
    let (kims, lees) = (world.token(kim, &["member"]), world.token(lee, &["member"]));
    let page = pull(&world, &kims, "since=*").await;
    let since = next(&page);
    assert!(!since.contains(&kim.to_string()));
    let again = pull(&world, &kims, &format!("since={since}")).await;
    assert_eq!((again.status.as_u16(), &again.body["reset"]), (200, &Value::Bool(false)));
    for (token, query, code) in [
        (&lees, format!("since={since}"), "INVALID_PAGE_TOKEN"),
        (&kims, format!("since={since}&types=tasks"), "INVALID_PAGE_TOKEN"),
        (&kims, "since=x".to_owned(), "INVALID_PAGE_TOKEN"),
        (&kims, String::new(), "INVALID_PARAMETER"),
        (&kims, "since=".to_owned(), "INVALID_PARAMETER"),
        (&kims, "since=*&types=labels".to_owned(), "INVALID_PARAMETER"),
        (&kims, "since=*&limit=1".to_owned(), "UNKNOWN_PARAMETER"),
    ] {
        let reply = pull(&world, token, &query).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, code), "{query}");
    }
    let more = pull(&world, &world.token(kim, &["member", "auditor"]), &format!("since={since}")).await;
    assert_eq!(more.body["reset"], true, "another sight is another snapshot: {}", more.body);
    let nobody = world.token(Uuid::now_v7(), &["operator"]);
    assert_eq!(pull(&world, &nobody, "since=*").await.status.as_u16(), 403);

    sqlx::query("UPDATE event_store.log_head SET epoch = gen_random_uuid()")
        .execute(&world.pool)
        .await
        .unwrap();
    let lost = pull(&world, &kims, &format!("since={since}")).await;
    assert_eq!((lost.status.as_u16(), lost.code()), (410, "POSITION_EXPIRED"));
}
