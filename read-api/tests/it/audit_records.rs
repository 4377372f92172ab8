//! Records by what they have in common, and that many of them are no obstacle.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::world::World;

/// So many rows: enough that a plan without an index shows.
const MANY: i64 = 21_000;

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

/// The first forty events came from an office that was left then, by somebody who left too, and are in the log.
const LEFT: &str = "
UPDATE read_model_v4.audit_events SET ip = ('10.9.' || position % 5 || '.1')::inet, actor = md5('gone')::uuid WHERE position <= 40";
const LOGGED: &str = "
INSERT INTO event_store.events (position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type, event_version,
    payload, metadata)
SELECT position, 1, recorded_at, md5('event' || position)::uuid, 'thing', md5('thing' || position)::uuid::text, action, '1', '{}',
    json_build_object('actor_type', 'user', 'actor_id', actor, 'request_id', target, 'correlation_id', target,
        'transport', 'http', 'occurred_at', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))
FROM read_model_v4.audit_events WHERE position <= 40";

/// Page by page, from either end, with what else is asked; more has come since than is looked through for a network.
#[tokio::test]
async fn who_left_long_ago_is_found_each_record_once() {
    let (world, token) = filled().await;
    for sql in [LEFT, LOGGED] {
        sqlx::query(sql).execute(&world.pool).await.unwrap();
    }
    let gone: Uuid = sqlx::query_scalar("SELECT md5('gone')::uuid").fetch_one(&world.pool).await.unwrap();
    let (all, odd): (Vec<i64>, Vec<i64>) = ((1..=40).collect(), (1..=40).filter(|n| n % 2 == 1).collect());
    for from in ["ip=10.9.0.0/16".to_owned(), format!("actor={gone}"), format!("actor={gone}&ip=10.9.0.0/16")]
    {
        assert_eq!(positions(&world, &token, &format!("{from}&sort=recorded_at")).await, all, "{from}");
        let newest_first: Vec<i64> = all.iter().rev().copied().collect();
        assert_eq!(positions(&world, &token, &from).await, newest_first, "{from}");
        let rare = format!("{from}&action=task.title_changed&action=task.completed&sort=recorded_at");
        assert_eq!(positions(&world, &token, &rare).await, odd, "{rare}");
    }
    let one: Vec<i64> = (1..=40).filter(|n| n % 5 == 3).collect();
    assert_eq!(positions(&world, &token, "ip=10.9.3.1&sort=recorded_at").await, one);
    assert_eq!(positions(&world, &token, &format!("actor={gone}&ip=10.0.0.0/16")).await, [0_i64; 0]);
}

/// Of all pages.
async fn positions(world: &World, token: &str, query: &str) -> Vec<i64> {
    let (mut positions, mut next) = (Vec::new(), String::new());
    loop {
        let next_page = if next.is_empty() { String::new() } else { format!("&page_token={next}") };
        let page = world.get(token, &format!("/v1/audit/records?page_size=7&{query}{next_page}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        positions.extend(page.items().iter().map(|item| item["position"].as_i64().unwrap()));
        next = page.body["next_page_token"].as_str().unwrap().to_owned();
        if next.is_empty() {
            return positions;
        }
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

/// So many attempts, each tenth denied, a fourth of which looked for a roof.
pub(crate) const ATTEMPTS: &str = "
INSERT INTO read_model.audit_attempts (position, occurred_at, recorded_at, action, outcome, actor_type, actor, request, correlation,
    count, query)
SELECT n, timestamptz '2026-11-16 00:00Z' + n * interval '1 second', timestamptz '2026-11-16 00:00Z' + n * interval '1 second',
    'audit.list_records', CASE WHEN n % 10 = 0 THEN 'denied' ELSE 'success' END, 'user', md5('actor' || n % 100)::uuid,
    md5('request' || n)::uuid, md5('request' || n)::uuid, 1, CASE WHEN n % 4 = 0 THEN 'status=Roof' END
FROM generate_series(1, $1) AS n";

/// What records say is read, which has an end.
#[tokio::test]
async fn what_records_say_is_counted_as_far_as_they_can_be_read() {
    let world = World::new().await;
    sqlx::query(ATTEMPTS).bind(10_001).execute(&world.pool).await.unwrap();
    sqlx::query("ANALYZE read_model.audit_attempts").execute(&world.pool).await.unwrap();
    sqlx::query("ANALYZE read_model_v4.audit_events").execute(&world.pool).await.unwrap();
    let token = world.token(Uuid::now_v7(), &["auditor"]);
    let count = async |query: &str| {
        let reply = world.get(&token, &format!("/v1/audit/records?page_size=1&{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body["count"].as_i64().unwrap()
    };
    assert_eq!(count("count=exact&outcome=denied&text=ROOF").await, 500);
    let either = "filter=outcome%20%3D%20denied%20AND%20NOT%20text%20%3D%20roof";
    assert_eq!(count(&format!("count=exact&{either}")).await, 500);
    assert_eq!(count("count=estimate&outcome=denied&text=roof&to=2026-11-16T01:00:00Z").await, 179);
    let guessed = count("count=estimate&text=roof").await;
    assert!((2_000..3_000).contains(&guessed), "{guessed}");
    let by_outcome = counts(&world, &token, "group_by=outcome&outcome=denied&text=roof").await;
    assert_eq!(by_outcome, json!({"denied": 500}));
    for (query, parameter) in [
        ("records?count=exact&text=roof", "count"),
        ("counts?group_by=outcome&text=roof", "text"),
        ("counts?group_by=day&filter=NOT%20new%20%3D%20roof", "filter"),
    ] {
        let reply = world.get(&token, &format!("/v1/audit/{query}")).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (400, &json!("INVALID_PARAMETER")));
        let error = &reply.body["errors"][0];
        let told = (&error["parameter"], &error["code"], &error["params"]["max"]);
        assert_eq!(told, (&json!(parameter), &json!("TOO_MANY"), &json!(10_000)), "{query}");
    }
    // One less can be read.
    let one_less = "count=exact&text=roof&occurred_from=2026-11-16T00:00:02Z";
    assert_eq!(count(one_less).await, 2_500);
}
