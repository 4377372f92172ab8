//! The keys that sign access tokens: another one every month, or at once when one was stolen.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use command_api::auth::{
    KeyState::{self, Current, Next, Retiring},
    SigningKeys,
};
use serde_json::{Value, json};

use crate::api::{Answer, Api, PASSWORD, Person, World, request};

/// Two seconds and the eight of an emergency, on a machine that is ten times slower.
const FELT: Duration = Duration::from_secs(100);

impl World {
    /// Makes all keys look as if this much time had passed.
    async fn age_keys(&self, span: TimeDelta) {
        let sql = "UPDATE event_store.signing_keys SET created_at = created_at - $1, use_from = use_from - $1, \
             retired_at = retired_at - $1";
        sqlx::query(sql).bind(span).execute(&self.owner).await.unwrap();
    }
}

impl Api {
    async fn published(&self) -> Vec<String> {
        let answer = self.send(request("GET", "/.well-known/jwks.json", None, "", &[])).await.expect(200);
        let keys = answer.json["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    async fn look(&self, person: &Person) -> Answer {
        self.call("GET", "/v1/auth/sessions", Some(person), json!({}), &[]).await
    }

    /// Logs in, as soon as there is a key that signs.
    async fn log_in_patiently(&self) -> Person {
        let body = json!({"email": "ann@example.org", "password": PASSWORD});
        let answer = self.post("/v1/auth/login", None, body).await.expect(200);
        let id = answer.json["user"]["id"].as_str().unwrap().parse().unwrap();
        Person { id, token: answer.json["access_token"].as_str().unwrap().to_owned() }
    }
}

async fn states(keys: &SigningKeys, now: DateTime<Utc>) -> Vec<KeyState> {
    keys.list(now).await.unwrap().iter().map(|key| key.state).collect()
}

fn kid(person: &Person) -> String {
    let header = URL_SAFE_NO_PAD.decode(person.token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Times are given, so a month passes in a moment.
#[tokio::test]
async fn keys_come_and_go() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.keys(), world.keys());
    let begun = Utc::now();
    let at = |days: i64, hours: i64| begun + TimeDelta::days(days) + TimeDelta::hours(hours);
    for (now, states) in [
        (at(28, 0), vec![Current]),
        (at(28, 22), vec![Current]),
        (at(28, 23), vec![Current, Next]),
        (at(29, 23), vec![Current, Next]),
        (at(30, 0), vec![Retiring, Current]),
        (at(30, 2), vec![Current]),
        (at(59, 0), vec![Current, Next]),
    ] {
        // Both come at once; one key is made.
        let renewed = tokio::join!(one.renew(now), two.renew(now));
        renewed.0.unwrap();
        renewed.1.unwrap();
        assert_eq!(self::states(&one, now).await, states, "{now}");
        two.renew(now).await.unwrap();
        assert_eq!((one.jwks(), one.public().unwrap().keys.len()), (two.jwks(), states.len()));
    }
}

#[tokio::test]
async fn tokens_outlive_the_change_of_keys() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let before = one.member("ann").await;
    world.age_keys(TimeDelta::days(29)).await;
    one.inside.renew_keys(Utc::now()).await.unwrap();
    assert_eq!(kid(&one.log_in_patiently().await), kid(&before), "the next key does not sign yet");
    world.age_keys(TimeDelta::minutes(25 * 60 + 30)).await;
    one.inside.renew_keys(Utc::now()).await.unwrap();
    two.inside.renew_keys(Utc::now()).await.unwrap();
    let after = one.log_in_patiently().await;
    assert_ne!(kid(&after), kid(&before));
    for person in [&before, &after] {
        two.look(person).await.expect(200);
    }
    world.age_keys(TimeDelta::hours(2)).await;
    two.inside.renew_keys(Utc::now()).await.unwrap();
    two.look(&before).await.refused(401, "TOKEN_INVALID");
    two.look(&after).await.expect(200);
}

