//! Text search: Korean, wildcards, words that no trigram index finds.

use crate::{
    naive::encoded,
    seed::{Seed, store_comment, store_user},
    world::World,
};

#[tokio::test]
async fn words_are_found_in_any_part_and_in_korean() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    for (number, title) in [
        (1, "회의록을 정리"),
        (2, "정기회의 준비"),
        (3, "Printer is broken"),
        (4, "UI of the 50%_off banner"),
        (5, r"path C:\temp"),
        (6, "A팀 re-run a-b"),
    ] {
        let mut seed = Seed::new(number, kim);
        title.clone_into(&mut seed.title);
        let seed = seed.store(&world.pool).await;
        if number == 3 {
            store_comment(&world.pool, seed.id, kim, 1, "회의 때 고침").await;
        }
    }
    let token = world.token(kim, &["member"]);
    for (query, keys) in [
        ("회의", vec!["T-1", "T-2", "T-3"]),
        ("회의록", vec!["T-1"]),
        ("회", vec!["T-1", "T-2", "T-3"]),
        ("\u{1112}\u{116c}의록", vec!["T-1"]),
        ("회의 printer", vec!["T-3"]),
        ("PRINT", vec!["T-3"]),
        ("ui", vec!["T-4"]),
        ("50%_off", vec!["T-4"]),
        ("50__off", vec![]),
        ("%off banner", vec![]),
        (r"c:\temp", vec!["T-5"]),
        ("a팀", vec!["T-6"]),
        ("a-b", vec!["T-6"]),
        ("re-run", vec!["T-6"]),
        ("nothing", vec![]),
        ("' OR 1=1--", vec![]),
        ("$1", vec![]),
        ("%'; select pg_sleep(5)--", vec![]),
    ] {
        let path = format!("/v1/tasks?sort=key&q={}", encoded(query));
        assert_eq!(world.get(&token, &path).await.pluck("key"), keys, "{query}");
    }
}

#[tokio::test]
async fn searches_are_subject_to_visibility_and_deletion() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let mut private = Seed::new(1, kim);
    private.private = true;
    "secret plan".clone_into(&mut private.title);
    private.store(&world.pool).await;
    let found =
        async |token: &str| world.get(token, "/v1/tasks?q=secret&count=exact").await.body["count"].clone();
    assert_eq!(found(&world.token(kim, &["member"])).await, 1);
    assert_eq!(found(&world.token(uuid::Uuid::now_v7(), &["member"])).await, 0);
}
