//! The 25 questions.

use chrono::Utc;
use serde_json::{Value, json};

use super::office::{Office, text};

/// 1 to 6, 8, 21, 23, 25: what was done, by whom, to what.
#[tokio::test(flavor = "multi_thread")]
async fn what_happened() {
    let begun = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let office = Office::open().await;
    let task = office.task().await;
    let ann = &office.ann.id;
    let four = ["task.commented", "task.started", "task.title_changed", "task.created"];
    // 1: all acts of a user in a range
    assert_eq!(office.actions(&format!("actor={ann}&action=task.&from={begun}"), 4).await, four);
    assert_eq!(office.asks(&format!("/v1/audit/records?actor={ann}&to={begun}")).await["items"], json!([]));
    // 2: from an address, from a network
    let record = office.finds(&format!("/v1/audit/records?target={task}"), |items| items.len() >= 4).await;
    let ip = text(&record[0]["source"]["ip"]);
    let network = if ip.contains(':') { "::/64" } else { "127.0.0.0/8" };
    for from in [ip.as_str(), network] {
        assert_eq!(office.actions(&format!("ip={from}&target={task}"), 4).await, four);
    }
    assert_eq!(office.asks("/v1/audit/records?ip=198.51.100.0/24").await["items"], json!([]));
    // 3: the history of a task, with what changed
    let key = text(&record[0]["target"]["key"]);
    let history = office.asks(&format!("/v1/tasks/{key}/history")).await;
    assert_eq!(history["items"][2]["changes"], json!([{"field": "title", "old": "Roof", "new": "New roof"}]));
    assert_eq!(office.actions(&format!("target={key}&sort=recorded_at"), 4).await[0], "task.created");
    // 4: who changed the title when, and from what
    let changed = office
        .finds(&format!("/v1/audit/records?target={task}&field=title&old=roof"), |items| !items.is_empty())
        .await;
    assert_eq!(changed.len(), 1);
    let change = json!([{"field": "title", "old": "Roof", "new": "New roof", "redacted": false}]);
    assert_eq!((&changed[0]["actor"]["id"], &changed[0]["changes"]), (&json!(ann), &change));
    assert_eq!(changed[0]["actor"]["roles"], json!(["member"]));
    assert_eq!(
        office.actions(&format!("target={task}&field=title"), 2).await,
        ["task.title_changed", "task.created"]
    );
    // … also among other conditions: one change must be all that is asked of it
    let filtered = async |filter: &str| {
        let filter = filter.replace(' ', "%20").replace('=', "%3D").replace('"', "%22");
        let found = office.asks(&format!("/v1/audit/records?target={task}&filter={filter}")).await;
        found["items"].as_array().unwrap().iter().map(|one| text(&one["action"])).collect::<Vec<_>>()
    };
    assert_eq!(filtered("old = ROOF AND new = \"new roof\"").await, ["task.title_changed"]);
    assert_eq!(filtered("field = title AND new = low").await, [""; 0]);
    assert_eq!(filtered("new = low AND text = roof").await, ["task.created"]);
    assert_eq!(
        filtered("(old = zinc OR text = slate) AND NOT action = task.created").await,
        ["task.commented"]
    );
    assert_eq!(filtered("action = task. AND NOT (field = title OR new = tin)").await, ["task.started"]);
    // 5, 6: as it was, and what is different
    let position = &record[3]["position"];
    let then = office.asks(&format!("/v1/tasks/{task}?as_of={position}")).await;
    assert_eq!((&then["title"], &then["status"]), (&json!("Roof"), &json!("waiting")));
    let diff = office.asks(&format!("/v1/tasks/{task}/diff?from=1&to=3")).await;
    assert!(diff["changes"].as_array().unwrap().iter().any(|change| change["field"] == "title"), "{diff}");
    // 8: one intent, one request
    let correlation = text(&record[3]["correlation_id"]);
    assert_eq!(office.actions(&format!("correlation={correlation}"), 1).await, ["task.created"]);
    assert_eq!(
        office.actions(&format!("request={}", text(&record[3]["request_id"])), 1).await,
        ["task.created"]
    );
    // 21: announcements
    let said = json!({"title": "Hello", "body": "All of you", "audience": {"roles": ["member"]}});
    office.does(&office.world.root().await, "POST", "/v1/announcements", said).await;
    assert_eq!(office.actions("action=announcement.", 1).await, ["announcement.drafted"]);
    // 23: nothing was changed since
    office.world.first_seal().await;
    let proved = office.asks("/v1/audit/integrity?from=1&to=1").await;
    assert_eq!(proved["intact"], true, "{proved}");
    let sealed = office
        .finds("/v1/audit/records?sort=recorded_at&page_size=1&action=user.", |items| {
            items[0]["seal"].is_object()
        })
        .await;
    assert_eq!(sealed[0]["seal"]["log"], "events");
    // 25: step by step
    let revision = office.asks(&format!("/v1/tasks/{task}/revisions/2")).await;
    assert_eq!((&revision["previous"], &revision["next"]), (&json!(1), &json!(3)));
    let session = office.ann.session();
    let steps = office.actions(&format!("session={session}&action=task.&sort=recorded_at"), 4).await;
    assert_eq!(steps, ["task.created", "task.title_changed", "task.started", "task.commented"]);
    office.world.end();
}

