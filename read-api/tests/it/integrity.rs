//! What auditors are told of the seals.

use std::time::Duration;

use axum::http::StatusCode;
use domain::task::TaskEvent;
use event_store::{
    Role,
    seals::{KeyRing, Ledger, Pace, SealKey, Sealing},
};
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    world::{Reply, World},
};

/// A log of so many events; whoever reads is an auditor.
struct Sealed {
    world: World,
    writer: Writer,
    token: String,
}

impl Sealed {
    async fn of(events: u8) -> Self {
        let world = World::new().await;
        let (writer, token) = (Writer::new(&world), world.token(Uuid::now_v7(), &["auditor"]));
        let sealed = Self { world, writer, token };
        sealed.append(events).await;
        sealed.seal().await;
        sealed
    }

    async fn append(&self, events: u8) {
        let progress =
            |to: u8| event::<TaskEvent>(json!({"task.progress_changed": {"from": 0, "to": to % 100}}));
        let events = (0..events).map(|to| (progress(to), metadata(Uuid::now_v7()))).collect();
        self.writer.append("task", Uuid::now_v7(), events).await;
    }

    /// Seals everything in blocks of ten, as the sealer does.
    async fn seal(&self) {
        let options = event_store::connect_options(self.world.url(), Role::Command).unwrap();
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let key = SealKey::new(self.world.secret.derive(SealKey::LABEL));
        let ring = KeyRing::new(key.public(), []);
        let sealing = Sealing::new(pool, key, ring, Pace { events: 10, after: Duration::ZERO });
        loop {
            let standing = sealing.standing(Ledger::Events).await.unwrap();
            if !standing.is_due() {
                return;
            }
            sealing.seal_after(Ledger::Events, &standing).await.unwrap();
        }
    }

    async fn ask(&self, path: &str) -> Reply {
        self.world.get(&self.token, path).await
    }

    async fn harm(&self, sql: &str) {
        sqlx::raw_sql(sql).execute(&self.world.pool).await.unwrap();
    }
}

#[tokio::test]
async fn an_auditor_sees_that_the_log_is_intact_and_how_far_it_is_sealed() {
    let sealed = Sealed::of(25).await;
    sealed.append(4).await;
    let reply = sealed.ask("/v1/audit/integrity?min_position=29").await;
    assert_eq!((reply.status, reply.header("position")), (StatusCode::OK, "29"));
    let last = reply.body["last_seal"].as_str().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["number"], &last["first"], &last["last"]), (&json!(3), &json!(21), &json!(25)));
    let mut body = reply.body;
    body.as_object_mut().unwrap().remove("last_seal");
    let expected = json!({
        "log": "events", "intact": true, "from": 1, "to": 29, "head": 29, "not_yet_sealed": 4, "seals": 3,
        "first_bad": null, "next_from": null,
    });
    assert_eq!(body, expected);
    let part = sealed.ask("/v1/audit/integrity?from=12&to=13").await.body;
    assert_eq!((&part["from"], &part["to"], &part["seals"]), (&json!(11), &json!(20), &json!(1)));
    let audit = sealed.ask("/v1/audit/integrity?log=audit").await.body;
    assert_eq!((&audit["log"], &audit["intact"], &audit["head"]), (&json!("audit"), &json!(true), &json!(0)));
}

