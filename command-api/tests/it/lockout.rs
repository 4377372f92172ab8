//! Passwords that are tried: how many are looked at, who is told, who may still come in.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Api, PASSWORD, Person, World, request};

const WRONG: &str = "tempest over kiwj";
/// Nothing here takes this long; it only bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

impl Api {
    /// One try. Tells a busy server to try again, and takes no for an answer.
    async fn try_password(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password}).to_string();
        loop {
            let answer = self.send(request("POST", "/v1/auth/login", None, &body, &[])).await;
            if answer.status != 503 {
                return answer;
            }
        }
    }

    /// Wrong passwords until none is looked at any more; how many were, and for how long none will be.
    async fn lock(&self, email: &str) -> (usize, u64) {
        for looked_at in 0.. {
            let answer = self.try_password(email, WRONG).await;
            if answer.status == 429 {
                return (looked_at, answer.refused(429, "RATE_LIMITED").seconds());
            }
            answer.refused(401, "INVALID_CREDENTIALS");
        }
        unreachable!("it ends or goes on")
    }
}

impl Answer {
    fn seconds(&self) -> u64 {
        self.header("retry-after").unwrap().parse().unwrap()
    }

    /// All that the client sees but what is the request's own.
    fn seen(self) -> (u16, Value, BTreeMap<String, String>) {
        let mut body = self.json.clone();
        for unique in ["request_id", "trace_id"] {
            body.as_object_mut().unwrap().remove(unique);
        }
        let own = ["x-request-id", "retry-after"];
        let headers = self.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        (self.status.as_u16(), body, headers.filter(|(name, _)| name != "content-length").collect())
    }
}

impl World {
    /// Makes all tries look as if this much time had passed.
    async fn age_tries(&self, span: &str) {
        let sql = "UPDATE event_store.login_tries SET \
             tried_at = ARRAY(SELECT at - $1::text::interval FROM unnest(tried_at) at), \
             last_at = last_at - $1::text::interval, locked_until = locked_until - $1::text::interval, \
             told_at = told_at - $1::text::interval";
        sqlx::query(sql).bind(span).execute(&self.owner).await.unwrap();
    }

    /// The end of all pauses.
    pub(crate) async fn unlock(&self) {
        let sql = "UPDATE event_store.login_tries SET locked_until = clock_timestamp()";
        sqlx::query(sql).execute(&self.owner).await.unwrap();
    }

    /// What was put on record about somebody, once there is as much as is expected.
    async fn recorded(&self, person: Uuid, kind: &str, expected: usize) -> Vec<Value> {
        let sql = "SELECT payload::jsonb FROM event_store.events \
             WHERE aggregate_id = $1 AND event_type = $2 ORDER BY position";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let query = sqlx::query_scalar(sql).bind(person.to_string()).bind(kind);
            let recorded: Vec<Value> = query.fetch_all(&self.owner).await.unwrap();
            if recorded.len() >= expected {
                return recorded;
            }
            assert!(Instant::now() < deadline, "{kind}: {recorded:?}");
        }
    }
}

#[tokio::test]
async fn after_five_wrong_passwords_none_is_looked_at_for_a_while() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let inside = api.try_password("ann@example.org", PASSWORD).await.expect(200);
    let (looked_at, seconds) = api.lock("ann@example.org").await;
    assert_eq!(looked_at, 5);
    assert!((30..=60).contains(&seconds), "{seconds}");
    let refused = api.try_password(" Ann@EXAMPLE.org", PASSWORD).await.refused(429, "RATE_LIMITED");
    // Nobody learns from it who is known here.
    for other in ["nobody@example.org", "no address"] {
        assert_eq!(api.lock(other).await.0, 5, "{other}");
        let unknown = api.try_password(other, PASSWORD).await.refused(429, "RATE_LIMITED");
        assert!(unknown.seconds().abs_diff(refused.seconds()) <= 60);
        let refused = api.try_password("ann@example.org", PASSWORD).await;
        assert_eq!(unknown.seen(), refused.seen());
    }
    // Whoever is in stays in.
    let token = inside.json["access_token"].as_str().unwrap().to_owned();
    let ann = Person { id: inside.json["user"]["id"].as_str().unwrap().parse().unwrap(), token };
    api.task(&ann, json!({"title": "t"})).await;
    let refresh = json!({"refresh_token": inside.json["refresh_token"]});
    api.post("/v1/auth/refresh", None, refresh).await.expect(200);
    // Others are not touched, and in the end the person comes in, who had a typo or two.
    api.member("bob").await;
    world.unlock().await;
    api.try_password("ann@example.org", WRONG).await.refused(401, "INVALID_CREDENTIALS");
    api.try_password("ann@example.org", PASSWORD).await.expect(200);
    assert_eq!(api.lock("ann@example.org").await.0, 5);
}

