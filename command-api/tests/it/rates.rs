//! Limits on the real routes; how they count is tested in `service`.

use domain::policy::Role;
use serde_json::json;

use crate::{
    api::{Answer, Api, Person, World, request},
    api_keys::wish,
};

/// Without coming back when told to.
async fn once(api: &Api, path: &str, person: Option<&Person>, body: serde_json::Value, key: &str) -> Answer {
    api.send(request("POST", path, person, &body.to_string(), &[("idempotency-key", key)])).await
}

#[tokio::test]
async fn a_batch_weighs_as_much_as_its_commands() {
    let world = World::new().await;
    let api = world.limited_api("write=20/h,login=1000/min").await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let batch = json!({"commands": vec![json!({"op": "create", "data": {"title": "t"}}); 15]});
    let done = once(&api, "/v1/tasks/batch", Some(&ann), batch.clone(), "1").await.expect(200);
    assert_eq!(done.header("ratelimit-policy"), Some("\"write\";q=20;w=3600"));
    assert!(done.header("ratelimit").unwrap().starts_with("\"write\";r=5;t="));
    let refused = once(&api, "/v1/tasks/batch", Some(&ann), batch.clone(), "2").await;
    let refused = refused.refused(429, "RATE_LIMITED");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 1000);
    assert_eq!(
        world.count("SELECT count(*) FROM event_store.events WHERE aggregate_type = 'task'").await,
        15
    );
    // What was done already is told again for the weight of one.
    once(&api, "/v1/tasks/batch", Some(&ann), batch.clone(), "1").await.expect(200);
    once(&api, "/v1/tasks/batch", Some(&bob), batch, "1").await.expect(200);
}

#[tokio::test]
async fn a_key_is_counted_by_itself_and_may_have_a_rate() {
    let world = World::new().await;
    let api = world.limited_api("write=4/h,login=1000/min").await;
    let admin = api.person("root", &[Role::Admin, Role::Member]).await;
    let make = async |rate: Option<u32>, key: &str| {
        let mut body = wish(&["tasks:write"]);
        if let Some(rate) = rate {
            body["rate_per_minute"] = json!(rate);
        }
        let made = once(&api, "/v1/api-keys", Some(&admin), body, key).await.expect(201);
        assert_eq!(made.json["rate_per_minute"], json!(rate));
        Person { id: admin.id, token: made.json["key"].as_str().unwrap().to_owned() }
    };
    let (plain, slow, fast) = (make(None, "1").await, make(Some(1), "2").await, make(Some(3000), "3").await);
    let task = async |person: &Person, key: &str| {
        once(&api, "/v1/tasks", Some(person), json!({"title": "t"}), key).await
    };
    task(&admin, "a").await.expect(201);
    task(&admin, "b").await.refused(429, "RATE_LIMITED");
    let first = task(&plain, "c").await.expect(201);
    assert_eq!(first.header("ratelimit-policy"), Some("\"write\";q=4;w=3600"));
    task(&slow, "d").await.expect(201);
    let refused = task(&slow, "e").await.refused(429, "RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"write\";q=1;w=60"));
    let answer = task(&fast, "f").await.expect(201);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"write\";q=3000;w=60"));
    let list = api.call("GET", "/v1/api-keys", Some(&admin), json!({}), &[]).await.expect(200);
    let rates: Vec<_> =
        list.json["items"].as_array().unwrap().iter().map(|key| &key["rate_per_minute"]).collect();
    assert_eq!(rates, [&json!(3000), &json!(1), &json!(null)]);
}

#[tokio::test]
async fn wrong_passwords_take_nothing_from_whoever_is_in() {
    let world = World::new().await;
    let api = world.limited_api("login=3/h,refresh=1/h").await;
    let ann = api.member("ann").await;
    let wrong = json!({"email": "ann@example.org", "password": "not this one, surely"});
    once(&api, "/v1/auth/login", None, wrong.clone(), "k").await.refused(401, "INVALID_CREDENTIALS");
    once(&api, "/v1/auth/login", None, wrong.clone(), "k").await.refused(401, "INVALID_CREDENTIALS");
    let refused = once(&api, "/v1/auth/login", None, wrong, "k").await.refused(429, "RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"login\";q=3;w=3600"));
    assert!(refused.header("ratelimit").unwrap().starts_with("\"login\";r=0;t="));
    once(&api, "/v1/auth/register", None, json!({}), "k").await.refused(429, "RATE_LIMITED");
    once(&api, "/v1/auth/refresh", None, json!({}), "k").await.refused(401, "TOKEN_INVALID");
    once(&api, "/v1/auth/refresh", None, json!({}), "k").await.refused(429, "RATE_LIMITED");
    once(&api, "/v1/tasks", Some(&ann), json!({"title": "t"}), "k").await.expect(201);
}
