//! Files that auditors ask for: complete, provable by somebody else, and written once whatever dies.

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use chrono::DateTime;
use domain::{
    event::{EventPattern, Nothing, to_stored},
    export::{ActionPattern, Export, ExportFormat, ExportKind},
    operation::{OperationEvent, Requested},
    personal::Sealed,
    time::Timestamp,
    webhook::values::Moment,
};
use event_store::{
    Role, connect_options,
    seals::{KeyRing, Ledger, Pace, SealKey, Sealing},
};
use serde_json::{Value, json};
use service::deflated;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::{
    operations::{ask_for, carry_out, outcome},
    world::{World, stored},
};

const KEY: [u8; 32] = [5; 32];

impl World {
    /// Appends so many events of this size to a task.
    async fn work(&self, events: usize, size: usize) -> Uuid {
        let task = Uuid::now_v7();
        let at: Timestamp = DateTime::from_timestamp(1_700_000_000, 0).unwrap().into();
        let event = |number: usize| {
            let data = json!({"from": "=cmd()", "to": format!("{number}{}", "x".repeat(size))}).to_string();
            stored("task.title_changed", "1", data, at)
        };
        for begin in (0..events).step_by(500) {
            let some = (begin..events.min(begin + 500)).map(event).collect();
            self.append("task", task, i64::try_from(begin).unwrap(), some).await;
        }
        task
    }

    /// Seals everything that there is, in blocks of so many.
    async fn seal_in_blocks(&self, block: i64) {
        let options = connect_options(&self.url, Role::Command).unwrap();
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let (key, pace) = (SealKey::new(KEY), Pace { events: block, after: Duration::ZERO });
        let sealing = Sealing::new(pool, SealKey::new(KEY), KeyRing::new(key.public(), []), pace);
        for ledger in Ledger::ALL {
            loop {
                let standing = sealing.standing(ledger).await.unwrap();
                if !standing.is_due() {
                    break;
                }
                sealing.seal_after(ledger, &standing).await.unwrap();
            }
        }
    }

    async fn audit(&self, action: &str) {
        let row = json!([{
            "id": Uuid::now_v7(), "occurred_at": "2026-11-21T05:00:00Z", "action": action, "outcome": "denied",
            "status": 403, "actor_type": "user", "actor": Uuid::from_u128(3), "request_id": Uuid::now_v7(),
            "correlation_id": Uuid::now_v7(), "trace_id": "t", "method": "GET", "route": "/v1/x", "count": 1,
        }]);
        let query = sqlx::query("SELECT event_store.keep_audit($1)").bind(row);
        query.execute(&self.owner).await.unwrap();
    }

    /// The file of an operation that is done.
    async fn file(&self, operation: Uuid) -> String {
        let sql = "SELECT content FROM delivery.export_chunks WHERE operation = $1 ORDER BY number";
        let pieces: Vec<Vec<u8>> =
            sqlx::query_scalar(sql).bind(operation).fetch_all(&self.owner).await.unwrap();
        let plain = pieces.iter().flat_map(|piece| deflated::inflate(piece).unwrap()).collect();
        String::from_utf8(plain).unwrap()
    }

    async fn response(&self, operation: Uuid) -> Value {
        let sql = format!("SELECT response::text FROM read_model.operations WHERE id = '{operation}'");
        serde_json::from_str(&self.text(&sql).await.unwrap()).unwrap()
    }
}

fn everything() -> Export {
    Export { include_seals: true, ..Export::everything(ExportKind::Events, ExportFormat::Ndjson) }
}

/// The positions of the events, each once and in order.
fn positions(file: &str) -> Vec<i64> {
    let lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["sequence"].as_str().map(|text| text.parse().unwrap())).collect()
}