#[tokio::test]
async fn each_further_time_is_twice_as_long_up_to_a_quarter_of_an_hour() {
    let world = World::new().await;
    let api = world.api().await;
    for minutes in [1, 2, 4, 8, 15, 15] {
        let (looked_at, seconds) = api.lock("nobody@example.org").await;
        assert_eq!(looked_at, 5);
        assert!(seconds <= minutes * 60 && seconds > minutes * 60 - 30, "{seconds} s, not {minutes} min");
        world.unlock().await;
    }
    // After a quiet day it begins again.
    world.age_tries("1 day").await;
    assert!(api.lock("nobody@example.org").await.1 <= 60);
}

#[tokio::test]
async fn only_the_last_quarter_of_an_hour_counts() {
    let world = World::new().await;
    let api = world.api().await;
    let wrong =
        async || api.try_password("nobody@example.org", WRONG).await.refused(401, "INVALID_CREDENTIALS");
    for _ in 0..10 {
        wrong().await;
        world.age_tries("4 minutes").await;
    }
    for _ in 0..2 {
        wrong().await;
    }
    assert_eq!(api.try_password("nobody@example.org", WRONG).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_at_once_no_more_are_looked_at() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    one.member("ann").await;
    for email in ["ann@example.org", "nobody@example.org"] {
        let all = (0..100).map(|index| if index % 2 == 0 { &one } else { &two }.try_password(email, WRONG));
        let statuses: Vec<u16> = join_all(all).await.iter().map(|answer| answer.status.as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 95, "{statuses:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_at_once_lock_nobody_out() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    for answer in join_all((0..12).map(|_| api.try_password("ann@example.org", PASSWORD))).await {
        answer.expect(200);
    }
    assert_eq!(world.count("SELECT count(*) FROM event_store.login_tries").await, 0);
}

#[tokio::test]
async fn the_person_is_told_at_the_third_and_of_every_lock() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    for _ in 0..2 {
        api.try_password("ann@example.org", WRONG).await;
    }
    assert!(world.recorded(ann.id, "user.logins_failed", 0).await.is_empty());
    api.try_password("ann@example.org", WRONG).await;
    let told = world.recorded(ann.id, "user.logins_failed", 1).await;
    assert_eq!(told[0]["count"], 3);
    assert!(told[0]["tried_from"].as_str().unwrap().starts_with(&format!("s1.{}.", ann.id)), "{told:?}");
    for lock in 1..=3 {
        api.lock("ann@example.org").await;
        assert!(world.recorded(ann.id, "user.locked", lock).await[lock - 1]["until"].is_string());
        world.unlock().await;
    }
    assert_eq!(world.recorded(ann.id, "user.locked", 3).await.len(), 3);
    assert_eq!(world.recorded(ann.id, "user.logins_failed", 1).await.len(), 1);
    world.age_tries("15 minutes").await;
    api.lock("ann@example.org").await;
    assert_eq!(world.recorded(ann.id, "user.logins_failed", 2).await.len(), 2);
    // Of those whom nobody knows there is nothing to tell.
    api.lock("nobody@example.org").await;
    let sql = "SELECT count(DISTINCT aggregate_id) FROM event_store.events \
         WHERE event_type IN ('user.logins_failed', 'user.locked')";
    assert_eq!(world.count(sql).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_tells_nobody_who_is_known_here() {
    const ROUNDS: usize = 15;
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..ROUNDS {
        // A lock would answer both at once.
        sqlx::query("DELETE FROM event_store.login_tries").execute(&world.owner).await.unwrap();
        for (email, times) in ["ann@example.org", "nobody@example.org"].into_iter().zip(&mut times) {
            let begun = Instant::now();
            api.try_password(email, WRONG).await.refused(401, "INVALID_CREDENTIALS");
            times.push(begun.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64()
    });
    // Without the same work for both it would be ten times as long for one.
    assert!((0.5..2.0).contains(&(known / unknown)), "{known} s known, {unknown} s unknown");
}
