//! What every route answers to everybody, against the policy table.

use std::collections::BTreeSet;

use domain::{
    policy::{Action, Decision, Relation, Role, RoleSet, decide},
    task::values::Visibility,
};
use serde_json::Value;

use super::{
    people::{Person, World},
    routes::{self, Route, Subject},
    samples::Things,
};
use crate::client::{Answer, Client};

/// Rights that no route asks for by themselves: judged beside another one (what of a user is shown), where programs of the
/// operator work, or by scopes of service accounts.
const WITHOUT_ROUTE: &[Action] = &[Action::InterfaceCallback, Action::Import];

/// Everybody who comes along every route.
const WALKERS: &[(&str, &[Role])] = &[
    ("nobody", &[]),
    ("member", &[Role::Member]),
    ("manager", &[Role::Member, Role::Manager]),
    ("announcer", &[Role::Announcer]),
    ("auditor", &[Role::Auditor]),
    ("operator", &[Role::Operator]),
    ("admin", &[Role::Member, Role::Admin]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_everybody_as_the_table_says() {
    let world = World::new().await;
    let routes = routes::served(&world.stranger()).await;
    every_row_has_a_route(&routes);
    let mut ann = world.person("ann", &[Role::Member]).await;
    let mut walkers = Vec::new();
    for (name, roles) in WALKERS {
        walkers.push(world.person(name, roles).await);
    }
    let bad = bad_tokens(&world, &ann).await;
    for route in &routes {
        ann.stay_in().await;
        for walker in &mut walkers {
            match route.is_asked_afresh() {
                true => *walker = walker.again().await,
                false => walker.stay_in().await,
            }
        }
        let Some(action) = route.action else {
            anybody_may(&world, route, &bad, &ann).await;
            continue;
        };
        nobody_comes_in(&world, route, &bad, &ann).await;
        match route.subject() {
            Subject::Oneself => own_things(&world, route, action, &ann, &walkers).await,
            Subject::Task => {
                on_a_task(&world, route, action, &ann, &walkers).await;
                hidden(&world, route, action, &ann, &walkers).await;
            }
            Subject::Other => elsewhere(&world, route, action, &ann, &walkers).await,
        }
    }
    world.end();
}

fn every_row_has_a_route(routes: &[Route]) {
    let walked: BTreeSet<_> = routes.iter().filter_map(|route| route.action).collect();
    let without: BTreeSet<_> =
        Action::ALL.iter().copied().filter(|action| !walked.contains(action)).collect();
    assert_eq!(without, WITHOUT_ROUTE.iter().copied().collect(), "rows of the table that no route asks for");
}

/// Those who are nobody, each with the code that says so.
async fn bad_tokens(world: &World, ann: &Person) -> Vec<(&'static str, Client, &'static str)> {
    let (stranger, good) = (world.stranger(), ann.client.token());
    let expired = world.minter().await.expired(good);
    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    vec![
        ("without token", stranger.clone(), "UNAUTHENTICATED"),
        ("with an expired token", stranger.showing(&expired), "TOKEN_EXPIRED"),
        ("with garbage", stranger.showing("x.y.z"), "TOKEN_INVALID"),
        ("with a forged token", stranger.showing(&forged), "TOKEN_INVALID"),
    ]
}

async fn nobody_comes_in(world: &World, route: &Route, bad: &[(&str, Client, &str)], ann: &Person) {
    // Enrolling asks for a login of the last minutes.
    let ann = if route.subject() == Subject::Oneself { &ann.again().await } else { ann };
    let things = Things::of(world, route, ann, "team").await;
    for (how, client, code) in bad {
        let answer = world.call(client, route, &things).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, *code),
            "{} {how}: {}",
            route.name,
            answer.text
        );
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer"), "{} {how}: {challenge}", route.name);
    }
}

/// What is everybody's is answered alike, whatever stands where a token could.
async fn anybody_may(world: &World, route: &Route, bad: &[(&str, Client, &str)], ann: &Person) {
    let things = Things::of(world, route, ann, "team").await;
    let mut answers = BTreeSet::new();
    for client in bad.iter().map(|(_, client, _)| client).chain([&ann.client]) {
        let answer = world.call(client, route, &things).await;
        answers.insert((answer.status, answer.code()));
    }
    assert_eq!(answers.len(), 1, "{}: {answers:?}", route.name);
}

