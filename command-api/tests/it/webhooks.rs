//! Webhooks over HTTP: whose they are, what is shown of their secrets, where they may be.

use domain::policy::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Api, Person, World};

const WEBHOOKS: &str = "/v1/webhooks";

fn wish(url: &str) -> Value {
    json!({"url": url, "event_types": ["task.*"]})
}

impl Api {
    async fn integrator(&self, admin: &Person) -> Person {
        self.program(admin, &["webhooks:manage"]).await
    }

    async fn hook(&self, person: &Person, body: Value) -> Answer {
        let key = Uuid::now_v7().to_string();
        self.call("POST", WEBHOOKS, Some(person), body, &[("idempotency-key", &key)]).await
    }
}

#[tokio::test]
async fn a_webhook_lives() {
    let world = World::new().await;
    let api = world.public_api().await;
    let root = api.person("root", &[Role::Member, Role::Admin]).await;
    let robot = api.integrator(&root).await;
    let body = json!({
        "url": "https://hooks.example.com/in", "event_types": ["task.*", "task.*"], "filter": "priority = urgent",
        "headers": {"Authorization": "Bearer hush"}, "throttle_per_second": 5, "start": "beginning",
    });
    let made = api.hook(&robot, body.clone()).await.expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert!(made.json["secret"].as_str().unwrap().starts_with("whsec_"), "{}", made.text);
    assert_eq!((&made.json["state"], &made.json["start"]), (&json!("enabled"), &json!("beginning")));
    assert_eq!((&made.json["owner"], &made.json["event_types"]), (&json!(robot.id), &json!(["task.*"])));
    assert_eq!(made.json["headers"], json!({"authorization": "***"}));
    api.hook(&robot, body).await.refused(409, "STATE_CONFLICT");
    api.post(WEBHOOKS, Some(&robot), wish("https://a.example.com"))
        .await
        .refused(400, "IDEMPOTENCY_KEY_REQUIRED");

    let path = format!("{WEBHOOKS}/{}", made.id());
    let step = async |name: &str, body: Value| api.post(&format!("{path}/{name}"), Some(&robot), body).await;
    let paused = step("pause", json!({"reason": "moving"})).await.expect(200);
    assert_eq!((&paused.json["state"], paused.json.get("secret")), (&json!("paused"), None));
    assert_eq!(step("resume", json!({})).await.expect(200).json["state"], "enabled");
    assert!(step("test", json!({})).await.expect(202).json["test"].is_string());
    let replayed = step("replay", json!({"from": "7", "to": "9"})).await.expect(202);
    let operation = format!("/v1/operations/{}", replayed.id());
    assert_eq!(
        (replayed.header("location"), &replayed.json["state"]),
        (Some(&*operation), &json!("pending"))
    );
    assert_eq!(replayed.json["kind"], "replay_webhook");
    step("replay", json!({"from": "9", "to": "9"})).await.refused(422, "VALIDATION_FAILED");

    let edit = json!({"filter": null, "url": "https://other.example.com"});
    let edited = api.call("PATCH", &path, Some(&robot), edit, &[]).await.expect(200);
    assert_eq!((&edited.json["filter"], edited.json.get("secret")), (&Value::Null, None));
    assert_eq!(edited.json["headers"], json!({"authorization": "***"}));
    api.call("DELETE", &path, Some(&robot), json!({}), &[]).await.expect(200);
    step("resume", json!({})).await.refused(404, "NOT_FOUND");
    let told = "SELECT count(*) FROM event_store.events WHERE payload::text LIKE '%hush%' \
         OR payload::text LIKE '%whsec%'";
    let kept = "SELECT count(*) FROM event_store.command_receipts WHERE body::text LIKE '%whsec%'";
    assert_eq!((world.count(told).await, world.count(kept).await), (0, 0));
}

