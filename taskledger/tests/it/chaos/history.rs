//! What clients have tried and been told, and what the log must say about it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use crate::client::Answer;

/// A command as a client sends it; its key is part of its content too, so that its effect is known in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) key: String,
    pub(super) task: Uuid,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Rename,
    Comment,
    /// A transition with the status that it leads to.
    Go {
        verb: &'static str,
        to: &'static str,
    },
}

/// What a client has seen, in its order.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    Invoked(Attempt),
    /// No answer, or one that leaves open what has happened: the same is sent again.
    Unknown(String),
    /// Carried out, or already so.
    Ok(String, Answer),
    /// Refused for good.
    Failed(String, Answer),
}

/// How much has happened to the clients.
pub(super) struct Summary<'a>(pub(super) &'a [Vec<Seen>]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |which: fn(&Seen) -> bool| self.0.iter().flatten().filter(|seen| which(seen)).count();
        let invoked = count(|seen| matches!(seen, Seen::Invoked(_)));
        let unknown = count(|seen| matches!(seen, Seen::Unknown(_)));
        let failed = count(|seen| matches!(seen, Seen::Failed(..)));
        let replayed = count(|seen| {
            matches!(seen, Seen::Ok(_, answer) | Seen::Failed(_, answer)
                if answer.header("idempotent-replayed").is_some())
        });
        write!(f, "{invoked} commands, {failed} refused, {unknown} sendings without answer, of which ")?;
        write!(f, "{replayed} had taken effect")
    }
}

/// An event as the log has it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) position: i64,
    pub(super) sequence: i64,
    pub(super) id: Uuid,
    pub(super) aggregate: Uuid,
    pub(super) kind: String,
    pub(super) payload: Value,
}

/// A task as its events make it; not the product's own fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folded {
    pub(super) version: i64,
    pub(super) title: String,
    pub(super) status: String,
    pub(super) comments: i64,
}

/// Everything that contradicts the guarantees, in words; `foreign` are tasks that others have changed.
pub(super) fn contradictions(
    clients: &[Vec<Seen>],
    events: &[Stored],
    foreign: &HashSet<Uuid>,
) -> Vec<String> {
    let mut found = gaps(events);
    let attempts: HashMap<&str, &Attempt> = clients.iter().flatten().filter_map(invoked).collect();
    let mut effects = HashMap::<&str, Vec<&Stored>>::new();
    for event in events.iter().filter(|event| event.kind.starts_with("task.")) {
        match token(event) {
            Some(key) if attempts.get(key).is_some_and(|attempt| attempt.task == event.aggregate) => {
                effects.entry(key).or_default().push(event);
            }
            _ if foreign.contains(&event.aggregate) => {}
            _ => found.push(format!("nobody has tried what stands at {}: {event:?}", event.position)),
        }
    }
    for (key, effects) in effects.iter().filter(|(_, effects)| effects.len() > 1) {
        found.push(format!("{key} has taken effect {} times", effects.len()));
    }
    let log = Log::of(events, foreign, &mut found);
    for client in clients {
        answers(client, &attempts, &effects, &log, &mut found);
    }
    found
}

fn invoked(seen: &Seen) -> Option<(&str, &Attempt)> {
    match seen {
        Seen::Invoked(attempt) => Some((attempt.key.as_str(), attempt)),
        _ => None,
    }
}

/// Compares one client's answers with the log.
fn answers(
    client: &[Seen],
    attempts: &HashMap<&str, &Attempt>,
    effects: &HashMap<&str, Vec<&Stored>>,
    log: &Log,
    found: &mut Vec<String>,
) {
    let mut last = 0;
    let mut open: Option<&str> = None;
    for seen in client {
        match seen {
            Seen::Invoked(attempt) => open = Some(attempt.key.as_str()),
            Seen::Unknown(_) => {}
            Seen::Ok(key, answer) => {
                open = None;
                let Some(attempt) = attempts.get(key.as_str()) else { continue };
                match effects.get(key.as_str()).and_then(|effects| effects.first()) {
                    Some(event) => {
                        found.extend(told(key, answer, event));
                        if event.position <= last {
                            found.push(format!("{key} was sent after {last} and stands before it"));
                        }
                        last = event.position;
                    }
                    None => found.extend(log.not_already_so(attempt, answer)),
                }
            }
            Seen::Failed(key, answer) => {
                open = None;
                if effects.contains_key(key.as_str()) {
                    found.push(format!("{key} was refused and has an effect: {}", answer.text));
                }
            }
        }
    }
    found.extend(open.map(|key| format!("{key} was never answered")));
}

