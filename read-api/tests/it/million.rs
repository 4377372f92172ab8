//! How lists behave on a million tasks. Prints figures, proves nothing: run it by name with
//! `cargo test --release -p read-api --test it million -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use sqlx::{Executor, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::world::World;

const ROUNDS: usize = 200;

/// Few write most, many write little; most tasks are done; every tenth is private.
const ROWS: &str = r"
SELECT setseed(0.5);
INSERT INTO users (id, version, position, name, erased, verified, deactivated, roles, create_time, update_time)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, 1, 'user ' || n, false, true, false,
    '{member}', now(), now() FROM generate_series(0, 999) n;
INSERT INTO tasks (id, key, version, position, title, description, status, priority, due_date, labels, assignees,
    watchers, creator, parent, external_system, external_id, private, progress, relations, checklist, comment_count,
    create_time, update_time, ahead, delete_time, purge_time)
SELECT id, n, 3, n, title, repeat('lorem ipsum dolor sit amet ', 8), status, (random() * 3)::int,
    CASE WHEN random() < 0.3 THEN date '2026-01-01' + (random() * 700)::int END,
    CASE WHEN random() < 0.5 THEN ARRAY['label ' || (random() ^ 3 * 200)::int] ELSE '{}' END,
    CASE WHEN random() < 0.8 THEN ARRAY[person] ELSE '{}' END,
    CASE WHEN random() < 0.3 THEN ARRAY[watcher] ELSE '{}' END, creator, NULL,
    CASE WHEN n % 5 = 0 THEN 'helpdesk' END, CASE WHEN n % 5 = 0 THEN n::text END, random() < 0.1, 0, '[]', '[]', 0,
    timestamptz '2024-01-01' + n * interval '1 minute', timestamptz '2024-01-01' + (n + random() * 200000) * interval '1 minute', false,
    CASE WHEN random() < 0.03 THEN now() END, CASE WHEN random() < 0.03 THEN now() END
FROM (
    SELECT n, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
        words[1 + (random() * 7)::int] || ' ' || words[1 + (random() * 7)::int] || ' ' || n AS title,
        (ARRAY['done', 'done', 'done', 'done', 'done', 'done', 'waiting', 'in_progress', 'on_hold', 'cancelled'])[1 + (random() * 9)::int] AS status,
        ('00000000-0000-7000-8000-' || lpad(to_hex((random() ^ 3 * 999)::int), 12, '0'))::uuid AS person,
        ('00000000-0000-7000-8000-' || lpad(to_hex((random() * 999)::int), 12, '0'))::uuid AS watcher,
        ('00000000-0000-7000-8000-' || lpad(to_hex((random() ^ 2 * 999)::int), 12, '0'))::uuid AS creator
    FROM generate_series(1, 1000000) n,
        (SELECT ARRAY['printer', '회의록', '회의', 'network', 'login fails', '서버', 'UI', 'broken'] AS words) w
) rows;
INSERT INTO task_people SELECT creator, 'creator', id FROM tasks;
INSERT INTO task_people SELECT assignees[1], 'assignee', id FROM tasks WHERE assignees <> '{}';
INSERT INTO task_people SELECT watchers[1], 'watcher', id FROM tasks WHERE watchers <> '{}';
INSERT INTO task_labels SELECT labels[1], id FROM tasks WHERE labels <> '{}'";

const TEXTS: &str = r"
INSERT INTO task_search SELECT id, id, 1, lower(title),
    ARRAY(SELECT hashtext(word) FROM regexp_split_to_table(lower(title), ' ') word) FROM read_model.tasks;
INSERT INTO search_words SELECT hashtext(word), word, CASE word WHEN '회의' THEN '{회의,회,의}' WHEN '회의록' THEN
    '{회,의,록,회의,의록}' WHEN '서버' THEN '{서버,서,버}' WHEN 'ui' THEN '{ui}' ELSE '{}' END::text[]
FROM (SELECT DISTINCT regexp_split_to_table(lower(title), ' ') AS word FROM read_model.tasks) words";

const REQUESTS: [&str; 27] = [
    "/v1/tasks",
    "/v1/tasks?sort=create_time",
    "/v1/tasks?sort=-priority",
    "/v1/tasks?sort=due",
    "/v1/tasks?sort=-key",
    "/v1/tasks?status=waiting",
    "/v1/tasks?status=waiting&status=in_progress",
    "/v1/tasks?status=waiting&sort=due",
    "/v1/tasks?status=on_hold&priority=urgent&sort=create_time",
    "/v1/tasks?assignee=me",
    "/v1/tasks?assignee=me&status=in_progress&sort=due",
    "/v1/tasks?assignee=00000000-0000-7000-8000-0000000003e0",
    "/v1/tasks?assignee=none&status=waiting",
    "/v1/tasks?creator=me&sort=-create_time",
    "/v1/tasks?watcher=me&watcher=none&status=waiting",
    "/v1/tasks?label=label%200",
    "/v1/tasks?label=label%20190",
    "/v1/tasks?label=label%200&status=in_progress&assignee=me",
    "/v1/tasks?label=nothing",
    "/v1/tasks?due_from=2026-06-01&due_to=2026-06-08&sort=due",
    "/v1/tasks?updated_from=2025-06-01&updated_to=2025-06-02",
    "/v1/tasks?external_ref=helpdesk:5000",
    "/v1/tasks?q=%ED%9A%8C%EC%9D%98",
    "/v1/tasks?q=%ED%9A%8C%EC%9D%98%EB%A1%9D%20network",
    "/v1/tasks?q=printer&status=waiting",
    "/v1/tasks?q=123456",
    "/v1/tasks?count=estimate&status=waiting",
];