/// 10 to 14, 16 to 18: who came in, who may what, who was refused, who has looked.
#[tokio::test(flavor = "multi_thread")]
async fn who_did_what_he_should_not() {
    let office = Office::open().await;
    let ann = office.ann.id.clone();
    // 10: failed logins
    office.log_in("not her password", "Curious/1").await.expect(401);
    let failed =
        office.finds("/v1/audit/records?action=auth.&outcome=failure", |items| !items.is_empty()).await;
    assert_eq!(
        (&failed[0]["code"], &failed[0]["target"]["id"]),
        (&json!("INVALID_CREDENTIALS"), &json!(ann))
    );
    assert_eq!(failed[0]["source"]["user_agent"], "Curious/1");
    // 11: from a new device, and not again from the same
    for _ in 0..2 {
        office.comes_in_with("Phone/1").await;
    }
    let phones = format!("/v1/audit/records?actor={ann}&action=auth.login&user_agent=phone");
    assert_eq!(office.finds(&phones, |items| items.len() >= 2).await.len(), 2);
    assert_eq!(office.asks(&format!("{phones}&new_device=true")).await["items"].as_array().unwrap().len(), 1);
    // 12: a refresh token used twice
    let mut token = office.comes_in_with("Thief/1").await["refresh_token"].clone();
    let first = token.clone();
    for _ in 0..2 {
        let refreshed = office
            .world
            .ask(&office.world.stranger(), "POST", "/v1/auth/refresh", Some(&json!({"refresh_token": token})))
            .await;
        token = refreshed.expect(200).json()["refresh_token"].clone();
    }
    office
        .world
        .ask(&office.world.stranger(), "POST", "/v1/auth/refresh", Some(&json!({"refresh_token": first})))
        .await
        .expect(401);
    let reused =
        office.finds("/v1/audit/records?action=user.refresh_token_reused", |items| !items.is_empty()).await;
    assert_eq!(reused[0]["target"]["id"], json!(ann));
    // 13: changes of roles, and who had one when
    let root = office.world.root().await;
    let path = format!("/v1/users/{ann}/roles/grant");
    let granted = root.post_matching(&path, &json!({"role": "announcer"})).await.unwrap().expect(200);
    let position = granted.number("position");
    let changes = format!("/v1/audit/records?target={ann}&field=roles&new=announcer&min_position={position}");
    assert_eq!(office.asks(&changes).await["items"][0]["action"], "user.role_granted");
    let holders = |at: i64| format!("/v1/audit/role-holders?role=announcer&as_of={at}");
    assert_eq!(office.asks(&holders(position - 1)).await["items"], json!([]));
    let held = office.asks(&holders(position)).await;
    assert_eq!(
        (&held["items"][0]["user"]["id"], &held["items"][0]["position"]),
        (&json!(ann), &json!(position))
    );
    // 16: API keys. The grant has made her token stale.
    let mut member = office.world.stranger();
    member.log_in(&office.ann.email).await.unwrap();
    let tomorrow = Utc::now() + chrono::TimeDelta::days(1);
    let key = json!({"name": "script", "scopes": ["tasks:read"], "expire_time": tomorrow});
    office.does(&member, "POST", "/v1/api-keys", key).await;
    assert_eq!(
        office.actions(&format!("action=user.api_key_&actor={ann}"), 1).await,
        ["user.api_key_created"]
    );
    // 17: what an admin did
    let admin = text(&office.asks(&changes).await["items"][0]["actor"]["id"]);
    let acts = office.actions(&format!("actor={admin}&filter=NOT%20action%3Dtask."), 3).await;
    assert!(
        acts.contains(&"user.role_granted".to_owned()) && acts.contains(&"user.verified".to_owned()),
        "{acts:?}"
    );
    // 18: what was denied, reads and commands
    office.world.ask(&member, "GET", "/v1/audit/records", None).await.expect(403);
    member
        .post_matching(&format!("/v1/users/{ann}/roles/grant"), &json!({"role": "admin"}))
        .await
        .unwrap()
        .expect(403);
    let denied = office
        .finds(&format!("/v1/audit/records?outcome=denied&actor={ann}"), |items| items.len() >= 2)
        .await;
    let denied: Vec<_> = denied.iter().map(|record| text(&record["action"])).collect();
    assert!(
        denied.contains(&"audit.list_records".to_owned()) && denied.contains(&"users.grant_role".to_owned()),
        "{denied:?}"
    );
    // 14: who has read what
    let read = format!("/v1/audit/records?action=audit.&outcome=success&actor={}", office.auditor.id);
    let asked = |record: &&Value| record["query"] == "action=user.refresh_token_reused";
    let reads = office.finds(&read, |items| items.iter().any(|record| asked(&record))).await;
    assert_eq!(reads.iter().find(asked).unwrap()["crud"], "read");
    office.world.end();
}