/// What the script in docs/ says of a file.
fn checked(file: &str, key: &str) -> (bool, String) {
    let path = std::env::temp_dir().join(format!("{}.ndjson", Uuid::now_v7()));
    std::fs::write(&path, file).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verify_export.py");
    let output = Command::new("python3").arg(script).arg(&path).args(["--key", key]).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), words)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_key_checks_a_file_without_us() {
    let world = World::new().await;
    world.work(23, 1).await;
    let other = world.work(4, 1).await;
    world.seal_in_blocks(10).await;
    let (_working, _stop) = carry_out(&world);
    let all =
        ask_for(&world, Requested::export(Export { to: Some(Moment::Position(27)), ..everything() })).await;
    assert_eq!(outcome(&world, all).await, "export events done f");
    let file = world.file(all).await;
    assert_eq!(positions(&file), (1..=27).collect::<Vec<_>>());
    let key = SealKey::new(KEY).public().x();
    assert_eq!(
        checked(&file, &key),
        (true, "proved: 27 lines of positions 1 to 27; not yet sealed: 0\n".into())
    );
    let response = world.response(all).await;
    assert_eq!((&response["records"], &response["bytes"]), (&json!(27), &json!(file.len())));
    // A part of it, which begins within a block and leaves most of another out.
    let part = Export { from: Some(Moment::Position(5)), aggregate: Some(other), ..everything() };
    let part = ask_for(&world, Requested::export(Export { to: Some(Moment::Position(26)), ..part })).await;
    outcome(&world, part).await;
    let few = world.file(part).await;
    assert_eq!(positions(&few), [24, 25, 26]);
    assert_eq!(
        checked(&few, &key),
        (true, "proved: 3 lines of positions 5 to 26; not yet sealed: 0\n".into())
    );
    // And what becomes of a file that somebody has been at.
    let without = |number: usize| {
        file.lines()
            .enumerate()
            .filter(|(line, _)| *line != number)
            .map(|(_, line)| format!("{line}\n"))
            .collect::<String>()
    };
    for (what, harmed) in [
        ("changed", file.replacen("\"to\":\"7x\"", "\"to\":\"8x\"", 1)),
        ("without an event", without(3)),
        ("without a seal", without(10)),
        ("cut", file[..file.len() / 2].to_owned()),
        ("without its end", without(file.lines().count() - 1)),
        ("swapped", {
            let mut lines: Vec<_> = file.lines().collect();
            lines.swap(1, 2);
            lines.iter().map(|line| format!("{line}\n")).collect()
        }),
    ] {
        let (good, words) = checked(&harmed, &key);
        assert!(!good && words.starts_with("NOT PROVED"), "{what}: {words}");
    }
    let (good, words) = checked(&file, &SealKey::new([9; 32]).public().x());
    assert!(!good && words.contains("your key has not signed"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_goes_out_too_and_both_as_tables() {
    let world = World::new().await;
    world.work(2, 1).await;
    for action in ["auth.login", "operations.list_operations", "auth.refresh"] {
        world.audit(action).await;
    }
    world.seal_in_blocks(2).await;
    let (_working, _stop) = carry_out(&world);
    let records = Export { kind: ExportKind::AuditRecords, ..everything() };
    let logins = Export { actions: vec![ActionPattern::parse("auth.*").unwrap()], ..records };
    let logins = ask_for(&world, Requested::export(logins)).await;
    assert_eq!(outcome(&world, logins).await, "export audit_records done f");
    let file = world.file(logins).await;
    assert_eq!(file.matches("\"action\":\"auth.").count(), 2);
    let key = SealKey::new(KEY).public().x();
    let (good, words) = checked(&file, &key);
    assert!(good && words.starts_with("proved: 2 lines of positions 1 to 3; not yet sealed: 0"), "{words}");
    let table = Export::everything(ExportKind::Events, ExportFormat::Csv);
    let titles = Export { types: vec![EventPattern::parse("task.*").unwrap()], ..table.clone() };
    let titles = ask_for(&world, Requested::export(titles)).await;
    outcome(&world, titles).await;
    let rows = world.file(titles).await;
    let lines: Vec<_> = rows.split("\r\n").collect();
    assert_eq!(lines.len(), 4, "{rows}");
    let head = "position,id,type,subject,occurred,recorded,actor,correlation,data,subject_type,version,actor_type,on_behalf_of,request,causation,trace";
    assert_eq!(lines[0], head);
    assert!(lines[1].starts_with("1,") && lines[1].contains(",task.title_changed.v1,"), "{}", lines[1]);
    let rest = "\"{\"\"from\"\":\"\"=cmd()\"\",\"\"to\"\":\"\"0x\"\"}\",task,1,";
    assert!(lines[1].contains(rest) && lines[1].matches(',').count() == 16, "{}", lines[1]);
    let table = Export { kind: ExportKind::AuditRecords, ..table };
    let table = ask_for(&world, Requested::export(table)).await;
    outcome(&world, table).await;
    assert_eq!(world.file(table).await.split("\r\n").count(), 5);
}

/// A file that was under way goes on where it was: no line is lost, none is there twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_outlives_the_process_that_writes_it() {
    let world = World::new().await;
    world.work(4000, 1000).await;
    world.seal_in_blocks(700).await;
    let (first, _keep) = carry_out(&world);
    let export = Export { to: Some(Moment::Position(4000)), ..everything() };
    let id = ask_for(&world, Requested::export(export)).await;
    let begun = "SELECT count(*) > $2 FROM delivery.exports WHERE operation = $1::uuid AND chunks > 0";
    world.becomes_true(begun, &id.to_string(), 0).await;
    first.abort();
    let _ = first.await;
    let before =
        world.number(&format!("SELECT position FROM delivery.exports WHERE operation = '{id}'")).await;
    let (_second, _keep) = carry_out(&world);
    assert_eq!(outcome(&world, id).await, "export events done f");
    let file = world.file(id).await;
    let there = positions(&file);
    assert_eq!(there, (1..=4000).collect::<Vec<_>>(), "{before} were there before");
    let (good, words) = checked(&file, &SealKey::new(KEY).public().x());
    assert!(good && words.contains("proved: 4000 lines"), "{words}");
    let ids: BTreeSet<&str> = file.lines().filter(|line| line.contains("\"specversion\"")).collect();
    assert_eq!(ids.len(), 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_wanted_no_more_or_was_harmed_nothing_is_left() {
    let world = World::new().await;
    world.work(20, 1).await;
    let (_working, _stop) = carry_out(&world);
    // Nothing is sealed, so it waits; others need not.
    let waiting = ask_for(&world, Requested::export(everything())).await;
    let begun = "SELECT state = 'running' AND $2 = 0 FROM read_model.operations WHERE id = $1::uuid";
    world.becomes_true(begun, &waiting.to_string(), 0).await;
    let cancel = OperationEvent::CancelRequested(Nothing {});
    let (event_type, version) = cancel.stored_type();
    let at: Timestamp = DateTime::from_timestamp(1_700_000_001, 0).unwrap().into();
    let event = stored(event_type, version, to_stored(&cancel).unwrap(), at);
    world.append("operation", waiting, 1, vec![event]).await;
    assert_eq!(outcome(&world, waiting).await, "export events cancelled f");
    world.seal_in_blocks(10).await;
    sqlx::query("UPDATE event_store.events SET payload = '{}' WHERE position = 7")
        .execute(&world.owner)
        .await
        .unwrap();
    let harmed =
        ask_for(&world, Requested::export(Export { to: Some(Moment::Position(20)), ..everything() })).await;
    assert_eq!(outcome(&world, harmed).await, "export events failed f INTEGRITY_BROKEN");
    assert_eq!(world.number("SELECT count(*) FROM delivery.exports").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM delivery.export_chunks").await, 0);
}

/// Nothing of a list is kept, only which one it is: up to where, and what was asked, which is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_list_it_is_settled_what_is_in_it() {
    let world = World::new().await;
    world.work(3, 1).await;
    for action in ["auth.login", "auth.refresh"] {
        world.audit(action).await;
    }
    let (_working, _stop) = carry_out(&world);
    let query = Some(Sealed(format!("s1.{}.canary", Uuid::from_u128(3))));
    let records = Export { query, ..Export::everything(ExportKind::Records, ExportFormat::Csv) };
    let id = ask_for(&world, Requested::export(records)).await;
    // Auditors search a copy of the audit log: it is waited for.
    let begun = "SELECT state = 'running' AND $2 = 0 FROM read_model.operations WHERE id = $1::uuid";
    world.becomes_true(begun, &id.to_string(), 0).await;
    world.run("UPDATE read_model.audit_copied SET position = 2").await;
    assert_eq!(outcome(&world, id).await, "export records done f");
    let response = world.response(id).await;
    assert_eq!((&response["events_to"], &response["attempts_to"]), (&json!(4), &json!(2)));
    assert_eq!(response["content"], format!("/v1/audit/exports/{id}/content"));
    let kept = async |id: Uuid| {
        let sql = "SELECT concat_ws(' ', kind, format, events, attempts, right(query, 6)) FROM delivery.record_exports";
        world.text(&format!("{sql} WHERE operation = '{id}'")).await
    };
    assert_eq!(kept(id).await.as_deref(), Some("records csv 4 2 canary"));
    let lists = ExportKind::ALL.iter().filter(|kind| kind.is_list() && **kind != ExportKind::Records);
    for (more, kind) in (1..).zip(lists) {
        let export = Export::everything(*kind, ExportFormat::Ndjson);
        let id = ask_for(&world, Requested::export(export)).await;
        assert_eq!(outcome(&world, id).await, format!("export {kind} done f"));
        assert_eq!(kept(id).await, Some(format!("{kind} ndjson {} 2", 4 + more)));
    }
    assert_eq!(world.number("SELECT count(*) FROM delivery.exports").await, 0);
}

/// A column of the audit log that is new is in the table too, but where it is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_the_audit_log_has_all_that_is_not_sealed() {
    const SEALED: [&str; 4] = ["ip", "ip_chain", "user_agent", "query"];
    const RENAMED: [(&str, &str); 4] = [
        ("occurred_at", "occurred"),
        ("recorded_at", "recorded"),
        ("request_id", "request"),
        ("correlation_id", "correlation"),
    ];
    let world = World::new().await;
    world.audit("auth.login").await;
    world.run("UPDATE read_model.audit_copied SET position = 1").await;
    let (_working, _stop) = carry_out(&world);
    let table = Export::everything(ExportKind::AuditRecords, ExportFormat::Csv);
    let table = ask_for(&world, Requested::export(table)).await;
    outcome(&world, table).await;
    let file = world.file(table).await;
    let mut rows = file.split("\r\n").map(|row| row.split(',').collect::<Vec<_>>());
    let (names, cells) = (rows.next().unwrap(), rows.next().unwrap());
    let columns = "SELECT string_agg(column_name, ',') FROM information_schema.columns
        WHERE table_schema = 'event_store' AND table_name = 'audit_log'";
    let columns = world.text(columns).await.unwrap();
    let unsealed = columns.split(',').filter(|column| !SEALED.contains(column));
    let mut expected: BTreeSet<&str> = unsealed.collect();
    for (column, name) in RENAMED {
        assert!(expected.remove(column), "{column}");
        expected.insert(name);
    }
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert_eq!(names.len(), cells.len());
    let cell = |name: &str| cells[names.iter().position(|column| *column == name).unwrap()];
    assert_eq!((cell("actor_type"), cell("trace_id"), cell("route")), ("user", "t", "/v1/x"));
}
