//! Files that auditors fetch, as projections has written them.

use axum::{body::Body, http::Request, response::Response};
use http_body_util::BodyExt;
use service::deflated::{self, Crc};
use uuid::Uuid;

use crate::{operations::under_way, world::World};

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

/// An export of records that has none, as projections has settled it.
async fn records(world: &World, format: &str, attempts: i64, expires: &str) -> Uuid {
    let operation = Uuid::now_v7();
    let insert = format!(
        "INSERT INTO delivery.record_exports (operation, format, events, attempts, expire_time)
         VALUES ($1, $2, 0, $3, now() + interval '{expires}')"
    );
    let insert = sqlx::query(&insert).bind(operation).bind(format).bind(attempts);
    insert.execute(&world.pool).await.unwrap();
    operation
}

#[tokio::test]
async fn records_are_read_while_they_are_sent_and_compressed_too() {
    let world = World::new().await;
    let auditor = world.token(Uuid::now_v7(), &["auditor"]);
    let others = world.token(Uuid::now_v7(), &["member", "operator", "admin"]);
    let (table, list) =
        (records(&world, "csv", 0, "1 hour").await, records(&world, "ndjson", 0, "1 hour").await);
    let (expired, ahead) =
        (records(&world, "csv", 0, "-1 second").await, records(&world, "csv", 7, "1 hour").await);
    for (token, id, status) in [(&auditor, expired, 404), (&others, table, 403), (&auditor, ahead, 503)] {
        assert_eq!(fetch(&world, token, id, "").await.status().as_u16(), status, "{id}");
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