#[tokio::test]
async fn secrets_are_shown_once_and_rotate() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let root = one.person("root", &[Role::Member, Role::Admin]).await;
    let robot = one.integrator(&root).await;
    let key = [("idempotency-key", "k")];
    let body = wish("https://hooks.example.com/in");
    let made = one.call("POST", WEBHOOKS, Some(&robot), body.clone(), &key).await.expect(201);
    let again = two.call("POST", WEBHOOKS, Some(&robot), body, &key).await.expect(201);
    assert_eq!((again.id(), again.json.get("secret")), (made.id(), None));
    let rotate = format!("{WEBHOOKS}/{}/rotate-secret", made.id());
    two.post(&rotate, Some(&robot), json!({})).await.refused(428, "PRECONDITION_REQUIRED");
    let first = [("if-match", "\"1\"")];
    let rotated = two.call("POST", &rotate, Some(&robot), json!({}), &first).await.expect(200);
    let secrets = [&made, &rotated].map(|answer| answer.json["secret"].as_str().unwrap().to_owned());
    assert_ne!(secrets[0], secrets[1]);
    two.call("POST", &rotate, Some(&robot), json!({}), &first).await.refused(412, "PRECONDITION_FAILED");
}

#[tokio::test]
async fn of_keys_only_the_public_half_is_shown() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Member, Role::Admin]).await;
    let robot = api.integrator(&root).await;
    let body = json!({"url": "https://hooks.example.com/in", "event_types": ["task.*"], "signature": "v1a"});
    let made = api.hook(&robot, body).await.expect(201);
    let rotate = format!("{WEBHOOKS}/{}/rotate-secret", made.id());
    let any = [("if-match", "*")];
    let rotated = api.call("POST", &rotate, Some(&robot), json!({}), &any).await.expect(200);
    let keys = [&made, &rotated].map(|answer| {
        assert_eq!((&answer.json["signature"], answer.json.get("secret")), (&json!("v1a"), None));
        answer.json["public_key"].as_str().unwrap().to_owned()
    });
    assert!(keys.iter().all(|key| key.starts_with("whpk_")) && keys[0] != keys[1], "{keys:?}");
    let unknown = json!({"url": "https://b.example.com/", "event_types": ["*"], "signature": "rsa"});
    api.hook(&robot, unknown).await.refused(422, "VALIDATION_FAILED");
}

#[tokio::test]
async fn others_do_not_learn_of_a_webhook_and_operators_only_stop_it() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Member, Role::Admin]).await;
    let (robot, other) = (api.integrator(&root).await, api.integrator(&root).await);
    let operator = api.person("operator", &[Role::Operator]).await;
    let made = api.hook(&robot, wish("https://hooks.example.com/in")).await.expect(201);
    api.hook(&other, wish("https://hooks.example.com/in")).await.expect(201);
    for person in [&root, &operator] {
        api.hook(person, wish("https://b.example.com")).await.refused(403, "FORBIDDEN");
    }
    let path = format!("{WEBHOOKS}/{}", made.id());
    for (step, operated) in [("pause", 200), ("resume", 200), ("test", 202), ("rotate-secret", 403)] {
        let path = format!("{path}/{step}");
        let any = [("if-match", "*")];
        api.call("POST", &path, Some(&other), json!({}), &any).await.refused(404, "NOT_FOUND");
        api.call("POST", &path, Some(&root), json!({}), &any).await.refused(403, "FORBIDDEN");
        api.call("POST", &path, Some(&operator), json!({}), &any).await.expect(operated);
    }
    api.call("DELETE", &path, Some(&other), json!({}), &[]).await.refused(404, "NOT_FOUND");
    api.call("DELETE", &path, Some(&operator), json!({}), &[]).await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn the_system_disables_what_does_not_answer() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Member, Role::Admin]).await;
    let robot = api.integrator(&root).await;
    let made = api.hook(&robot, wish("https://hooks.example.com/in")).await.expect(201);
    let path = format!("{WEBHOOKS}/{}/disable", made.id());
    let body = json!({"reason": "gone"});
    api.post(&path, Some(&root), body.clone()).await.refused(403, "FORBIDDEN");
    let system = world.system();
    api.post(&path, Some(&system), json!({"reason": "tired"})).await.refused(422, "VALIDATION_FAILED");
    let disabled = api.post(&path, Some(&system), body).await.expect(200);
    assert_eq!(
        (&disabled.json["state"], &disabled.json["disabled_reason"]),
        (&json!("disabled"), &json!("gone"))
    );
    // It makes and changes none.
    api.hook(&system, wish("https://b.example.com")).await.refused(403, "FORBIDDEN");
}

