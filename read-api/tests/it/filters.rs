//! Every filter, and combinations of them against a plain vector.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use uuid::Uuid;

use crate::{
    naive::{self, Ask},
    seed::{Seed, store_user},
    world::World,
};

/// The ids of all pages of a list together.
pub(crate) async fn all_pages(world: &World, token: &str, query: &str, size: usize) -> Vec<String> {
    let (mut found, mut page) = (Vec::new(), String::new());
    loop {
        let reply = world.get(token, &format!("/v1/tasks?{query}&page_size={size}&page_token={page}")).await;
        let ids = reply.pluck("id");
        assert!(ids.len() <= size);
        found.extend(ids);
        page = reply.body["next_page_token"].as_str().unwrap().to_owned();
        assert_eq!(reply.headers.contains_key("link"), !page.is_empty());
        if page.is_empty() {
            return found;
        }
    }
}

#[tokio::test]
async fn random_filters_give_what_a_plain_vector_gives() {
    let world = World::new().await;
    let mut users = Vec::new();
    for name in ["kim", "lee", "park"] {
        users.push(store_user(&world.pool, name, &["member"]).await);
    }
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut tasks = Vec::new();
    for task in naive::tasks(&mut rng, 80, &users) {
        tasks.push(task.store(&world.pool).await);
    }
    let me = users[0];
    let token = world.token(me, &["member"]);
    for _ in 0..80 {
        let ask = Ask::random(&mut rng, me, &users, &tasks);
        let (query, expected) = (ask.query(), ask.answer(me, &tasks));
        let size = rng.random_range(1..30);
        let found = all_pages(&world, &token, &query, size).await;
        assert_eq!(found, expected, "seed {seed}, pages of {size}: {query}");
        let counted = world.get(&token, &format!("/v1/tasks?{query}&count=exact&page_size=1")).await;
        assert_eq!(counted.body["count"], expected.len(), "seed {seed}: {query}");
        let without_sort =
            query.split('&').filter(|pair| !pair.starts_with("sort=")).collect::<Vec<_>>().join("&");
        let counts = world.get(&token, &format!("/v1/tasks/counts?{without_sort}&group_by=status")).await;
        let sum: i64 = counts.items().iter().map(|item| item["count"].as_i64().unwrap()).sum();
        assert_eq!(usize::try_from(sum).unwrap(), expected.len(), "seed {seed}: {query}");
    }
}

#[tokio::test]
async fn counts_group_by_status_assignee_and_label() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let lee = store_user(&world.pool, "lee", &["member"]).await;
    for (number, status, assignees, labels) in [
        (1, "done", vec![kim, lee], vec!["a"]),
        (2, "done", vec![kim], vec!["a", "b"]),
        (3, "waiting", vec![], vec![]),
    ] {
        let mut seed = Seed::new(number, kim);
        (seed.status, seed.assignees) = (status, assignees);
        seed.labels = labels.into_iter().map(str::to_owned).collect();
        seed.store(&world.pool).await;
    }
    let token = world.token(kim, &["member"]);
    let counts = async |query: &str| world.get(&token, &format!("/v1/tasks/counts?{query}")).await.body;
    let by_status = counts("group_by=status").await;
    assert_eq!(by_status["group_by"], "status");
    assert_eq!(by_status["items"], json!([{"value": "done", "count": 2}, {"value": "waiting", "count": 1}]));
    assert_eq!(
        counts("group_by=assignee").await["items"],
        json!([
            {"value": kim, "name": "kim", "count": 2},
            {"value": lee, "name": "lee", "count": 1},
            {"value": null, "count": 1},
        ])
    );
    assert_eq!(
        counts("group_by=label&status=done").await["items"],
        json!([{"value": "a", "count": 2}, {"value": "b", "count": 1}])
    );
    assert_eq!(counts("").await["errors"][0]["code"], "REQUIRED");
    assert_eq!(counts("group_by=title").await["code"], "INVALID_PARAMETER");
}

#[tokio::test]
async fn the_default_order_is_last_changed_first() {
    let world = World::new().await;
    let kim = Uuid::now_v7();
    for number in 1..=3 {
        Seed::new(number, kim).store(&world.pool).await;
    }
    let reply = world.get(&world.token(kim, &["member"]), "/v1/tasks").await;
    assert_eq!(reply.pluck("key"), ["T-3", "T-2", "T-1"]);
}

#[tokio::test]
async fn estimates_come_from_the_planner() {
    let world = World::new().await;
    let kim = Uuid::now_v7();
    for number in 1..=200 {
        Seed::new(number, kim).store(&world.pool).await;
    }
    sqlx::query("ANALYZE").execute(&world.pool).await.unwrap();
    let token = world.token(kim, &["auditor"]);
    let reply = world.get(&token, "/v1/tasks?count=estimate&status=waiting&page_size=1").await;
    assert_eq!(reply.body["count"], 200);
}