#[tokio::test]
async fn an_operator_makes_the_next_key_once() {
    let world = World::new().await;
    let keys = world.keys().await;
    let now = Utc::now();
    for _ in 0..2 {
        keys.rotate(now).await.unwrap();
        assert_eq!(states(&keys, now).await, [Current, Next]);
    }
    let both = keys.list(now).await.unwrap();
    assert!(both[1].use_from - now >= TimeDelta::hours(24));
    // A key that is dropped before its time leaves the present one as it was.
    keys.drop_key(&both[1].kid, now).await.unwrap();
    let left = keys.list(now).await.unwrap();
    assert_eq!((left.len(), &left[0].kid, left[0].retired_at), (1, &both[0].kid, None));
    let refused = keys.drop_key("nobody's", now).await;
    assert!(refused.unwrap_err().to_string().contains("nobody's"));
}

/// What becomes of keys is no event of anybody's, and still must be known.
#[tokio::test]
async fn every_change_of_keys_is_in_the_audit_log() {
    let world = World::new().await;
    let rows = async || {
        let sql = "SELECT jsonb_build_array(actor_type, action, target_id, request_id) FROM event_store.audit_log \
             WHERE target_type = 'signing_key' ORDER BY id";
        sqlx::query_scalar::<_, Value>(sql).fetch_all(&world.owner).await.unwrap()
    };
    let begun = Utc::now();
    let keys = world.keys().await;
    keys.renew(begun + TimeDelta::days(29)).await.unwrap();
    keys.renew(begun + TimeDelta::days(29)).await.unwrap();
    let kids: Vec<_> =
        keys.list(begun + TimeDelta::days(29)).await.unwrap().into_iter().map(|key| key.kid).collect();
    let later = begun + TimeDelta::days(31);
    keys.rotate(later).await.unwrap();
    let third = keys.list(later).await.unwrap().pop().unwrap().kid;
    keys.drop_key(&kids[1], later).await.unwrap();
    keys.drop_key(&third, later).await.unwrap();
    keys.drop_key("nobody's", later).await.unwrap_err();
    let fourth = keys.list(later).await.unwrap().pop().unwrap().kid;
    let rows = rows().await;
    let gist: Vec<_> =
        rows.iter().map(|row| [&row[0], &row[1], &row[2]].map(|text| text.as_str().unwrap())).collect();
    let expected = [
        ["system", "keys.rotate", &kids[0]],
        ["system", "keys.rotate", &kids[1]],
        ["operator", "keys.rotate", &third],
        ["operator", "keys.drop", &kids[1]],
        ["operator", "keys.advance", &third],
        ["operator", "keys.drop", &third],
        ["operator", "keys.rotate", &fourth],
    ];
    assert_eq!(gist, expected);
    // What was done in one go is told as one.
    assert!(rows[3][3] == rows[4][3] && rows[5][3] == rows[6][3] && rows[3][3] != rows[5][3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_dropped_key_are_refused_everywhere() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    for next_is_there in [false, true] {
        let ann = if next_is_there { one.log_in_patiently().await } else { one.member("ann").await };
        two.look(&ann).await.expect(200);
        if next_is_there {
            world.keys().await.rotate(Utc::now()).await.unwrap();
        }
        // As the operator's command does it, in a process of its own.
        let begun = Instant::now();
        world.keys().await.drop_key(&kid(&ann), Utc::now()).await.unwrap();
        for api in [&one, &two] {
            while api.look(&ann).await.status == 200 {
                assert!(begun.elapsed() < FELT, "the stolen key is still good");
            }
            api.look(&ann).await.refused(401, "TOKEN_INVALID");
        }
        let now = loop {
            // The replicas take the new key up by themselves.
            let now = one.log_in_patiently().await;
            if one.published().await.contains(&kid(&now)) && two.look(&now).await.status == 200 {
                break now;
            }
            assert!(begun.elapsed() < FELT, "no other key signs");
        };
        assert_ne!(kid(&now), kid(&ann));
        assert!(!two.published().await.contains(&kid(&ann)));
    }
    let kept =
        "SELECT count(*) FROM event_store.signing_keys WHERE dropped_at IS NOT NULL AND private_key <> ''";
    assert_eq!(world.count(kept).await, 0);
}
