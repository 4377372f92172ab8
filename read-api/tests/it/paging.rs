//! Pages: together they are the whole list, also while it grows; tokens are worth nothing elsewhere.

use axum::http::StatusCode;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::{
    filters::all_pages,
    seed::{Seed, epoch, store_user},
    world::World,
};

async fn world_of(count: i64) -> (World, Uuid, String) {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    for number in 1..=count {
        let mut seed = Seed::new(number, kim);
        seed.update_time = epoch() + TimeDelta::minutes(number / 3);
        seed.store(&world.pool).await;
    }
    let token = world.token(kim, &["member"]);
    (world, kim, token)
}

#[tokio::test]
async fn pages_together_are_the_list() {
    let (world, _, token) = world_of(25).await;
    let whole = world.get(&token, "/v1/tasks?page_size=1000").await.pluck("id");
    assert_eq!(whole.len(), 25);
    for size in [1, 2, 3, 24, 25, 26] {
        assert_eq!(all_pages(&world, &token, "", size).await, whole, "pages of {size}");
    }
}

#[tokio::test]
async fn inserts_neither_repeat_nor_hide_what_was_there() {
    let (world, kim, token) = world_of(20).await;
    let whole = world.get(&token, "/v1/tasks?sort=update_time&page_size=1000").await.pluck("id");
    let (mut found, mut page, mut number) = (Vec::new(), String::new(), 100);
    loop {
        let path = format!("/v1/tasks?sort=update_time&page_size=3&page_token={page}");
        let reply = world.get(&token, &path).await;
        found.extend(reply.pluck("id"));
        page = reply.body["next_page_token"].as_str().unwrap().to_owned();
        if page.is_empty() {
            break;
        }
        for minutes in [-5, 3, 900] {
            number += 1;
            let mut seed = Seed::new(number, kim);
            seed.update_time = epoch() + TimeDelta::minutes(minutes);
            seed.store(&world.pool).await;
        }
        if number > 150 {
            break;
        }
    }
    let old: Vec<_> = found.iter().filter(|id| whole.contains(id)).cloned().collect();
    assert_eq!(old, whole);
    let mut once = found.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), found.len());
}

#[tokio::test]
async fn sizes_are_coerced_and_checked() {
    let (world, _, token) = world_of(60).await;
    for (size, items) in [("", 50), ("page_size=7", 7), ("page_size=1000000000", 60)] {
        assert_eq!(world.get(&token, &format!("/v1/tasks?{size}")).await.items().len(), items, "{size}");
    }
    for size in ["-1", "0", "x", "1.5", ""] {
        let reply = world.get(&token, &format!("/v1/tasks?page_size={size}")).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "INVALID_PARAMETER"), "{size}");
    }
}

#[tokio::test]
async fn tokens_hold_for_their_list_filters_and_caller_only() {
    let (world, _, token) = world_of(5).await;
    let first = world.get(&token, "/v1/tasks?page_size=2&status=waiting&status=done").await;
    let page = first.body["next_page_token"].as_str().unwrap().to_owned();
    let stranger = world.token(Uuid::now_v7(), &["member"]);
    let status = async |token: &str, path: &str| world.get(token, &format!("{path}&page_token={page}")).await;
    let good = status(&token, "/v1/tasks?status=done&page_size=3&status=waiting").await;
    assert_eq!(good.items().len(), 3, "the order of parameters and the size may change");
    for (token, path) in [
        (&token, "/v1/tasks?status=waiting"),
        (&token, "/v1/tasks?status=waiting&status=done&sort=key"),
        (&token, "/v1/users?page_size=2"),
        (&stranger, "/v1/tasks?page_size=2&status=waiting&status=done"),
    ] {
        assert_eq!(status(token, path).await.code(), "INVALID_PAGE_TOKEN", "{path}");
    }
    for forged in ["x", "AAAA", &page[1..], &format!("{page}A")] {
        let path = format!("/v1/tasks?status=waiting&status=done&page_token={forged}");
        assert_eq!(world.get(&token, &path).await.code(), "INVALID_PAGE_TOKEN", "{forged}");
    }
}

#[tokio::test]
async fn the_link_leads_to_the_next_page() {
    let (world, _, token) = world_of(5).await;
    let first = world.get(&token, "/v1/tasks?label=a%20b&label=none&page_size=2").await;
    assert_eq!(first.header("link"), "");
    let first = world.get(&token, "/v1/tasks?creator=me&page_size=2").await;
    let link = first.header("link");
    let target =
        link.strip_prefix("<http://localhost:8080").unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let second = world.get(&token, target).await;
    assert_eq!(second.items().len(), 2);
    let next = second.header("link").to_owned();
    assert_eq!(next.matches("page_token=").count(), 1);
}
