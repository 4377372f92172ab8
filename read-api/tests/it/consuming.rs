//! Consumer groups: who has done what, through restarts and crashes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{body::Body, http::Request};
use domain::policy::Role;
use proto::v1::nack::Action;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use service::auth::testing::Minter;
use tokio::time::timeout;
use tonic::Code;
use uuid::Uuid;

use crate::{
    events::{Log, created, progress},
    grpc::Member,
    world::{DEADLINE, Reply, World},
};

const GROUP: &str = "/v1/consumer-groups/billing";

async fn ask(world: &World, token: &str, method: &str, path: &str, body: Value) -> Reply {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// A group of Ann's that begins with the log, and her token.
pub(crate) async fn group(log: &Log, interest: Value) -> String {
    let token = log.world.token(log.ann, &["member"]);
    let mut body = interest;
    body["start"] = json!("beginning");
    let made = ask(&log.world, &token, "PUT", GROUP, body).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.body);
    token
}

/// Asks for the group until it is as it should be.
pub(crate) async fn becomes(world: &World, token: &str, good: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let seen = timeout(DEADLINE, async {
        loop {
            last = world.get(token, GROUP).await.body;
            if good(&last) {
                return;
            }
        }
    });
    assert!(seen.await.is_ok(), "{last}");
    last
}