#[tokio::test]
async fn the_first_bad_position_is_named() {
    let sealed = Sealed::of(25).await;
    sealed.harm("UPDATE event_store.events SET payload = '{}' WHERE position IN (17, 23)").await;
    let reply = sealed.ask("/v1/audit/integrity").await;
    assert_eq!((reply.status, &reply.body["intact"]), (StatusCode::OK, &json!(false)));
    let expected =
        json!({"position": 17, "up_to": 17, "fault": "changed", "detail": "it is not what was sealed"});
    assert_eq!((&reply.body["first_bad"], &reply.body["to"]), (&expected, &json!(10)));
    let before = sealed.ask("/v1/audit/integrity?to=10").await.body;
    assert_eq!(before["intact"], json!(true));
    let proof = sealed.ask("/v1/audit/proofs/17").await;
    assert_eq!((proof.status, proof.code()), (StatusCode::CONFLICT, "INTEGRITY_BROKEN"));
    assert_eq!((&proof.body["position"], &proof.body["fault"]), (&json!(17), &json!("changed")));
    assert_eq!(sealed.ask("/v1/audit/proofs/18").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_proof_has_what_it_takes_and_comes_with_the_seal() {
    let sealed = Sealed::of(25).await;
    sealed.append(1).await;
    let reply = sealed.ask("/v1/audit/proofs/23").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let envelope: Value = serde_json::from_str(reply.body["envelope"].as_str().unwrap()).unwrap();
    assert_eq!(envelope["sequence"], "00000000000000000023");
    assert_eq!((&reply.body["leaf_index"], &reply.body["tree_size"]), (&json!(2), &json!(5)));
    let early = sealed.ask("/v1/audit/proofs/26").await;
    assert_eq!((early.status, early.code()), (StatusCode::CONFLICT, "NOT_YET_SEALED"));
    assert_eq!(early.header("retry-after"), "10");
    sealed.seal().await;
    assert_eq!(sealed.ask("/v1/audit/proofs/26").await.status, StatusCode::OK);
    let keys = sealed.world.get("", "/.well-known/seal-keys.json").await.body;
    assert_eq!(keys["keys"], json!([reply.body["key"]]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_others_are_kept_out() {
    let sealed = Sealed::of(1).await;
    for (path, status, code) in [
        ("integrity?from=0", 400, "INVALID_PARAMETER"),
        ("integrity?from=x", 400, "INVALID_PARAMETER"),
        ("integrity?from=3&to=2", 400, "INVALID_PARAMETER"),
        ("integrity?log=tasks", 400, "INVALID_PARAMETER"),
        ("integrity?after=1", 400, "UNKNOWN_PARAMETER"),
        ("integrity?min_position=2", 400, "POSITION_AHEAD"),
        ("proofs/0", 400, "INVALID_ID"),
        ("proofs/x", 400, "INVALID_ID"),
        ("proofs/2", 404, "NOT_FOUND"),
        ("proofs/9223372036854775807", 404, "NOT_FOUND"),
    ] {
        let reply = sealed.ask(&format!("/v1/audit/{path}")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{path}: {}", reply.body);
    }
    let member = sealed.world.token(Uuid::now_v7(), &["member", "operator", "admin"]);
    for path in ["/v1/audit/integrity", "/v1/audit/proofs/1"] {
        assert_eq!(sealed.world.get(&member, path).await.status, StatusCode::FORBIDDEN);
        assert_eq!(sealed.world.get("", path).await.status, StatusCode::UNAUTHORIZED);
    }
}

/// The verifier in docs/, on a proof of ours and on what has been made of it.
#[tokio::test]
async fn whoever_has_the_key_checks_a_proof_without_us() {
    let sealed = Sealed::of(25).await;
    let keys = sealed.world.get("", "/.well-known/seal-keys.json").await.body;
    let key = keys["keys"][0]["x"].as_str().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let seals = directory.path().join("seals.ndjson");
    let last = sealed.ask("/v1/audit/integrity").await.body["last_seal"].as_str().unwrap().to_owned();
    std::fs::write(&seals, last + "\n").unwrap();
    let check = |proof: &Value, key: &str, more: &[&str]| {
        let file = directory.path().join("proof.json");
        std::fs::write(&file, proof.to_string()).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verify_proof.py");
        let mut python = std::process::Command::new("python3");
        let output =
            python.arg(script).arg(&file).args(["--key", key]).args(more).output().expect("python3 runs");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    for position in [1, 10, 11, 21, 25] {
        let proof = sealed.ask(&format!("/v1/audit/proofs/{position}")).await.body;
        let (code, words) = check(&proof, key, &[]);
        assert_eq!(code, Some(0), "{words}");
        let said = format!("proved: task.progress_changed.v1 at position {position}, sealed ");
        assert!(words.starts_with(&said), "{words}");
    }
    let proof = sealed.ask("/v1/audit/proofs/23").await.body;
    let kept = ["--seals", seals.to_str().unwrap()];
    assert_eq!(check(&proof, key, &kept).0, Some(0));
    let earlier = sealed.ask("/v1/audit/proofs/3").await.body;
    assert!(check(&earlier, key, &kept).1.contains("the seal is not in"));
    let stranger = SealKey::new([9; 32]).public().x();
    assert!(check(&proof, &stranger, &[]).1.starts_with("NOT PROVED: your key has not signed"));
    let changed = |member: &str, from: &str, to: &str| {
        let mut proof = proof.clone();
        proof[member] = json!(proof[member].as_str().unwrap().replacen(from, to, 1));
        check(&proof, key, &[])
    };
    for (member, from, to) in [
        ("envelope", "\"to\":22", "\"to\":23"),
        ("envelope", "0000023", "0000024"),
        ("envelope", "0000023", "0000013"),
        ("record_hash", &proof["record_hash"].as_str().unwrap()[..4], "abcd"),
        ("seal", "\"number\":3", "\"number\":4"),
    ] {
        let (code, words) = changed(member, from, to);
        assert!(code == Some(1) && words.starts_with("NOT PROVED"), "{member}: {words}");
    }
    let mut short = proof.clone();
    short["audit_path"].as_array_mut().unwrap().pop();
    assert!(check(&short, key, &[]).1.starts_with("NOT PROVED"));
}
