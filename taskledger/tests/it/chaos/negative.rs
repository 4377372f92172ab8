//! The checker finds what it is there to find.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::history::{Attempt, Kind, Seen, Stored, contradictions};
use crate::client::Answer;

const TASK: Uuid = Uuid::from_u128(7);

fn stored(position: i64, sequence: i64, kind: &str, payload: Value) -> Stored {
    Stored { position, sequence, id: Uuid::now_v7(), aggregate: TASK, kind: kind.into(), payload }
}

fn answer(position: i64, version: i64) -> Answer {
    let text = json!({"position": position, "version": version}).to_string();
    Answer { status: 200, text, headers: Vec::new() }
}

fn invoked(key: &str, kind: Kind) -> Seen {
    Seen::Invoked(Attempt { key: key.into(), task: TASK, kind })
}

fn ok(key: &str, at: i64) -> Seen {
    Seen::Ok(key.into(), answer(at, at))
}

const START: Kind = Kind::Go { verb: "start", to: "in_progress" };

/// One client creates, renames, loses an answer, starts, and starts again.
fn good() -> (Vec<Seen>, Vec<Stored>) {
    let client = vec![
        invoked("a", Kind::Create),
        ok("a", 1),
        invoked("b", Kind::Rename),
        Seen::Unknown("b".into()),
        ok("b", 2),
        invoked("c", START),
        ok("c", 3),
        invoked("d", START),
        ok("d", 3),
        invoked("e", Kind::Go { verb: "resume", to: "in_progress" }),
        Seen::Failed("e".into(), answer(3, 3)),
    ];
    let log = vec![
        stored(1, 1, "task.created", json!({"title": "a"})),
        stored(2, 2, "task.title_changed", json!({"from": "a", "to": "b"})),
        stored(3, 3, "task.started", json!({"from": "waiting", "to": "in_progress", "reason": "c"})),
    ];
    (client, log)
}

#[track_caller]
fn finds(words: &str, change: impl FnOnce(&mut Vec<Seen>, &mut Vec<Stored>)) {
    let (mut client, mut log) = good();
    change(&mut client, &mut log);
    let found = contradictions(&[client], &log, &HashSet::new());
    assert!(found.iter().any(|found| found.contains(words)), "{found:?}");
}

#[test]
fn a_good_history_has_nothing_to_find() {
    let (client, log) = good();
    assert_eq!(contradictions(&[client], &log, &HashSet::new()), [""; 0]);
}

#[test]
fn a_lost_acknowledgement_is_found() {
    finds("acknowledged and is lost", |client, _| {
        client.extend([invoked("f", Kind::Comment), ok("f", 4)]);
    });
    finds("but the log says", |client, log| {
        log.pop();
        client.truncate(7);
    });
}

#[test]
fn a_doubled_effect_is_found() {
    finds("has taken effect 2 times", |_, log| {
        log.push(stored(4, 4, "task.title_changed", json!({"from": "b", "to": "b"})));
    });
}

#[test]
fn an_effect_of_what_was_refused_or_never_tried_is_found() {
    finds("was refused and has an effect", |_, log| {
        let payload = json!({"from": "in_progress", "to": "in_progress", "reason": "e"});
        log.push(stored(4, 4, "task.resumed", payload));
    });
    finds("nobody has tried", |_, log| log.push(stored(4, 4, "task.commented", json!({"text": "z"}))));
}

#[test]
fn gaps_are_found() {
    finds("position 4 stands where 3 belongs", |_, log| log[2].position = 4);
    finds("has 4 where 3 belongs", |_, log| log[2].sequence = 4);
}

#[test]
fn a_wrong_answer_is_found() {
    finds("was told", |client, _| client[1] = Seen::Ok("a".into(), answer(2, 1)));
    finds("was never answered", |client, _| client.truncate(4));
}

#[test]
fn a_lost_update_is_found() {
    finds("was decided on title \"x\"", |_, log| log[1].payload["from"] = json!("x"));
}

#[test]
fn an_order_that_no_client_saw_is_found() {
    finds("stands before it", |client, log| {
        client.extend([invoked("f", Kind::Comment), ok("f", 1)]);
        log.insert(0, stored(0, 0, "task.commented", json!({"text": "f"})));
    });
}
