//! Announcements and what is read of notices, over HTTP.

use domain::policy::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Api, Person, World};

const ANNOUNCEMENTS: &str = "/v1/announcements";

impl Api {
    /// With a key of its own, as announcements want it, for any version.
    async fn announce(&self, method: &str, path: &str, person: &Person, body: Value) -> Answer {
        let key = Uuid::now_v7().to_string();
        let headers = [("idempotency-key", key.as_str()), ("if-match", "*")];
        let headers = if path == ANNOUNCEMENTS { &headers[..1] } else { &headers[..] };
        self.call(method, path, Some(person), body, headers).await
    }
}

#[tokio::test]
async fn an_announcement_is_drafted_scheduled_and_cancelled() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.person("ann", &[Role::Announcer]).await, api.member("bob").await);
    let body = json!({"title": "지붕", "body": "*Open* on Monday.", "audience": {"everyone": true}});
    api.post(ANNOUNCEMENTS, Some(&ann), body.clone()).await.refused(400, "IDEMPOTENCY_KEY_REQUIRED");
    api.announce("POST", ANNOUNCEMENTS, &bob, body.clone()).await.refused(403, "FORBIDDEN");
    let made = api.announce("POST", ANNOUNCEMENTS, &ann, body).await.expect(201);
    assert_eq!((&made.json["state"], &made.json["author"]), (&json!("draft"), &json!(ann.id)));
    let path = format!("{ANNOUNCEMENTS}/{}", made.id());
    assert_eq!(made.header("location"), Some(path.as_str()));

    let edit = json!({"channels": ["email"], "audience": {"users": [bob.id, bob.id]}});
    api.call("PATCH", &path, Some(&ann), edit.clone(), &[]).await.refused(428, "PRECONDITION_REQUIRED");
    let edited = api.announce("PATCH", &path, &ann, edit.clone()).await.expect(200);
    assert_eq!(
        (&edited.json["channels"], &edited.json["audience"]["users"]),
        (&json!(["email"]), &json!([bob.id]))
    );

    let schedule = format!("{path}/schedule");
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339();
    let time = json!({"at": later, "zone": "Asia/Seoul"});
    let key = [("idempotency-key", "k")];
    api.call("POST", &schedule, Some(&ann), time.clone(), &key).await.refused(428, "PRECONDITION_REQUIRED");
    let scheduled = api.announce("POST", &schedule, &ann, time).await.expect(202);
    assert_eq!(scheduled.header("location"), Some(&*format!("/v1/operations/{}", made.id())));
    assert_eq!(
        (&scheduled.json["state"], &scheduled.json["schedule"]["zone"]),
        (&json!("scheduled"), &json!("Asia/Seoul"))
    );
    let refused = api.announce("PATCH", &path, &ann, edit).await.refused(409, "STATE_CONFLICT");
    assert_eq!(refused.json["current_state"], "scheduled");
    let cancel = format!("{path}/cancel");
    let cancelled = api.announce("POST", &cancel, &ann, json!({"reason": "it rains"})).await.expect(200);
    assert_eq!(cancelled.json["state"], "cancelled");
    assert_eq!(
        api.announce("POST", &cancel, &ann, json!({})).await.expect(200).version(),
        cancelled.version()
    );
    let now = json!({"at": chrono::Utc::now().to_rfc3339(), "zone": "UTC"});
    api.announce("POST", &schedule, &ann, now).await.refused(409, "STATE_CONFLICT");
}

#[tokio::test]
async fn what_is_on_its_way_is_not_stopped() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.person("ann", &[Role::Announcer]).await;
    let body = json!({"title": "x", "body": "x", "audience": {"roles": ["member"]}});
    let made = api.announce("POST", ANNOUNCEMENTS, &ann, body).await.expect(201);
    let path = format!("{ANNOUNCEMENTS}/{}", made.id());
    let over = json!({"at": "2026-01-01T00:00:00Z", "zone": "UTC"});
    api.announce("POST", &format!("{path}/schedule"), &ann, over).await.expect(202);
    let refused = api.announce("POST", &format!("{path}/cancel"), &ann, json!({})).await;
    assert_eq!(refused.refused(409, "STATE_CONFLICT").json["current_state"], "sent");
}

