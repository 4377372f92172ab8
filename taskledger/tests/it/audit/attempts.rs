//! Whatever is tried leaves one record, which says how it came and what it asked for.

use proto::v1::{CreateTaskRequest, GetMeRequest, LoginRequest, TaskReply, TransitionRequest};
use serde_json::{Value, json};
use service::grpc::methods;
use tonic::Code;

use super::office::{Office, text};
use crate::grpc::{Caller, framed};

/// Of the key `one`.
const HASH: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

impl Office {
    /// What came over gRPC, once there is so much, the oldest first: action, outcome, method and route.
    async fn over_grpc(&self, query: &str, count: usize) -> Vec<[String; 4]> {
        let path = format!("/v1/audit/records?sort=recorded_at&user_agent=grpc-tests{query}");
        let found = self.finds(&path, |items| items.len() >= count).await;
        let of = |record: &Value| {
            assert_eq!(record["source"]["transport"], "grpc", "{record}");
            ["action", "outcome", "method", "route"].map(|member| text(&record[member]))
        };
        found.iter().map(of).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_say_over_what_it_came_and_what_it_asked_for() {
    let office = Office::open().await;
    let ann = &office.ann;
    let caller = Caller::connect(office.world.stranger().url()).await;
    let token = format!("Bearer {}", ann.client.token());
    let (agent, hers) = (("user-agent", "grpc-tests/1"), ("authorization", token.as_str()));
    let message = CreateTaskRequest { title: "x".into(), request_id: "one".into(), ..Default::default() };
    let made: TaskReply = caller.call("/taskledger.v1.Tasks/Create", &message, &[agent, hers]).await.read();
    let resume =
        TransitionRequest { id: made.id.clone(), request_id: "one-more".into(), ..Default::default() };
    let told = caller.call("/taskledger.v1.Tasks/Resume", &resume, &[agent, hers]).await;
    assert_eq!(told.code(), Code::FailedPrecondition);
    let login = LoginRequest { email: ann.email.clone(), password: "not her password".into() };
    let told = caller.call("/taskledger.v1.Auth/Login", &login, &[agent]).await;
    assert_eq!(told.code(), Code::Unauthenticated);
    let told = caller.call("/taskledger.v1.UserQueries/GetMe", &GetMeRequest::default(), &[agent]).await;
    assert_eq!(told.code(), Code::Unauthenticated);
    let mut found = office.over_grpc("", 4).await;
    found.sort();
    let expected = [
        ["auth.login", "failure", "POST", "/v1/auth/login"],
        ["task.created", "success", "POST", "/v1/tasks"],
        ["tasks.resume", "failure", "POST", "/v1/tasks/{id}/resume"],
        ["users.get_me", "denied", "GET", "/v1/users/me"],
    ];
    assert_eq!(found, expected);
    // The same key again, over HTTP and in quotes, is known by the same hash, done or refused.
    let again = [("idempotency-key", "\"one\"")];
    let path = format!("/v1/tasks/{}/resume", made.id);
    office.world.ask_with(&ann.client, "POST", &path, Some(&json!({})), &again).await.expect(422);
    let of_task = format!("/v1/audit/records?target={}&sort=recorded_at", made.id);
    let found = office.finds(&of_task, |items| items.len() == 3).await;
    let told = |record: &Value| {
        let key = text(&record["key_hash"]);
        (text(&record["action"]), text(&record["source"]["transport"]), key == HASH)
    };
    let mut told: Vec<_> = found.iter().map(told).collect();
    told.sort();
    let expected =
        [("task.created", "grpc", true), ("tasks.resume", "grpc", false), ("tasks.resume", "http", true)];
    assert_eq!(
        told,
        expected.map(|(action, transport, same)| (action.to_owned(), transport.to_owned(), same))
    );
    // Those who only get the events learn nothing of it.
    let event = office.world.ask(&ann.client, "GET", &format!("/v1/events/{}", made.position), None).await;
    let event = event.expect(200).text;
    assert!(
        event.contains("\"task.created.v1\"") && !event.contains(HASH) && !event.contains("POST "),
        "{event}"
    );
    office.world.end();
}

/// Who may not come in is told no more by a message that nobody can read; and it is kept like everything that is refused.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_nobody_can_read_are_refused_as_over_http() {
    let office = Office::open().await;
    let caller = Caller::connect(office.world.stranger().url()).await;
    let token = format!("Bearer {}", office.ann.client.token());
    let (agent, hers) = (("user-agent", "grpc-tests/1"), ("authorization", token.as_str()));
    let document = read_api::merged([command_api::openapi(), read_api::openapi()]);
    let document = serde_json::to_value(document).expect("the document is JSON");
    let noise = framed(0, &[0xff; 16]);
    for method in methods() {
        let operation = &document["paths"][method.template()][method.verb().as_str().to_lowercase()];
        let public = operation["x-policy"] == "public";
        let stranger = if public { Code::InvalidArgument } else { Code::Unauthenticated };
        let told = caller.send(method.path(), noise.clone(), &[agent]).await;
        assert_eq!(told.code(), stranger, "{}: {told:?}", method.path());
        let told = caller.send(method.path(), noise.clone(), &[agent, hers]).await;
        assert_eq!(told.code(), Code::InvalidArgument, "{}: {told:?}", method.path());
    }
    // Of commands and of what a stranger asked for.
    let mut found = office.over_grpc("&action=tasks.create", 2).await;
    found.sort();
    let expected =
        [["tasks.create", "denied", "POST", "/v1/tasks"], ["tasks.create", "failure", "POST", "/v1/tasks"]];
    assert_eq!(found, expected);
    let found = office.over_grpc("&action=users.get_me", 1).await;
    assert_eq!(found, [["users.get_me", "denied", "GET", "/v1/users/me"]]);
    office.world.end();
}
