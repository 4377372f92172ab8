//! What goes wrong on the wire is answered as the protocol says, and ends no process.

use bytes::Bytes;
use prost::Message;
use proto::v1::{CreateTaskRequest, GetMeRequest, LoginRequest, TaskReply, TransitionRequest};
use tonic::Code;
use tonic_types::StatusExt;

use super::client::{Caller, framed};
use crate::{
    client::{Client, PASSWORD},
    process::{Up, directory},
    system::{PATIENCE, within},
};

const CREATE: &str = "/taskledger.v1.Tasks/Create";

#[tokio::test(flavor = "multi_thread")]
async fn the_wire() {
    let data = directory();
    let up = Up::start_with(data.path(), |command| {
        command.env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
    });
    let mut client = Client::new(&up.url);
    client.log_in("admin@localhost").await.unwrap();
    let token = format!("Bearer {}", client.token());
    let caller = Caller::connect(&up.url).await;
    broken_messages(&caller, &token).await;
    what_is_not_there(&caller, &token).await;
    deadlines(&caller, &token).await;
    languages(&caller, &token).await;
    health_and_reflection(&caller).await;
    let message = CreateTaskRequest { title: "still here".into(), ..Default::default() };
    let created: TaskReply = caller.call(CREATE, &message, &[("authorization", &token)]).await.read();
    assert!(created.position > 0);
    assert!(up.end("INT").success());
}

async fn broken_messages(caller: &Caller, token: &str) {
    let good = CreateTaskRequest { title: "x".into(), ..Default::default() }.encode_to_vec();
    let long = framed(0, &vec![0; service::grpc::MAX_MESSAGE + 1]);
    let twice = Bytes::from([framed(0, &good), framed(0, &good)].concat());
    let half = framed(0, &good).slice(..4 + good.len());
    let cases = [
        ("nothing", Bytes::new(), Code::Internal),
        ("half a head", Bytes::from_static(&[0, 0, 0]), Code::Internal),
        ("half a message", half, Code::Internal),
        ("two messages", twice, Code::Internal),
        ("a flag without encoding", framed(1, &good), Code::Internal),
        ("an unknown flag", framed(7, &good), Code::Internal),
        ("no protobuf", framed(0, &[0xff; 16]), Code::InvalidArgument),
        ("text that is none", framed(0, &[0x12, 0x02, 0xc3, 0x28]), Code::InvalidArgument),
        ("a long message", long, Code::ResourceExhausted),
        ("an empty message", framed(0, &[]), Code::InvalidArgument),
    ];
    for (what, body, expected) in cases {
        let told = caller.send(CREATE, body, &[("authorization", token)]).await;
        assert_eq!((told.http, told.code()), (200, expected), "{what}: {told:?}");
    }
    let gzip = [("authorization", token), ("grpc-encoding", "gzip")];
    let told = caller.send(CREATE, framed(1, &good), &gzip).await;
    assert_eq!(told.code(), Code::Unimplemented);
    assert_eq!(told.headers["grpc-accept-encoding"], "identity");
    let json = [("authorization", token), ("content-type", "application/json")];
    assert_eq!(caller.send(CREATE, framed(0, &good), &json).await.http, 415);
}

async fn what_is_not_there(caller: &Caller, token: &str) {
    let token = [("authorization", token)];
    for path in ["/taskledger.v1.Tasks/Explode", "/taskledger.v1.Boats/Sail"] {
        assert_eq!(
            caller.call(path, &GetMeRequest::default(), &token).await.code(),
            Code::Unimplemented,
            "{path}"
        );
    }
    // No word of another route is an id.
    let counts = TransitionRequest { id: "batch".into(), ..Default::default() };
    let told = caller.call("/taskledger.v1.Tasks/Start", &counts, &token).await;
    assert_eq!(told.code(), Code::InvalidArgument, "{told:?}");
}

async fn deadlines(caller: &Caller, token: &str) {
    let message = CreateTaskRequest { title: "late".into(), ..Default::default() };
    let told = caller.call(CREATE, &message, &[("authorization", token), ("grpc-timeout", "1n")]).await;
    assert_eq!(told.code(), Code::DeadlineExceeded, "{told:?}");
    let told = caller.call(CREATE, &message, &[("authorization", token), ("grpc-timeout", "soon")]).await;
    assert_eq!(told.code(), Code::InvalidArgument, "{told:?}");
}

async fn languages(caller: &Caller, token: &str) {
    let metadata = [("authorization", token), ("accept-language", "ko")];
    let told = caller.call(CREATE, &CreateTaskRequest::default(), &metadata).await;
    let details = told.status().get_error_details();
    assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("VALIDATION_FAILED"));
    let localized = details.localized_message().unwrap();
    assert_eq!(localized.locale, "ko");
    assert!(!localized.message.is_ascii() && told.status().message().is_ascii(), "{told:?}");
    let field = &details.bad_request().unwrap().field_violations[0];
    assert_eq!((field.field.as_str(), field.reason.as_str()), ("title", "REQUIRED"));
    assert!(details.request_info().is_some_and(|info| !info.request_id.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_reached_is_named_with_the_time_to_wait() {
    let data = directory();
    let up = Up::start_with(data.path(), |command| {
        command.env("RATE_LIMITS", "login=2/h");
    });
    let caller = Caller::connect(&up.url).await;
    let login = LoginRequest { email: "nobody@example.org".into(), password: PASSWORD.into() };
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(caller.call("/taskledger.v1.Auth/Login", &login, &[]).await);
    }
    let codes: Vec<_> = told.iter().map(|told| told.code()).collect();
    assert_eq!(codes, [Code::Unauthenticated, Code::Unauthenticated, Code::ResourceExhausted]);
    let details = told[2].status().get_error_details();
    assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("RATE_LIMITED"));
    let quota = &details.quota_failure().unwrap().violations[0];
    assert!(quota.subject == "login" && !quota.description.is_empty(), "{quota:?}");
    let wait = details.retry_info().unwrap().retry_delay.unwrap();
    assert!((1..=3600).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(told[2].headers["retry-after"], wait.as_secs().to_string());
    assert!(told[0].status().get_error_details().quota_failure().is_none());
}

async fn health_and_reflection(caller: &Caller) {
    let check = async |service: &str| {
        let question = [&[0x0a, u8::try_from(service.len()).unwrap()], service.as_bytes()].concat();
        caller.send("/grpc.health.v1.Health/Check", framed(0, &question), &[]).await
    };
    for service in ["", "taskledger.v1.Tasks", "taskledger.v1.TaskQueries"] {
        // SERVING is 1.
        let serving = async || check(service).await.message.ends_with(&[0x08, 1]);
        assert!(within(PATIENCE, serving).await, "{service}");
    }
    assert_eq!(check("taskledger.v1.Boats").await.code(), Code::NotFound);
    for version in ["v1", "v1alpha"] {
        // list_services = 7
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let told = caller.send(&path, framed(0, &[0x3a, 0]), &[]).await;
        let named = |name: &str| told.message.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(named("taskledger.v1.Tasks") && named("grpc.health.v1.Health"), "{version}: {told:?}");
    }
}