#[tokio::test]
async fn the_system_says_once_how_many_are_told() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, system) = (api.person("ann", &[Role::Announcer]).await, world.system());
    let body = json!({"title": "x", "body": "x", "audience": {"everyone": true}});
    let made = api.announce("POST", ANNOUNCEMENTS, &ann, body).await.expect(201);
    let path = format!("{ANNOUNCEMENTS}/{}", made.id());
    let set = json!({"at": "2026-01-01T00:00:00Z", "zone": "UTC"});
    let sent = format!("{path}/sent");
    let told = json!({"at": "2026-01-01T00:00:00Z", "recipients": 7});
    api.announce("POST", &sent, &system, told.clone()).await.refused(409, "STATE_CONFLICT");
    api.announce("POST", &format!("{path}/schedule"), &ann, set).await.expect(202);
    api.announce("POST", &sent, &ann, told.clone()).await.refused(403, "FORBIDDEN");
    let other = json!({"at": "2026-01-02T00:00:00Z", "recipients": 7});
    api.announce("POST", &sent, &system, other).await.refused(409, "STATE_CONFLICT");
    let reply = api.announce("POST", &sent, &system, told.clone()).await.expect(200);
    assert_eq!((&reply.json["state"], &reply.json["recipients"]), (&json!("sent"), &json!(7)));
    let again = api.announce("POST", &sent, &system, told).await.expect(200);
    assert_eq!(again.version(), reply.version());
    let bad = api.announce("POST", &sent, &system, json!({"recipients": -1})).await;
    assert_eq!(bad.refused(422, "VALIDATION_FAILED").violations().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_an_announcement_is_said_at_once() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.person("ann", &[Role::Announcer]).await;
    let bad =
        json!({"title": "", "audience": {"everyone": "yes", "roles": ["all"]}, "channels": ["fax"], "x": 1});
    let refused = api.announce("POST", ANNOUNCEMENTS, &ann, bad).await.refused(422, "VALIDATION_FAILED");
    let found: Vec<_> =
        refused.violations().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
    let expected = [
        "/audience/everyone WRONG_TYPE",
        "/audience/roles/0 UNKNOWN_VALUE",
        "/body REQUIRED",
        "/channels/0 UNKNOWN_VALUE",
        "/title EMPTY",
        "/x UNKNOWN_FIELD",
    ];
    assert_eq!(found, expected);
    let nobody = json!({"title": "x", "body": "x", "audience": {}});
    let refused = api.announce("POST", ANNOUNCEMENTS, &ann, nobody).await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/audience".to_owned(), "EMPTY".to_owned())]);
}

#[tokio::test]
async fn notices_are_read_one_by_one_or_up_to_a_place() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let path = format!("/v1/notifications/{}/read", Uuid::now_v7());
    let read = api.post(&path, Some(&ann), json!({})).await.expect(200);
    assert_eq!((read.version(), &read.json["id"]), (1, &json!(ann.id)));
    assert_eq!(api.post(&path, Some(&ann), json!({})).await.expect(200).version(), 1);
    assert_eq!(api.post(&path, Some(&bob), json!({})).await.expect(200).json["id"], json!(bob.id));

    let up_to = async |position: i64| {
        api.post("/v1/notifications/read-up-to", Some(&ann), json!({"position": position})).await
    };
    let here = read.json["position"].as_i64().unwrap();
    let all = up_to(here).await.expect(200);
    assert_eq!((all.version(), &all.json["read_up_to"]), (2, &json!(here)));
    assert_eq!(up_to(here - 1).await.expect(200).json["read_up_to"], json!(here));
    up_to(i64::MAX).await.refused(400, "POSITION_AHEAD");
    up_to(0).await.refused(422, "VALIDATION_FAILED");
}