/// The answer names the event that the command has become.
fn told(key: &str, answer: &Answer, event: &Stored) -> Option<String> {
    let said = (answer.json()["position"].as_i64(), answer.json()["version"].as_i64());
    let is = (Some(event.position), Some(event.sequence));
    (said != is).then(|| format!("{key} was told {said:?}, the log says {is:?}"))
}

/// Positions run from 1 without holes, and so do the sequences of every aggregate.
fn gaps(events: &[Stored]) -> Vec<String> {
    let mut found = Vec::new();
    let mut sequences = HashMap::<Uuid, i64>::new();
    for (event, expected) in events.iter().zip(1..) {
        if event.position != expected {
            found.push(format!("position {} stands where {expected} belongs", event.position));
            break;
        }
        let sequence = sequences.entry(event.aggregate).or_default();
        *sequence += 1;
        if event.sequence != *sequence {
            found.push(format!("{} has {} where {sequence} belongs", event.aggregate, event.sequence));
        }
    }
    found
}

/// The key of the command that an event comes from.
fn token(event: &Stored) -> Option<&str> {
    let member = match event.kind.as_str() {
        "task.created" => "title",
        "task.title_changed" => "to",
        "task.commented" => "text",
        _ => "reason",
    };
    event.payload[member].as_str()
}

/// The state of every task after each of its events.
struct Log(BTreeMap<(Uuid, i64), (i64, Folded)>);

impl Log {
    /// Folds; an event that was decided on another state than the one before it is a lost update.
    fn of(events: &[Stored], foreign: &HashSet<Uuid>, found: &mut Vec<String>) -> Self {
        let mut now = HashMap::<Uuid, Folded>::new();
        let mut all = BTreeMap::new();
        let ours = |event: &&Stored| event.kind.starts_with("task.") && !foreign.contains(&event.aggregate);
        for event in events.iter().filter(ours) {
            let task = now.entry(event.aggregate).or_default();
            if let Some(lost) = task.take(event) {
                found.push(format!("{} was decided on {lost}, which was not so", event.position));
            }
            all.insert((event.aggregate, event.sequence), (event.position, task.clone()));
        }
        Self(all)
    }

    /// An answer without an event of its own must name a state that held what was asked for.
    fn not_already_so(&self, attempt: &Attempt, answer: &Answer) -> Option<String> {
        let Attempt { key, task, kind } = attempt;
        let Kind::Go { to, .. } = kind else { return Some(format!("{key} was acknowledged and is lost")) };
        let (position, version) = (answer.json()["position"].as_i64(), answer.json()["version"].as_i64());
        let state = self.0.get(&(*task, version.unwrap_or_default()));
        let so = state.is_some_and(|(at, folded)| Some(*at) == position && folded.status == *to);
        (!so).then(|| format!("{key} was acknowledged as already so, but the log says {state:?}"))
    }
}

/// All other tasks as the whole log makes them.
pub(super) fn fold(events: &[Stored], foreign: &HashSet<Uuid>) -> HashMap<Uuid, Folded> {
    let log = Log::of(events, foreign, &mut Vec::new());
    log.0.into_iter().map(|((task, _), (_, folded))| (task, folded)).collect()
}

impl Folded {
    /// Says what the event believes to change, if that was otherwise.
    fn take(&mut self, event: &Stored) -> Option<String> {
        let text = |member: &str| event.payload[member].as_str().unwrap_or_default().to_owned();
        self.version = event.sequence;
        let (field, before) = match event.kind.as_str() {
            "task.created" => {
                (self.title, self.status) = (text("title"), "waiting".to_owned());
                return None;
            }
            "task.commented" => {
                self.comments += 1;
                return None;
            }
            "task.title_changed" => {
                let before = std::mem::replace(&mut self.title, text("to"));
                ("title", before)
            }
            "task.started" | "task.held" | "task.resumed" | "task.completed" | "task.reopened" => {
                let before = std::mem::replace(&mut self.status, text("to"));
                ("status", before)
            }
            _ => return None,
        };
        (text("from") != before).then(|| format!("{field} {:?}", text("from")))
    }
}
