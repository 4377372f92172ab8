//! How those who acted had proved who they are, through which proxies they came, and which process answered.

use serde_json::{Value, json};

use super::office::{Office, text};
use crate::client::PASSWORD;

/// From behind two proxies of ours; the third name is what the client says of itself.
const FORWARDED: (&str, &str) = ("x-forwarded-for", "127.0.0.66, 203.0.113.7, 127.0.0.9");

async fn office() -> Office {
    Office::open_with(|command| {
        command.env("NODE_NAME", "desk-1").env("TRUSTED_PROXIES", "127.0.0.0/8");
    })
    .await
}

impl Office {
    /// The one record that there is then.
    async fn record(&self, query: &str) -> Value {
        self.finds(&format!("/v1/audit/records?{query}"), |items| items.len() == 1).await.remove(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_say_how_somebody_had_come_in() {
    let office = office().await;
    let task = office.task().await;
    let ann = &office.ann;
    let by_password = json!({"method": "password", "amr": ["pwd"], "key_id": null});
    // What is no event, the login, is recorded a little later.
    let of_task = format!("/v1/audit/records?target={task}&action=task.created");
    let made =
        office.finds(&of_task, |items| items.len() == 1 && !items[0]["auth"].is_null()).await.remove(0);
    assert_eq!((&made["auth"], &made["node"]), (&by_password, &json!("desk-1")));
    assert!(made["app_version"].as_str().is_some_and(|version| !version.is_empty()), "{made}");
    let login = format!("actor={}&action=auth.login&session={}", ann.id, ann.session());
    let login = office.record(&login).await;
    assert_eq!((&login["auth"], &login["node"]), (&by_password, &json!("desk-1")));
    assert_eq!(login["app_version"], made["app_version"]);
    // What did not suffice.
    office.log_in("not her password", "Curious/1").await.expect(401);
    let failed = office.record("action=auth.login&outcome=failure").await;
    assert_eq!(failed["auth"], json!({"method": "password", "amr": [], "key_id": null}));
    // Proving anew who one is is an act too.
    office.does(&ann.client, "POST", "/v1/auth/reauthenticate", json!({"password": PASSWORD})).await;
    let anew = office.record(&format!("actor={}&action=auth.reauthenticate", ann.id)).await;
    assert_eq!((&anew["auth"], &anew["outcome"]), (&by_password, &json!("success")));
    // A program with its key: what it did, and what it was refused.
    let robot = office.world.program().await;
    let by_key = json!({"method": "api_key", "amr": [], "key_id": robot.session()});
    office.does(&robot.client, "POST", "/v1/tasks", json!({"title": "By itself"})).await;
    let done = office.record(&format!("actor={}&action=task.created", robot.id)).await;
    office.world.ask(&robot.client, "GET", "/v1/audit/records", None).await.expect(403);
    let refused = office.record(&format!("actor={}&outcome=denied", robot.id)).await;
    for record in [done, refused] {
        assert_eq!((&record["auth"], &record["actor"]["type"]), (&by_key, &json!("service_account")));
    }
    // Nobody had to prove that the system is the system, and a stranger has proved nothing.
    office.world.ask(&office.world.stranger(), "GET", "/v1/tasks", None).await.expect(401);
    let stranger = office.record("action=tasks.list_tasks&actor=none").await;
    assert_eq!(stranger["auth"], Value::Null);
    office.world.end();
}

/// Whoever is in: by what the record of this act says that it was, and the record of a task that they make then.
async fn in_by(office: &Office, login: &Value, action: &str, expected: &Value) {
    let session = text(&login["session_id"]);
    let client = office.world.stranger().showing(login["access_token"].as_str().expect("they are in"));
    office.does(&client, "POST", "/v1/tasks", json!({"title": "Roof"})).await;
    for action in [action, "task.created"] {
        let record = office.record(&format!("session={session}&action={action}")).await;
        assert_eq!((&record["auth"], &record["outcome"]), (expected, &json!("success")), "{action}");
        assert_eq!(record["actor"]["id"], login["user"]["id"], "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_say_whether_somebody_came_in_outside_and_with_a_second_factor() {
    let office = office().await;
    let (world, ann) = (&office.world, &office.ann);
    let by = |method: &str, amr: &[&str]| json!({"method": method, "amr": amr, "key_id": null});
    let outside = world.enters_outside(ann).await;
    in_by(&office, &outside, "auth.oidc_token", &by("oidc", &["fed"])).await;
    // From now on each way has a second step; the first alone proves nothing to the end.
    let authenticator = ann.equip().await;
    let half = office.comes_in_with("Roofing/1").await;
    let asked = office.record("actor=none&action=auth.login&outcome=success&user_agent=Roofing").await;
    assert_eq!((&asked["auth"], &asked["session"]), (&by("password", &[]), &Value::Null));
    let twice = world.finishes(&half, &authenticator).await;
    in_by(&office, &twice, "auth.mfa", &by("password", &["pwd", "otp"])).await;
    let half = world.enters_outside(ann).await;
    let both = world.finishes(&half, &authenticator).await;
    in_by(&office, &both, "auth.mfa", &by("oidc", &["fed", "otp"])).await;
    // What she did in the session of before is told as it was.
    let equipped = office.record(&format!("session={}&action=user.totp_enabled", ann.session())).await;
    assert_eq!(equipped["auth"], by("password", &["pwd"]));
    office.world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxies_on_the_way_are_told_until_somebody_is_erased() {
    let office = office().await;
    let (ann, stranger) = (&office.ann, office.world.stranger());
    let new = json!({"title": "t"});
    let made = office.world.ask_with(&ann.client, "POST", "/v1/tasks", Some(&new), &[FORWARDED]).await;
    let task = text(&made.expect(201).json()["id"]);
    let body = json!({"email": ann.email, "password": PASSWORD});
    office.world.ask_with(&stranger, "POST", "/v1/auth/login", Some(&body), &[FORWARDED]).await.expect(200);
    let acts = [
        format!("target={task}&action=task.created"),
        format!("actor={}&action=auth.login&ip=203.0.113.7", ann.id),
    ];
    let mut names = Vec::new();
    for act in acts {
        let record = office.record(&act).await;
        assert_eq!(record["source"]["ip"], "203.0.113.7");
        assert_eq!(record["source"]["ip_chain"], json!(["127.0.0.9", "127.0.0.1"]));
        names.push(text(&record["id"]));
    }
    // Who asked us directly came through nothing.
    let plain = office.record(&format!("actor={}&action=auth.login&session={}", ann.id, ann.session())).await;
    assert_eq!(plain["source"]["ip_chain"], json!([]));
    let root = office.world.root().await;
    let erased = root.post_matching(&format!("/v1/users/{}/erase", ann.id), &json!({})).await.unwrap();
    let position = erased.expect(200).number("position");
    for name in names {
        let record = office.asks(&format!("/v1/audit/records/{name}?min_position={position}")).await;
        assert_eq!((&record["source"]["ip"], &record["source"]["ip_chain"]), (&Value::Null, &json!([])));
        assert_eq!(record["node"], "desk-1");
    }
    office.world.end();
}
