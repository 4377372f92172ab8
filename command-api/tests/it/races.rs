//! Rules over several aggregates hold when everybody comes at once, to different replicas.

use domain::policy::Role;
use futures_util::future::join_all;
use serde_json::json;

use crate::api::World;

#[tokio::test(flavor = "multi_thread")]
async fn no_cycle_is_made_from_both_ends() {
    let world = World::new().await;
    let (one, two) = (world.api().await, world.api().await);
    let ann = one.member("ann").await;
    for _ in 0..10 {
        let (a, b) =
            (one.task(&ann, json!({"title": "a"})).await, one.task(&ann, json!({"title": "b"})).await);
        let (a, b) = (a.id(), b.id());
        let (left, right) = (format!("/v1/tasks/{a}"), format!("/v1/tasks/{b}"));
        let answers = tokio::join!(
            one.call("PATCH", &left, Some(&ann), json!({"parent": b}), &[]),
            two.call("PATCH", &right, Some(&ann), json!({"parent": a}), &[]),
        );
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", answers.0.text, answers.1.text);
        let refused = if answers.0.status == 409 { answers.0 } else { answers.1 };
        refused.refused(409, "CYCLE");

        let (left, right) = (format!("{left}/relations/blocks/{b}"), format!("{right}/relations/blocks/{a}"));
        let answers =
            tokio::join!(one.post(&left, Some(&ann), json!({})), two.post(&right, Some(&ann), json!({})),);
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", answers.0.text, answers.1.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_takes_an_external_reference() {
    let world = World::new().await;
    let (one, two) = (world.api().await, world.api().await);
    let ann = one.member("ann").await;
    let reference = json!({"system": "desk", "id": "42"});
    let creates = (0..20).map(|index| {
        let api = if index % 2 == 0 { &one } else { &two };
        api.post("/v1/tasks", Some(&ann), json!({"title": "t", "external_ref": reference}))
    });
    let answers = join_all(creates).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.code() == "EXTERNAL_REF_TAKEN"));
    let path = format!("/v1/tasks/{}", won[0].id());
    one.call("PATCH", &path, Some(&ann), json!({"external_ref": null}), &[]).await.expect(200);
    one.task(&ann, json!({"title": "t", "external_ref": reference})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_do_not_lock_each_other_out() {
    let world = World::new().await;
    let (one, two) = (world.api().await, world.api().await);
    let (ann, bob) = (one.person("ann", &[Role::Admin]).await, one.person("bob", &[Role::Admin]).await);
    // The keeper of the fixture goes first, so that ann and bob are the last two.
    let keeper: uuid::Uuid = sqlx::query_scalar(
        "SELECT owner FROM event_store.unique_claims WHERE scope = 'user.admin' AND owner <> ALL($1)",
    )
    .bind(vec![ann.id, bob.id])
    .fetch_one(&world.owner)
    .await
    .unwrap();
    one.post(&format!("/v1/users/{keeper}/deactivate"), Some(&ann), json!({})).await.expect(200);
    let (left, right) =
        (format!("/v1/users/{}/deactivate", bob.id), format!("/v1/users/{}/deactivate", ann.id));
    let answers =
        tokio::join!(one.post(&left, Some(&ann), json!({})), two.post(&right, Some(&bob), json!({})));
    let statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    // The loser was locked out meanwhile, or would have been the last.
    assert!(statuses.iter().all(|status| [200, 401, 403, 409].contains(status)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_task_takes_everything_in_turn() {
    let world = World::new().await;
    let (one, two) = (world.api().await, world.api().await);
    let ann = one.member("ann").await;
    let path = format!("/v1/tasks/{}/comments", one.task(&ann, json!({"title": "t"})).await.id());
    let comments = (0..60).map(|index| {
        let api = if index % 3 == 0 { &two } else { &one };
        api.post(&path, Some(&ann), json!({"text": format!("comment {index}")}))
    });
    let answers = join_all(comments).await;
    let mut versions: Vec<_> = answers.into_iter().map(|answer| answer.expect(200).version()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=61).collect::<Vec<_>>());
}
