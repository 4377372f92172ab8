//! What operators ask to be done about deliveries.

use domain::policy::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::World;

#[tokio::test]
async fn operators_ask_for_one_or_many_deliveries() {
    let world = World::new().await;
    let api = world.api().await;
    let (operator, ann) = (api.person("operator", &[Role::Operator]).await, api.member("ann").await);
    let delivery = Uuid::now_v7();
    let one = format!("/v1/deliveries/{delivery}");
    let many =
        json!({"filter": {"channel": "webhook", "state": "exhausted", "from": "2026-11-01T00:00:00Z"}});
    let mut skipped = many.clone();
    skipped["reason"] = json!("the receiver is gone");
    for (path, body, kind, subject) in [
        (format!("{one}/retry"), json!({}), "retry_deliveries", format!("deliveries/{delivery}")),
        (format!("{one}/skip"), json!({"reason": "x"}), "skip_deliveries", format!("deliveries/{delivery}")),
        ("/v1/deliveries/retry".to_owned(), many, "retry_deliveries", "deliveries".to_owned()),
        ("/v1/deliveries/skip".to_owned(), skipped, "skip_deliveries", "deliveries".to_owned()),
    ] {
        api.post(&path, Some(&ann), body.clone()).await.refused(403, "FORBIDDEN");
        let asked = api.post(&path, Some(&operator), body).await.expect(202);
        assert_eq!((&asked.json["kind"], &asked.json["subject"]), (&json!(kind), &json!(subject)));
        assert_eq!(asked.header("location"), Some(format!("/v1/operations/{}", asked.id()).as_str()));
    }
    let last = "SELECT payload::jsonb FROM event_store.events ORDER BY position DESC LIMIT 1";
    let payload: Value = sqlx::query_scalar(last).fetch_one(&world.owner).await.unwrap();
    assert_eq!(payload["deliveries"]["state"], "exhausted");
    assert_eq!(payload["reason"], "the receiver is gone");
}

#[tokio::test]
async fn what_is_not_meant_is_not_done() {
    let world = World::new().await;
    let api = world.api().await;
    let operator = api.person("operator", &[Role::Operator]).await;
    let refused = async |path: &str, body: Value| {
        let answer = api.post(path, Some(&operator), body).await.refused(422, "VALIDATION_FAILED");
        answer.violations().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect::<Vec<_>>()
    };
    let (retry, skip) = ("/v1/deliveries/retry", "/v1/deliveries/skip");
    assert_eq!(refused(retry, json!({})).await, ["/filter REQUIRED"]);
    assert_eq!(refused(skip, json!({"filter": {}})).await, ["/reason REQUIRED"]);
    let bad = json!({"filter": {"channel": "fax", "state": "lost", "from": "now", "all": true}});
    let expected = [
        "/filter/all UNKNOWN_FIELD",
        "/filter/channel UNKNOWN_VALUE",
        "/filter/from MALFORMED",
        "/filter/state UNKNOWN_VALUE",
    ];
    assert_eq!(refused(retry, bad).await, expected);
    let turned = json!({"filter": {"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}});
    assert_eq!(refused(retry, turned).await, ["/filter/to OUT_OF_RANGE"]);
    api.post("/v1/deliveries/7/retry", Some(&operator), json!({})).await.refused(400, "INVALID_ID");
}
