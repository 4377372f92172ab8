//! Files that auditors fetch, as projections has written them.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request, response::Response};
use domain::{event::Metadata, task::TaskEvent};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use service::deflated::{self, Crc};
use uuid::Uuid;

use crate::{
    audit_records::ATTEMPTS,
    log::{Writer, event, metadata},
    operations::under_way,
    seed::store_user,
    world::World,
};

/// A complete file of these pieces, an hour from its end.
async fn file(world: &World, pieces: &[&str], expires: &str) -> Uuid {
    let operation = Uuid::now_v7();
    let (whole, mut crc) = (pieces.concat(), Crc::new());
    crc.update(whole.as_bytes());
    let packed: Vec<_> = pieces.iter().map(|piece| deflated::deflate(piece.as_bytes()).unwrap()).collect();
    let insert = format!(
        "INSERT INTO delivery.exports (operation, kind, format, after, until, sealed, position, chunks, bytes, stored, crc32,
             sha256, expire_time)
         VALUES ($1, 'events', 'ndjson', 4, 9, 9, 9, $2, $3, $4, $5, sha256($6), now() + interval '{expires}')"
    );
    sqlx::query(&insert)
        .bind(operation)
        .bind(i32::try_from(pieces.len()).unwrap())
        .bind(i64::try_from(whole.len()).unwrap())
        .bind(i64::try_from(packed.concat().len()).unwrap())
        .bind(i64::from(crc.sum()))
        .bind(whole.as_bytes())
        .execute(&world.pool)
        .await
        .unwrap();
    for (number, piece) in (0_i32..).zip(packed) {
        let insert = sqlx::query("INSERT INTO delivery.export_chunks VALUES ($1, $2, $3)");
        insert.bind(operation).bind(number).bind(piece).execute(&world.pool).await.unwrap();
    }
    operation
}

