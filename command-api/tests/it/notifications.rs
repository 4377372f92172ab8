//! What people want to be told, and the devices it is pushed to.

use domain::policy::Role;
use serde_json::{Value, json};

use crate::api::{Answer, Api, Person, World, request};

const PREFERENCES: &str = "/v1/notification-preferences";
const DEVICES: &str = "/v1/users/me/devices";

impl Api {
    async fn wish(&self, person: &Person, body: Value) -> Answer {
        self.call("PUT", PREFERENCES, Some(person), body, &[]).await
    }

    async fn have_device(&self, person: &Person, token: &str) -> Answer {
        self.post(DEVICES, Some(person), json!({"platform": "web", "token": token})).await
    }

    async fn devices(&self, person: &Person) -> Vec<Value> {
        let listed = self.call("GET", DEVICES, Some(person), Value::Null, &[]).await.expect(200);
        listed.json["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn wishes_are_set_all_at_once() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let body = json!({
        "channels": {"comment": {"email": "now", "push": "off"}}, "quiet_hours": {"from": "22:00", "to": "07:30"},
        "time_zone": "Asia/Seoul",
    });
    let set = api.wish(&ann, body.clone()).await.expect(200);
    let channels = &set.json["channels"];
    assert_eq!(channels["comment"], json!({"email": "now", "push": "off", "inbox": "now"}));
    assert_eq!(channels["status"]["email"], "digest");
    assert_eq!((&set.json["digest_time"], &set.json["time_zone"]), (&json!("08:00"), &json!("Asia/Seoul")));
    assert_eq!(api.wish(&ann, body).await.expect(200).version(), set.version());
    let cleared = api.wish(&ann, json!({})).await.expect(200);
    assert_eq!((&cleared.json["quiet_hours"], &cleared.json["time_zone"]), (&Value::Null, &json!("UTC")));
    assert_eq!(cleared.json["channels"]["comment"]["email"], "digest");
}

#[tokio::test]
async fn wishes_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let refused = async |body: Value| {
        let answer = api.wish(&ann, body).await.refused(422, "VALIDATION_FAILED");
        answer.violations().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect::<Vec<_>>()
    };
    let bad = json!({
        "channels": {"comment": {"email": "weekly", "fax": "now"}, "weather": {}}, "quiet_hours": {"from": "24:00"},
        "time_zone": "Seoul", "digest_time": "8", "more": 1,
    });
    let expected = [
        "/channels/comment/email UNKNOWN_VALUE",
        "/channels/comment/fax UNKNOWN_FIELD",
        "/channels/weather UNKNOWN_FIELD",
        "/digest_time MALFORMED",
        "/more UNKNOWN_FIELD",
        "/quiet_hours/from MALFORMED",
        "/quiet_hours/to REQUIRED",
        "/time_zone MALFORMED",
    ];
    assert_eq!(refused(bad).await, expected);
    let odd =
        json!({"channels": {"due": {"push": "digest"}}, "quiet_hours": {"from": "08:00", "to": "08:00"}});
    assert_eq!(refused(odd).await, ["/channels/due/push MALFORMED", "/quiet_hours/to MALFORMED"]);
}

#[tokio::test]
async fn a_device_is_one_persons_at_a_time() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let (ann, bob) = (one.member("ann").await, one.member("bob").await);
    let made = one.have_device(&ann, "phone-1").await.expect(201);
    let again = one.have_device(&ann, "phone-1").await.expect(200);
    assert_eq!((again.id(), again.version()), (made.id(), made.version()));
    one.have_device(&ann, "phone-2").await.expect(201);

    two.have_device(&bob, "phone-1").await.expect(201);
    assert_eq!((two.devices(&ann).await.len(), two.devices(&bob).await.len()), (1, 1));
    let path = format!("{DEVICES}/{}", made.id());
    two.call("DELETE", &path, Some(&ann), Value::Null, &[]).await.refused(404, "NOT_FOUND");
    two.call("DELETE", &path, Some(&bob), Value::Null, &[]).await.refused(404, "NOT_FOUND");

    let bobs = two.devices(&bob).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("{DEVICES}/{bobs}");
    let gone = one.call("DELETE", &path, Some(&bob), json!({}), &[]).await.expect(204);
    assert_eq!((gone.text.as_str(), gone.header("content-type")), ("", None));
    one.have_device(&ann, "phone-1").await.expect(201);
    let clear = "SELECT count(*) FROM event_store.events WHERE payload::text LIKE '%phone%'";
    assert_eq!(world.count(clear).await, 0);
}