/// Attack 85: what could be inside is refused before anybody is asked what it is.
#[tokio::test]
async fn only_addresses_outside_are_called() {
    let world = World::new().await;
    let api = world.public_api().await;
    let root = api.person("root", &[Role::Member, Role::Admin]).await;
    let robot = api.integrator(&root).await;
    for url in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://metadata.google.internal/",
        "https://nats/",
        "https://u:p@example.com/",
        "https://example.com:6379/",
        "file:///etc/passwd",
        "https://example.com#@10.0.0.1/",
    ] {
        let refused = api.hook(&robot, wish(url)).await.refused(422, "VALIDATION_FAILED");
        assert_eq!(refused.violations()[0].0, "/url", "{url}");
    }
}

/// Attacks 85 to 87: an installation for one machine opens single hosts inside, and the port is the operator's choice.
#[tokio::test]
async fn what_is_inside_is_called_where_the_operator_allows_it() {
    let world = World::new().await;
    let near = world.api().await;
    let root = near.person("root", &[Role::Member, Role::Admin]).await;
    let robot = near.integrator(&root).await;
    let open = world.api_set(&["--outbound-allow", "127.0.0.1:9000-9009,receiver:80"]).await;
    for url in [
        "http://127.0.0.1:9000/",
        "http://[::1]:9000/",
        "http://10.0.0.1/",
        "http://192.168.1.1:443/",
        "http://169.254.169.254:443/latest/meta-data",
        "http://[fd00:ec2::254]:443/",
        "http://localhost:9000/",
        "http://receiver/",
    ] {
        let refused = near.hook(&robot, wish(url)).await.refused(422, "VALIDATION_FAILED");
        assert_eq!(refused.violations()[0].0, "/url", "{url}");
    }
    for url in
        ["http://127.0.0.1:9000/", "http://127.0.0.1:9009/", "http://localhost:9000/", "http://receiver/"]
    {
        open.hook(&robot, wish(url)).await.expect(201);
    }
    for url in ["http://127.0.0.1:8999/", "http://127.0.0.2:9000/", "http://169.254.169.254:9000/"] {
        open.hook(&robot, wish(url)).await.refused(422, "VALIDATION_FAILED");
    }
    let ports = ["--public-url", "https://tasks.example.com", "--outbound-ports", "443,8443"];
    let public = world.api_set(&ports).await;
    let robot = public.integrator(&public.person("admin", &[Role::Member, Role::Admin]).await).await;
    public.hook(&robot, wish("https://hooks.example.com:8443/")).await.expect(201);
    public.hook(&robot, wish("https://hooks.example.com:9443/")).await.refused(422, "VALIDATION_FAILED");
}

#[tokio::test]
async fn nobody_has_more_than_a_hundred_webhooks() {
    let world = World::new().await;
    let api = world.public_api().await;
    let root = api.person("root", &[Role::Member, Role::Admin]).await;
    let (robot, other) = (api.integrator(&root).await, api.integrator(&root).await);
    let hook = async |robot, number: u32| {
        api.hook(robot, wish(&format!("https://hooks.example.com/{number}"))).await
    };
    let first = hook(&robot, 0).await.expect(201);
    for number in 1..100 {
        hook(&robot, number).await.expect(201);
    }
    let refused = hook(&robot, 100).await.refused(422, "LIMIT_REACHED");
    assert_eq!(refused.json["max"], 100);
    hook(&other, 100).await.expect(201);
    let path = format!("{WEBHOOKS}/{}", first.id());
    api.call("DELETE", &path, Some(&robot), json!({}), &[]).await.expect(200);
    hook(&robot, 100).await.expect(201);
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_said_at_once() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Member, Role::Admin]).await;
    let robot = api.integrator(&root).await;
    let bad = json!({
        "event_types": [], "filter": "assignee = me", "mode": "x", "ordering": "x", "throttle_per_second": 0,
        "headers": {"Host": "x"}, "start": "then", "description": "a\u{0}", "secret": "mine", "url": 7,
    });
    let refused = api.hook(&robot, bad).await.refused(422, "VALIDATION_FAILED");
    let found: Vec<_> =
        refused.violations().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
    let expected = [
        "/description CONTROL_CHARACTER",
        "/event_types TOO_FEW",
        "/filter INVALID_FILTER",
        "/headers MALFORMED",
        "/mode UNKNOWN_VALUE",
        "/ordering UNKNOWN_VALUE",
        "/secret UNKNOWN_FIELD",
        "/start MALFORMED",
        "/throttle_per_second OUT_OF_RANGE",
        "/url WRONG_TYPE",
    ];
    assert_eq!(found, expected);
}
