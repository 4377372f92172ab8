//! Records by what they have in common, and that many of them are no obstacle.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::world::World;

/// So many rows: enough that a plan without an index shows.
const MANY: i64 = 20_000;

/// One event a minute from Monday 2026-11-16 on, by a hundred people from as many addresses, on a thousand things.
const EVENTS: &str = "
INSERT INTO read_model_v4.audit_events
SELECT n, timestamptz '2026-11-16 00:00Z' + n * interval '1 minute', timestamptz '2026-11-16 00:00Z' + n * interval '1 minute',
    (ARRAY['task.created', 'task.title_changed', 'task.started', 'task.completed'])[1 + n % 4],
    md5('target' || n % 1000)::uuid, md5('actor' || n % 100)::uuid, md5('session' || n % 500)::uuid,
    CASE WHEN n % 100 = 0 THEN md5('request' || n)::uuid END, ('10.0.' || n % 100 || '.7')::inet, 'browser'
FROM generate_series(1, $1) AS n";

const INDEXES: &str = include_str!("../../../migrations/read_model/tables/audit.sql");

async fn filled() -> (World, String) {
    let world = World::new().await;
    sqlx::query(EVENTS).bind(MANY).execute(&world.pool).await.unwrap();
    sqlx::query("ANALYZE read_model_v4.audit_events").execute(&world.pool).await.unwrap();
    let token = world.token(Uuid::now_v7(), &["auditor"]);
    (world, token)
}

async fn counts(world: &World, token: &str, query: &str) -> Value {
    let reply = world.get(token, &format!("/v1/audit/counts?{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let pair = |item: &Value| (item["value"].as_str().unwrap_or_default().to_owned(), item["count"].clone());
    Value::Object(reply.items().iter().map(pair).collect())
}

#[tokio::test]
async fn records_are_counted_by_what_they_have_in_common() {
    let (world, token) = filled().await;
    let first_day = "occurred_from=2026-11-16&occurred_to=2026-11-17";
    let by_action = counts(&world, &token, &format!("group_by=action&{first_day}")).await;
    assert_eq!((&by_action["task.created"], &by_action["task.started"]), (&json!(359), &json!(360)));
    // The clock of Seoul is nine hours ahead: its Monday ends at 15:00 UTC.
    let days = counts(&world, &token, "group_by=day&zone=Asia/Seoul&occurred_to=2026-11-17").await;
    assert_eq!(days, json!({"2026-11-16": 15 * 60 - 1, "2026-11-17": 9 * 60}));
    let by_outcome = counts(&world, &token, "group_by=outcome&crud=create").await;
    assert_eq!(by_outcome, json!({"success": MANY / 4}));
}

/// Monday to Friday from nine to six, in Seoul: 00:00 to 09:00 in UTC.
#[tokio::test]
async fn work_ends_by_the_clock_of_the_zone() {
    let (world, token) = filled().await;
    let outside = "group_by=outcome&outside_hours=09:00-18:00&zone=Asia/Seoul";
    let on = async |from: &str, to: &str| {
        counts(&world, &token, &format!("{outside}&occurred_from={from}&occurred_to={to}")).await
    };
    assert_eq!(on("2026-11-16T08:00:00Z", "2026-11-16T10:00:00Z").await, json!({"success": 60}));
    assert_eq!(on("2026-11-17T00:00:00Z", "2026-11-17T09:00:00Z").await, json!({}));
    // A Saturday.
    assert_eq!(on("2026-11-21T02:00:00Z", "2026-11-21T03:00:00Z").await, json!({"success": 60}));
}

/// Who, from where, to what, and which field: each through its own index, whatever else is asked; where in the log a
/// target and an intent are, the log says.
#[tokio::test]
async fn the_first_questions_are_answered_from_indexes() {
    let (world, _) = filled().await;
    let asked = [
        ("r.actor = md5('actor7')::uuid", "audit_events_by_actor"),
        ("r.ip >= '10.0.3.0'::inet AND r.ip <= '10.0.3.255'::inet", "audit_events_by_ip"),
        (
            "(r.request = md5('request700')::uuid OR r.request IS NULL AND r.position = ANY('{700,701}'))",
            "audit_events_by_request",
        ),
        (
            "r.action LIKE 'user.role\\_%' AND r.action NOT IN ('task.created', 'task.assigned', 'task.started', \
             'task.completed', 'task.commented')",
            "audit_events_by_action",
        ),
        ("r.session = md5('session7')::uuid", "audit_events_by_session"),
    ];
    for (condition, index) in asked {
        assert!(INDEXES.contains(index), "{index}");
        let plan = plan(&world.pool, condition).await;
        assert!(plan.contains(index), "{condition}: {plan}");
    }
}

async fn plan(pool: &PgPool, condition: &str) -> String {
    let sql = format!(
        "EXPLAIN SELECT r.position, r.recorded_at FROM read_model.audit_events r WHERE r.position > 0 \
         AND r.position < 9223372036854775807 AND {condition} ORDER BY r.position DESC LIMIT 51"
    );
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query("SET random_page_cost = 1.1").execute(&mut *connection).await.unwrap();
    let lines: Vec<String> = sqlx::query_scalar(&sql).fetch_all(&mut *connection).await.unwrap();
    lines.join("\n")
}