async fn connection(world: &World, path: &str) -> PgConnection {
    let options: PgConnectOptions = world.url().parse().unwrap();
    sqlx::ConnectOptions::connect(&options.options([("search_path", path)])).await.unwrap()
}

/// Fills without indexes, then makes them, as a rebuild does.
async fn fill(world: &World) {
    for (path, rows, tables) in [
        (
            "read_model_v3,read_model_v1",
            ROWS,
            include_str!("../../../migrations/read_model/tables/tasks.sql"),
        ),
        ("read_model_v2", TEXTS, include_str!("../../../migrations/read_model/tables/task_search.sql")),
    ] {
        let mut session = connection(world, &format!("{path},public")).await;
        let indexes = tables.split_once("-- indexes").unwrap().1;
        for line in indexes.lines().filter(|line| line.starts_with("CREATE INDEX")) {
            let name = line.split_whitespace().nth(2).unwrap();
            session.execute(format!("DROP INDEX {name}").as_str()).await.unwrap();
        }
        session.execute(rows).await.unwrap();
        let path = path.rsplit(',').next().unwrap();
        session.execute(format!("SET search_path = {path}, public; {indexes}").as_str()).await.unwrap();
        session.execute("ANALYZE").await.unwrap();
    }
}

fn percentile(times: &[Duration], percent: usize) -> f64 {
    times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3
}

#[tokio::test]
#[ignore = "a million rows: minutes, and figures instead of answers"]
async fn million() {
    let world = World::new().await;
    let begun = Instant::now();
    fill(&world).await;
    println!("filled in {:.0} s", begun.elapsed().as_secs_f64());
    let me: Uuid = "00000000-0000-7000-8000-000000000010".parse().unwrap();
    let token = world.token(me, &["member"]);
    println!("{:>9} {:>9}   request (ms)", "p50", "p99");
    for request in REQUESTS {
        measure(&world, &token, request).await;
    }
    let first = world.get(&token, "/v1/tasks?status=waiting").await;
    let page = first.body["next_page_token"].as_str().unwrap();
    measure(&world, &token, &format!("/v1/tasks?status=waiting&page_token={page}")).await;
    for number in [500_000, 999_999] {
        measure(&world, &token, &format!("/v1/tasks/T-{number}")).await;
    }
    measure(&world, &token, "/v1/tasks/01900000-0000-7000-8000-00000000ffff").await;
    measure(&world, &token, "/v1/labels").await;
    for slow in [
        "/v1/tasks?count=exact&page_size=1",
        "/v1/tasks/counts?group_by=status",
        "/v1/tasks/counts?group_by=assignee&status=waiting",
    ] {
        let begun = Instant::now();
        assert_eq!(world.get(&token, slow).await.status.as_u16(), 200, "{slow}");
        println!("{:>9.1} {:>9}   {slow}", begun.elapsed().as_secs_f64() * 1e3, "");
    }
    parallel(&world, &token).await;
}

async fn measure(world: &World, token: &str, request: &str) {
    let mut times = Vec::new();
    let mut items = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let reply = world.get(token, request).await;
        times.push(begun.elapsed());
        assert!(reply.status.is_success() || reply.status.as_u16() == 404, "{request}: {}", reply.body);
        items = reply.body["items"].as_array().map_or(1, Vec::len);
    }
    times.sort();
    println!("{:>9.2} {:>9.2}   {request} ({items})", percentile(&times, 50), percentile(&times, 99));
}

/// Single tasks by 64 callers at once, in this one thread.
async fn parallel(world: &World, token: &str) {
    let (callers, each) = (64, 300_u32);
    let begun = Instant::now();
    let caller = async |caller: u32| {
        for round in 0..each {
            let number = 1 + (caller * 7_919 + round * 104_729) % 1_000_000;
            world.get(token, &format!("/v1/tasks/01900000-0000-7000-8000-{number:012x}")).await;
        }
    };
    futures_util::future::join_all((0..callers).map(caller)).await;
    let rate = f64::from(callers * each) / begun.elapsed().as_secs_f64();
    println!("{rate:.0} tasks/s by id, {callers} callers");
}