#[tokio::test]
async fn a_device_that_has_lost_the_app_is_removed_by_the_system() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let root = api.person("root", &[Role::Admin]).await;
    let phone = api.have_device(&ann, "phone-1").await.expect(201).id();
    api.have_device(&ann, "phone-2").await.expect(201);
    let path = format!("/v1/users/{}/devices/{phone}", ann.id);
    let remove = async |who: &Person, key: &str| {
        api.call("DELETE", &path, Some(who), Value::Null, &[("idempotency-key", key)]).await
    };
    remove(&bob, "1").await.refused(403, "FORBIDDEN");
    for _ in 0..2 {
        remove(&world.system(), "delivery").await.expect(204);
    }
    assert_eq!(api.devices(&ann).await.len(), 1);
    let removed = "SELECT count(*) FROM event_store.events WHERE event_type = 'user.device_removed'
        AND payload ->> 'why' = 'unregistered' AND metadata ->> 'actor_type' = 'system'";
    assert_eq!(world.count(removed).await, 1);
    for who in [&world.system(), &root, &ann] {
        remove(who, "again").await.refused(404, "NOT_FOUND");
    }
    // What the device was called is free for others, and admins may do the same.
    let bobs = api.have_device(&bob, "phone-1").await.expect(201).id();
    let path = format!("/v1/users/{}/devices/{bobs}", bob.id);
    api.call("DELETE", &path, Some(&ann), Value::Null, &[]).await.refused(403, "FORBIDDEN");
    api.call("DELETE", &path, Some(&root), Value::Null, &[]).await.expect(204);
    assert_eq!((api.devices(&bob).await.len(), world.count(removed).await), (0, 1));
}

#[tokio::test]
async fn what_is_no_device_is_refused() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    for (body, expected) in [
        (json!({}), vec!["/platform REQUIRED", "/token REQUIRED"]),
        (json!({"platform": "fax", "token": "a b"}), vec!["/platform UNKNOWN_VALUE", "/token MALFORMED"]),
        (json!({"platform": "web", "token": "x".repeat(4097)}), vec!["/token TOO_MANY_BYTES"]),
    ] {
        let answer = api.post(DEVICES, Some(&ann), body).await.refused(422, "VALIDATION_FAILED");
        let found: Vec<_> =
            answer.violations().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
        assert_eq!(found, expected);
    }
    for n in 0..20 {
        api.have_device(&ann, &format!("token-{n}")).await.expect(201);
    }
    api.have_device(&ann, "token-20").await.refused(409, "STATE_CONFLICT");
}

#[tokio::test]
async fn a_mail_brings_the_end_of_such_mails_which_looking_does_not() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let before = api.wish(&ann, json!({})).await.expect(200);
    let token = world.mail_tokens().write_unsubscribe(ann.id, "mention");
    let path = format!("/auth/unsubscribe/{token}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let send = async |method, path: &str, body| api.send(request(method, path, None, body, &form)).await;
    let page = send("GET", &path, "").await.expect(200);
    assert!(page.text.contains("<form method=\"post\">") && !page.text.contains(&token), "{}", page.text);
    assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    send("POST", &path, "yes=1").await.expect(422);
    assert_eq!(api.wish(&ann, json!({})).await.expect(200).version(), before.version());
    for _ in 0..2 {
        send("POST", &path, "List-Unsubscribe=One-Click").await.expect(200);
    }
    let wishes = json!({"channels": {"mention": {"email": "off"}}});
    let after = api.wish(&ann, wishes).await.expect(200);
    assert_eq!(after.version(), before.version() + 1);
    for token in
        ["tlm_AAAA", &token[..token.len() - 2], &world.mail_tokens().write_unsubscribe(ann.id, "weather")]
    {
        let path = format!("/auth/unsubscribe/{token}");
        send("GET", &path, "").await.expect(404);
        send("POST", &path, "List-Unsubscribe=One-Click").await.expect(404);
    }
}