/// What the table says to these roles and this relation.
fn expected(action: Action, roles: RoleSet, task: Option<Visibility>, relation: Relation) -> u16 {
    match decide(action, roles, task, relation) {
        Decision::Allow => 200,
        Decision::Forbidden => 403,
        Decision::Hidden => 404,
    }
}

#[track_caller]
fn judge(answer: &Answer, expected: u16, who: &str, route: &Route) {
    let text = &answer.text;
    match expected {
        200 => {
            assert!((200..300).contains(&answer.status), "{} by {who}: {} {text}", route.name, answer.status)
        }
        other => assert_eq!(answer.status, other, "{} by {who}: {text}", route.name),
    }
}

/// Everybody on a team task that is somebody else's, and whoever created it.
async fn on_a_task(world: &World, route: &Route, action: Action, ann: &Person, walkers: &[Person]) {
    let unchanged = Things::of(world, route, ann, "team").await;
    // Who watches or ceases to does so himself; all else here is asked for others.
    let stranger = Relation { self_: action == Action::TaskWatch, ..Relation::default() };
    for walker in walkers {
        let expected = expected(action, walker.roles, Some(Visibility::Team), stranger);
        let things =
            if expected == 200 { Things::of(world, route, ann, "team").await } else { unchanged.clone() };
        judge(&world.call(&walker.client, route, &things).await, expected, &walker.email, route);
    }
    let all = Relation { creator: true, assignee: true, watcher: false, author: true, self_: true };
    let expected = expected(action, ann.roles, Some(Visibility::Team), all);
    judge(&world.call(&ann.client, route, &unchanged).await, expected, "its creator", route);
}

/// Everybody on a private task that does not concern them: as if it were not there.
async fn hidden(world: &World, route: &Route, action: Action, ann: &Person, walkers: &[Person]) {
    let private = Things::of(world, route, ann, "private").await;
    for walker in walkers {
        let stranger = Relation { self_: action == Action::TaskWatch, ..Relation::default() };
        let expected = expected(action, walker.roles, Some(Visibility::Private), stranger);
        let answer = world.call(&walker.client, route, &private).await;
        judge(&answer, expected, &walker.email, route);
        if expected == 404 {
            let nowhere = world.call(&walker.client, route, &private.nowhere()).await;
            assert_eq!(
                told(&answer),
                told(&nowhere),
                "{} by {} tells that it is there",
                route.name,
                walker.email
            );
        }
    }
}

/// A refusal without what is the request's own.
fn told(answer: &Answer) -> Value {
    let mut body = answer.json();
    for own in ["instance", "request_id", "trace_id"] {
        body.as_object_mut().expect("a problem").remove(own);
    }
    body
}

/// Everybody on what is nobody's in particular, or on somebody else.
async fn elsewhere(world: &World, route: &Route, action: Action, ann: &Person, walkers: &[Person]) {
    let unchanged = Things::of(world, route, ann, "team").await;
    for walker in walkers {
        let expected = expected(action, walker.roles, None, Relation::default());
        let things =
            if expected == 200 { Things::of(world, route, ann, "team").await } else { unchanged.clone() };
        judge(&world.call(&walker.client, route, &things).await, expected, &walker.email, route);
    }
}

/// Everybody may do with their own things what nobody may with those of others.
async fn own_things(world: &World, route: &Route, action: Action, ann: &Person, walkers: &[Person]) {
    let oneself = Relation { self_: true, ..Relation::default() };
    if route.names_an_object() {
        let ann = ann.again().await;
        let mut anns = Things::of(world, route, &ann, "team").await;
        for walker in walkers {
            let judged =
                [oneself, Relation::default()].map(|relation| decide(action, walker.roles, None, relation));
            let expected = match judged {
                [Decision::Allow, Decision::Allow] => 200,
                // Theirs are not there for those who may have only their own.
                [Decision::Allow, _] => 404,
                _ => 403,
            };
            judge(&world.call(&walker.client, route, &anns).await, expected, &walker.email, route);
            if expected == 200 {
                anns = Things::of(world, route, &ann, "team").await;
            }
        }
    }
    for roles in [&[][..], &[Role::Member]] {
        let name = format!("{}{}", route.operation.replace('_', ""), roles.len());
        let mut person = world.person(&name, roles).await;
        if route.operation == "renew_recovery_codes" {
            person = person.equipped().await;
        }
        let things = Things::of(world, route, &person, "team").await;
        let expected = expected(action, person.roles, None, oneself);
        judge(&world.call(&person.client, route, &things).await, expected, &person.email, route);
    }
}