/// 15, 19, 24: what was deleted, what was done at night, how much was done.
#[tokio::test(flavor = "multi_thread")]
async fn how_much_and_when() {
    let office = Office::open().await;
    let (task, ann) = (office.task().await, &office.ann.client);
    // 15: deletions and restores
    office.does(ann, "DELETE", &format!("/v1/tasks/{task}"), None).await;
    office.does(ann, "POST", &format!("/v1/tasks/{task}/undelete"), json!({})).await;
    let gone = office.actions(&format!("target={task}&field=deleted"), 2).await;
    assert_eq!(gone, ["task.undeleted", "task.deleted"]);
    assert_eq!(office.actions(&format!("target={task}&crud=delete"), 1).await, ["task.deleted"]);
    // 19: outside working hours: whenever this runs, most minutes of the day are outside of one of them
    let outside = async |hours: &str| {
        let found = office
            .asks(&format!("/v1/audit/records?target={task}&zone=Asia/Seoul&outside_hours={hours}"))
            .await;
        found["items"].as_array().unwrap().len()
    };
    assert!(outside("00:00-00:01").await + outside("12:00-12:01").await >= 6);
    // 24: by action, actor, day, outcome
    let counted = |answer: Value, value: &str| {
        answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["value"] == value)
            .map(|one| one["count"].clone())
    };
    let by =
        async |group: &str| office.asks(&format!("/v1/audit/counts?group_by={group}&target={task}")).await;
    assert_eq!(counted(by("action").await, "task.deleted"), Some(json!(1)));
    assert_eq!(counted(by("actor").await, &office.ann.id), Some(json!(6)));
    assert_eq!(counted(by("outcome").await, "success"), Some(json!(6)));
    let days = by("day").await;
    let total: i64 = days["items"].as_array().unwrap().iter().filter_map(|day| day["count"].as_i64()).sum();
    assert_eq!(total, 6, "{days}");
    office.world.end();
}