async fn fetch(world: &World, token: &str, id: Uuid, accepted: &str) -> Response {
    let request = Request::get(format!("/v1/audit/exports/{id}/content"))
        .header("authorization", format!("Bearer {token}"))
        .header("accept-encoding", accepted);
    world.open(request.body(Body::empty()).unwrap()).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_file_comes_whole_and_compressed_to_who_would_have_it_so() {
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &["auditor"]);
    let pieces = ["{\"a\":1}\n".repeat(9000), "{\"b\":2}\n".repeat(7), "{\"c\":3}\n".to_owned()];
    let pieces = pieces.each_ref().map(String::as_str);
    let (id, whole) = (file(&world, &pieces, "1 hour").await, pieces.concat());
    let plain = fetch(&world, &token, id, "identity").await;
    assert_eq!((plain.status().as_u16(), header(&plain, "content-encoding")), (200, ""));
    assert_eq!(header(&plain, "content-type"), "application/x-ndjson");
    assert_eq!(
        header(&plain, "content-disposition"),
        "attachment; filename=\"taskledger-events-5-9.ndjson\""
    );
    assert_eq!(header(&plain, "content-length"), whole.len().to_string());
    assert_eq!(header(&plain, "vary"), "Accept-Encoding");
    let tag = header(&plain, "etag").to_owned();
    assert_eq!(plain.into_body().collect().await.unwrap().to_bytes(), whole.as_bytes());
    let packed = fetch(&world, &token, id, "gzip, br").await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_ne!(header(&packed, "etag"), tag);
    let length: usize = header(&packed, "content-length").parse().unwrap();
    let bytes = packed.into_body().collect().await.unwrap().to_bytes();
    assert!(bytes.len() == length && length < whole.len() / 10, "{length}");
    assert_eq!(bytes[..10], deflated::HEAD);
    assert_eq!(deflated::inflate(&bytes[10..length - 10]).unwrap(), whole.as_bytes());
    let known = [("if-none-match", &*tag)];
    let again = world.get_with(&token, &format!("/v1/audit/exports/{id}/content"), &known).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn what_is_not_there_yet_or_any_more_and_who_may_not_have_it() {
    let world = World::new().await;
    let auditor = world.token(Uuid::now_v7(), &["auditor"]);
    let others = world.token(Uuid::now_v7(), &["member", "operator", "announcer"]);
    let (id, expired) = (file(&world, &["x\n"], "1 hour").await, file(&world, &["x\n"], "-1 second").await);
    let (rebuild, export) = (under_way(&world).await, under_way(&world).await);
    sqlx::query("UPDATE read_model.operations SET kind = 'export', subject = 'events' WHERE id = $1")
        .bind(export)
        .execute(&world.pool)
        .await
        .unwrap();
    for (token, id, status) in [
        (&auditor, id, 200),
        (&auditor, expired, 404),
        (&auditor, Uuid::now_v7(), 404),
        (&auditor, rebuild, 404),
        (&auditor, export, 409),
        (&others, id, 403),
        (&others, expired, 403),
    ] {
        assert_eq!(fetch(&world, token, id, "").await.status().as_u16(), status, "{id}");
    }
    // Auditors follow exports and nothing else of the kind; operators follow everything.
    let status =
        async |token: &str, id: Uuid| world.get(token, &format!("/v1/operations/{id}")).await.status.as_u16();
    assert_eq!((status(&auditor, export).await, status(&auditor, rebuild).await), (200, 403));
    assert_eq!((status(&others, export).await, status(&auditor, Uuid::now_v7()).await), (200, 403));
}

/// An export of a list, as projections has settled it: up to where in the two logs.
async fn list(world: &World, kind: &str, format: &str, up_to: [i64; 2], expires: &str) -> Uuid {
    let operation = Uuid::now_v7();
    let insert = format!(
        "INSERT INTO delivery.record_exports (operation, kind, format, events, attempts, expire_time)
         VALUES ($1, $2, $3, $4, $5, now() + interval '{expires}')"
    );
    let insert = sqlx::query(&insert).bind(operation).bind(kind).bind(format).bind(up_to[0]).bind(up_to[1]);
    insert.execute(&world.pool).await.unwrap();
    operation
}

/// The lines of a list of which this is asked.
async fn lines(world: &World, kind: &str, query: &str, up_to: [i64; 2]) -> Vec<Value> {
    let (auditor, id) = (Uuid::now_v7(), list(world, kind, "ndjson", up_to, "1 hour").await);
    let sealed = world.sealer().seal(auditor, query).await.unwrap();
    let update = sqlx::query("UPDATE delivery.record_exports SET query = $2 WHERE operation = $1");
    update.bind(id).bind(sealed.0).execute(&world.pool).await.unwrap();
    let response = fetch(world, &world.token(auditor, &["auditor"]), id, "identity").await;
    assert_eq!(response.status(), 200, "{kind}");
    let whole = response.into_body().collect().await.unwrap().to_bytes();
    let lines = std::str::from_utf8(&whole).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn lists_are_read_while_they_are_sent_and_compressed_too() {
    let world = World::new().await;
    let auditor = world.token(Uuid::now_v7(), &["auditor"]);
    let records = async |format: &str, attempts: i64, expires: &str| {
        list(&world, "records", format, [0, attempts], expires).await
    };
    let (table, list) = (records("csv", 0, "1 hour").await, records("ndjson", 0, "1 hour").await);
    let (expired, ahead) = (records("csv", 0, "-1 second").await, records("csv", 7, "1 hour").await);
    for (id, status) in [(expired, 404), (ahead, 503)] {
        assert_eq!(fetch(&world, &auditor, id, "").await.status().as_u16(), status, "{id}");
    }
    let plain = fetch(&world, &auditor, table, "identity").await;
    assert_eq!((plain.status().as_u16(), header(&plain, "etag")), (200, ""));
    assert!(header(&plain, "content-type").starts_with("text/csv"));
    assert_eq!(header(&plain, "content-disposition"), "attachment; filename=\"taskledger-records-0-0.csv\"");
    let whole = plain.into_body().collect().await.unwrap().to_bytes();
    assert!(whole.starts_with(b"id,position,") && whole.ends_with(b"seal_position\r\n"), "{whole:?}");
    let packed = fetch(&world, &auditor, table, "gzip").await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    let packed = packed.into_body().collect().await.unwrap().to_bytes();
    let (head, rest) = packed.split_at(deflated::HEAD.len());
    let (pieces, tail) = rest.split_at(rest.len() - 10);
    let mut crc = Crc::new();
    crc.update(&whole);
    assert_eq!((head, deflated::inflate(pieces).unwrap()), (&deflated::HEAD[..], whole.to_vec()));
    assert_eq!(tail, deflated::tail(crc.sum(), whole.len() as u64));
    let list = fetch(&world, &auditor, list, "").await.into_body().collect().await.unwrap().to_bytes();
    let end: serde_json::Value = serde_json::from_slice(&list).unwrap();
    assert_eq!((&end["kind"], &end["records"]), (&"records".into(), &0.into()));
}

#[tokio::test]
async fn every_list_is_for_auditors_only() {
    let world = World::new().await;
    let auditor = world.token(Uuid::now_v7(), &["auditor"]);
    let others = ["member", "manager", "operator", "announcer", "admin", "integrator"];
    let others = others.map(|role| (role, world.token(Uuid::now_v7(), &[role])));
    for kind in ["records", "deliveries", "tasks"] {
        let id = list(&world, kind, "csv", [0, 0], "1 hour").await;
        assert_eq!(fetch(&world, &auditor, id, "").await.status(), 200, "{kind}");
        for (role, token) in &others {
            assert_eq!(fetch(&world, token, id, "").await.status(), 403, "{kind} {role}");
        }
    }
}

/// More than is read at once, and something that came later.
#[tokio::test]
async fn a_list_ends_where_it_was_asked_for() {
    let world = World::new().await;
    let (writer, kim) = (Writer::new(&world), store_user(&world.pool, "kim", &["member"]).await);
    let intent = Uuid::now_v7();
    for _ in 0..3 {
        let event = |n: u8| event::<TaskEvent>(json!({"task.progress_changed": {"from": 0, "to": n}}));
        let of_intent = || Metadata { correlation_id: intent, ..metadata(kim) };
        let events = (1..=70).map(|n| (event(n), of_intent())).collect();
        writer.append("task", Uuid::now_v7(), events).await;
    }
    let sql = "INSERT INTO delivery.deliveries (id, event_id, position, channel, recipient, state, payload)
        SELECT gen_random_uuid(), event_id, position, 'email', 'x', 'failed', '{}' FROM event_store.events";
    sqlx::query(sql).execute(&world.pool).await.unwrap();
    for (kind, query, count) in [
        ("trace", format!("of={intent}"), 205),
        ("trace", "of=7".to_owned(), 205),
        ("trace", format!("of={}", Uuid::now_v7()), 0),
        ("deliveries", String::new(), 205),
        ("deliveries", "state=failed&channel=email".to_owned(), 205),
        ("deliveries", "state=rejected".to_owned(), 0),
    ] {
        let lines = lines(&world, kind, &query, [205, 0]).await;
        let (end, items) = lines.split_last().unwrap();
        assert_eq!(
            (items.len(), &end["records"], &end["kind"]),
            (count, &json!(count), &json!(kind)),
            "{query}"
        );
        let places: BTreeSet<_> = items.iter().map(|item| item["position"].as_i64().unwrap()).collect();
        assert_eq!(places.len(), count, "{query}");
    }
}

/// What one answer is too short for a file has.
#[tokio::test]
async fn counts_of_what_records_say_go_through_all() {
    let world = World::new().await;
    sqlx::query(ATTEMPTS).bind(10_040).execute(&world.pool).await.unwrap();
    sqlx::query("UPDATE read_model.audit_copied SET position = 10040").execute(&world.pool).await.unwrap();
    let lines = lines(&world, "counts", "group_by=outcome&text=roof", [0, 10_020]).await;
    let told: Vec<_> = lines.iter().map(|line| (&line["value"], &line["count"])).collect();
    assert_eq!(told[..2], [(&json!("success"), &json!(2_004)), (&json!("denied"), &json!(501))]);
    assert_eq!(lines[2]["records"], 2);
}