/// Whoever holds the group is taken for dead, and somebody else who had it is.
async fn dies(world: &World) {
    let sql = "UPDATE event_store.consumer_groups SET epoch = epoch + 1, expires_at = '-infinity'";
    sqlx::query(sql).execute(&world.pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_made_once_and_is_ones_own() {
    let log = Log::new().await;
    log.two_tasks().await;
    let token = group(&log, json!({"types": ["task.*"], "actor": "me"})).await;
    let wanted = json!({"types": ["task.*"], "actor": log.ann});
    let again = ask(&log.world, &token, "PUT", GROUP, wanted.clone()).await;
    assert_eq!((again.status.as_u16(), &again.body["position"]), (200, &json!(0)));
    assert_eq!((&again.body["actor"], &again.body["lag"]), (&json!(log.ann), &json!(4)), "{}", again.body);
    let other = ask(&log.world, &token, "PUT", GROUP, json!({})).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "STATE_CONFLICT"));
    let theirs = log.member();
    assert_eq!(log.world.get(&theirs, GROUP).await.status.as_u16(), 404);
    assert_eq!(log.world.get(&theirs, "/v1/consumer-groups").await.items().len(), 0);
    assert_eq!(log.world.get(&token, "/v1/consumer-groups?page_size=1").await.pluck("name"), ["billing"]);
    for (method, path, body, status, code) in [
        ("PUT", "/v1/consumer-groups/Billing", json!({}), 400, "INVALID_ID"),
        (
            "PUT",
            "/v1/consumer-groups/b",
            json!({"types": ["x"], "filter": "x", "y": 1}),
            422,
            "VALIDATION_FAILED",
        ),
        ("PUT", "/v1/consumer-groups/b", json!({"start": "9"}), 400, "POSITION_AHEAD"),
        ("POST", "/v1/consumer-groups/b/seek", json!({"to": "now"}), 404, "NOT_FOUND"),
        ("POST", "/v1/consumer-groups/billing/seek", json!({}), 422, "VALIDATION_FAILED"),
        ("POST", "/v1/consumer-groups/billing/parked/skip", json!({}), 422, "VALIDATION_FAILED"),
        ("POST", "/v1/consumer-groups/b/parked/replay", json!({}), 404, "NOT_FOUND"),
    ] {
        let reply = ask(&log.world, &token, method, path, body).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{method} {path}: {}", reply.body);
    }
    for number in 1..20 {
        let path = format!("/v1/consumer-groups/g{number}");
        assert_eq!(ask(&log.world, &token, "PUT", &path, json!({})).await.status.as_u16(), 201);
    }
    let many = ask(&log.world, &token, "PUT", "/v1/consumer-groups/g20", json!({})).await;
    assert_eq!((many.status.as_u16(), &many.body["max"]), (422, &json!(20)));
    assert_eq!(ask(&log.world, &token, "DELETE", GROUP, json!(null)).await.status.as_u16(), 204);
    assert_eq!(ask(&log.world, &token, "DELETE", GROUP, json!(null)).await.status.as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_does_not_come_again() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let token = group(&log, json!({})).await;
    let mut member = Member::join(&log.world, &token, "billing", 100).await;
    // One of each task at a time.
    assert_eq!(member.events(2).await, [(1, 1), (3, 1)]);
    member.ack(&[3]).await;
    assert_eq!(member.event().await, (4, 1));
    member.ack(&[1, 4]).await;
    assert_eq!(member.event().await, (2, 1));
    // It goes with one unanswered; what it has said before it went is heard.
    member.leave().await;
    let group = becomes(&log.world, &token, |group| group["consumed"] == false).await;
    assert_eq!((&group["waiting"], &group["lag"]), (&json!(1), &json!(0)), "{group}");
    log.write(open, 2, &[progress(5, 6)]).await;
    let mut again = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(again.event().await, (2, 2));
    again.ack(&[2]).await;
    assert_eq!(again.event().await, (5, 1));
    again.ack(&[5]).await;
    becomes(&log.world, &token, |group| group["position"] == 5 && group["waiting"] == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_handled_is_tried_again_parked_or_skipped() {
    let log = Log::new().await;
    let (open, hidden) = log.two_tasks().await;
    let token = group(&log, json!({})).await;
    let mut member = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(member.events(2).await, [(1, 1), (3, 1)]);
    member.nack(1, Action::Retry, "not now").await;
    assert_eq!(member.event().await, (1, 2));
    member.nack(1, Action::Park, "broken").await;
    member.nack(3, Action::Skip, "of no interest").await;
    // The other task goes on.
    assert_eq!(member.event().await, (4, 1));
    member.ack(&[4]).await;
    member.reaches(4).await;
    let group = log.world.get(&token, GROUP).await.body;
    assert_eq!((&group["parked"], &group["waiting"], &group["skipped"]), (&json!(1), &json!(1), &json!(1)));
    let parked = log.world.get(&token, &format!("{GROUP}/parked")).await;
    let parked = &parked.items()[0];
    assert_eq!((&parked["position"], &parked["reason"]), (&json!(1), &json!("broken")));
    assert_eq!(
        (&parked["attempts"], &parked["behind"], &parked["subject"]),
        (&json!(2), &json!(1), &json!(open))
    );
    // A new one queues up behind it, that of the other task does not.
    log.write(open, 2, &[progress(5, 6)]).await;
    log.write(hidden, 2, &[progress(5, 6)]).await;
    assert_eq!(member.event().await, (6, 1));
    let replayed = ask(&log.world, &token, "POST", &format!("{GROUP}/parked/replay"), json!({})).await;
    assert_eq!(replayed.body, json!({"events": 1}));
    assert_eq!(member.event().await, (1, 3));
    member.nack(1, Action::Park, "still broken").await;
    becomes(&log.world, &token, |group| group["parked"] == 1).await;
    let skip = json!({"positions": [1, 2]});
    let skipped = ask(&log.world, &token, "POST", &format!("{GROUP}/parked/skip"), skip).await;
    assert_eq!(skipped.body, json!({"events": 1}));
    assert_eq!(member.event().await, (2, 1));
    member.ack(&[2, 6]).await;
    assert_eq!(member.event().await, (5, 1));
    member.ack(&[5]).await;
    let group = becomes(&log.world, &token, |group| group["position"] == 6 && group["waiting"] == 0).await;
    assert_eq!((&group["skipped"], &group["parked"]), (&json!(2), &json!(0)), "{group}");
    // Both are kept as the same act.
    let kept = log.world.audited(4).await;
    let skips: Vec<_> =
        kept.iter().filter(|row| row["action"] == "events.skip_parked_group_events").collect();
    let ways: Vec<_> = skips.iter().map(|row| [row["transport"].clone(), row["outcome"].clone()]).collect();
    assert_eq!(ways, [[json!("grpc"), json!("success")], [json!("http"), json!("success")]], "{kept:?}");
    assert!(skips.iter().all(|row| row["target_id"] == skips[0]["target_id"]), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_a_group_and_one_that_dies_leaves_its_events_to_others() {
    let log = Log::new().await;
    let token = group(&log, json!({})).await;
    for _ in 0..6 {
        log.write(Uuid::now_v7(), 0, &[created(log.ann, "team", "low")]).await;
    }
    let mut first = Member::join(&log.world, &token, "billing", 3).await;
    let mut second = Member::join(&log.world, &token, "billing", 3).await;
    let (mine, theirs) = (first.events(3).await, second.events(3).await);
    let all: BTreeSet<_> = mine.iter().chain(&theirs).map(|(position, _)| *position).collect();
    assert_eq!(all, (1..=6).collect());
    second.ack(&theirs.iter().map(|(position, _)| *position).collect::<Vec<_>>()).await;
    drop(first);
    assert_eq!(second.events(3).await, mine.iter().map(|(position, _)| (*position, 2)).collect::<Vec<_>>());
    // Who may see less cannot share with who may see more.
    let roles = [Role::Member.as_str(), Role::Manager.as_str()];
    let mut other = Member::join(&log.world, &log.world.token(log.ann, &roles), "billing", 3).await;
    let status = other.end().await;
    assert!(status.message().contains("consume") && status.code() == Code::FailedPrecondition, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_in_another_process() {
    let log = Log::new().await;
    log.two_tasks().await;
    let token = group(&log, json!({})).await;
    let other = log.world.beside(Some(log.nats.clone())).await;
    let mut first = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(first.events(2).await, [(1, 1), (3, 1)]);
    first.ack(&[1]).await;
    assert_eq!(first.event().await, (2, 1));
    becomes(&log.world, &token, |group| group["position"] == 1).await;
    dies(&log.world).await;
    let mut second = Member::join(&other, &token, "billing", 100).await;
    assert_eq!(second.events(2).await, [(2, 1), (3, 1)]);
    // It was not dead: it may write no more, and says so.
    let status = first.end().await;
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    second.ack(&[2, 3]).await;
    assert_eq!(second.event().await, (4, 1));
    second.ack(&[4]).await;
    becomes(&other, &token, |group| group["position"] == 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_moved_begins_anew() {
    let log = Log::new().await;
    log.two_tasks().await;
    let token = group(&log, json!({})).await;
    let mut member = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(member.events(2).await, [(1, 1), (3, 1)]);
    member.nack(1, Action::Park, "").await;
    member.ack(&[3]).await;
    assert_eq!(member.event().await, (4, 1));
    let moved = ask(&log.world, &token, "POST", &format!("{GROUP}/seek"), json!({"to": "3"})).await;
    assert_eq!((&moved.body["position"], &moved.body["parked"]), (&json!(2), &json!(0)), "{}", moved.body);
    assert_eq!(member.end().await.code(), Code::Aborted);
    let mut member = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(member.event().await, (3, 1));
    // A group that is gone is not found.
    ask(&log.world, &token, "DELETE", GROUP, json!(null)).await;
    assert_eq!(member.end().await.code(), Code::Aborted);
    let mut nowhere = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(nowhere.end().await.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_judged_when_an_event_is_handed_out() {
    let log = Log::new().await;
    let (open, hidden) = log.two_tasks().await;
    let bob = Uuid::now_v7();
    let token = log.world.token(bob, &["member"]);
    ask(&log.world, &token, "PUT", GROUP, json!({"start": "beginning"})).await;
    let mut member = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(member.event().await, (1, 1));
    // While the next one waits for this one, its task becomes private.
    log.write(open, 2, &[json!({"task.visibility_changed": {"from": "team", "to": "private"}})]).await;
    log.write(hidden, 2, &[json!({"task.watched": {"user": bob}})]).await;
    assert_eq!(member.event().await, (6, 1));
    member.ack(&[1, 6]).await;
    member.reaches(6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_rights_of_its_reader() {
    let log = Log::new().await;
    log.two_tasks().await;
    group(&log, json!({})).await;
    let mut claims = Minter::claims(log.ann);
    claims["roles"] = json!(["member"]);
    let token = log.world.minter.sign(&log.world.minter.header(), &claims);
    let mut member = Member::join(&log.world, &token, "billing", 100).await;
    member.events(2).await;
    let session = "INSERT INTO event_store.sessions (id, user_id, auth_time, methods, ip, ended_at) \
         VALUES ($1::uuid, $2, now(), '{pwd}', '', clock_timestamp())";
    let session = sqlx::query(session).bind(claims["sid"].as_str()).bind(log.ann);
    session.execute(&log.world.pool).await.unwrap();
    assert_eq!(member.end().await.code(), Code::Unauthenticated);
}

/// Consumers that answer at random, go and come; processes that are taken for dead: every event is finished, those of a task in
/// their order, and what was answered and written down does not come again.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_whatever_happens() {
    let seed = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let log = Log::new().await;
    let other = log.world.beside(Some(log.nats.clone())).await;
    let worlds = [&log.world, &other];
    let token = group(&log, json!({})).await;
    let tasks: Vec<_> = (0..8).map(|_| Uuid::now_v7()).collect();
    let mut last = 0;
    for (number, task) in tasks.iter().enumerate() {
        let facts: Vec<_> = (0..20).map(|step| progress(step, step + 1)).collect();
        log.write(*task, 0, &[created(log.ann, "team", "low")]).await;
        last = log.write(*task, 1, &facts[..10 + number]).await;
    }
    let mut handled: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for round in 0.. {
        let calm = round > 12;
        let mut member = Member::join(worlds[round % 2], &token, "billing", random.random_range(1..20)).await;
        for _ in 0..random.random_range(1..30) {
            let Ok(delivery) = timeout(Duration::from_millis(300), member.delivery()).await else { break };
            let Ok(delivery) = delivery else { break };
            let event = delivery.event.unwrap();
            match random.random_range(0..if calm { 6 } else { 10 }) {
                0..6 => {
                    handled.entry(event.subject).or_default().push(event.position);
                    member.ack(&[event.position]).await;
                }
                6 => member.nack(event.position, Action::Retry, "").await,
                7 => member.nack(event.position, Action::Park, "").await,
                _ => {}
            }
        }
        if random.random_bool(0.5) && !calm {
            dies(&log.world).await;
            continue;
        }
        drop(member);
        let group = becomes(&log.world, &token, |group| group["consumed"] == false).await;
        if group["position"] == last && group["waiting"] == 0 && group["parked"] == 0 {
            break;
        }
        if calm {
            ask(&log.world, &token, "POST", &format!("{GROUP}/parked/replay"), json!({})).await;
        }
    }
    for (task, positions) in handled {
        // What was not written down when a process died was handled again; new ones came in their order.
        let mut highest = 0;
        let mut new = positions;
        new.retain(|position| {
            let is_new = *position > highest;
            highest = highest.max(*position);
            is_new
        });
        let sql = "SELECT position FROM event_store.events WHERE aggregate_id = $1 ORDER BY position";
        let written: Vec<i64> = sqlx::query_scalar(sql).bind(task).fetch_all(&log.world.pool).await.unwrap();
        assert_eq!(new, written, "seed {seed}");
    }
}
