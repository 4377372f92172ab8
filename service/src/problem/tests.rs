use std::{collections::HashSet, sync::Arc};

use axum::http::Request;

use super::*;
use crate::request::TrustedProxies;

fn context(language: &str) -> RequestContext {
    let request = Request::get("/v1/tasks/T-1?x=1").header("accept-language", language).body(()).unwrap();
    RequestContext::read(&request.into_parts().0, &TrustedProxies::default(), Arc::from("https://t.example"))
}

#[test]
fn a_problem_has_all_members_of_the_contract() {
    let context = context("en");
    let problem = Problem::new(Code::TransitionNotAllowed).with("allowed", vec!["resume"]);
    let document = problem.to_json(&context);
    assert_eq!(document["type"], "https://t.example/problems/TRANSITION_NOT_ALLOWED");
    assert_eq!(document["status"], 409);
    assert_eq!(document["code"], "TRANSITION_NOT_ALLOWED");
    assert_eq!(document["instance"], "/v1/tasks/T-1");
    assert_eq!(document["allowed"], serde_json::json!(["resume"]));
    assert_eq!(document["request_id"], context.request_id().to_string());
    assert_eq!(document["trace_id"].as_str().unwrap().len(), 32);
    assert!(document.get("errors").is_none());
}

#[test]
fn words_follow_the_language_and_the_code_does_not() {
    let problem = Problem::new(Code::NotFound).detail("No task T-1.", "작업 T-1이 없습니다.");
    let (en, ko) = (problem.to_json(&context("en")), problem.to_json(&context("ko")));
    assert_eq!(en["detail"], "No task T-1.");
    assert_eq!(ko["detail"], "작업 T-1이 없습니다.");
    assert_eq!(ko["title"], "찾을 수 없습니다");
    assert_eq!(en["code"], ko["code"]);
}

#[test]
fn causes_stay_inside() {
    let problem = Problem::internal("connection to 10.0.0.5 refused: SELECT secret");
    assert!(!problem.to_json(&context("en")).to_string().contains("SELECT"));
    assert!(problem.cause().unwrap().to_string().contains("SELECT"));
}

#[test]
fn the_code_says_what_all_violations_have_in_common() {
    let unknown = || Violation::at("/x", Flaw::new("UNKNOWN_FIELD"));
    let long = || Violation::at("/title", Flaw::new("TOO_LONG").param("max", 200));
    let code = |violations| Problem::violations(violations).code();
    assert_eq!(code(vec![unknown(), unknown()]), Code::UnknownField);
    assert_eq!(code(vec![unknown(), long()]), Code::ValidationFailed);
    assert_eq!(code(vec![Violation::at("/x", Flaw::new("DUPLICATE_FIELD"))]), Code::DuplicateField);
    assert_eq!(code(vec![Violation::parameter("x", Flaw::new("UNKNOWN_PARAMETER"))]), Code::UnknownParameter);
    assert_eq!(code(vec![Violation::header("If-Match", Flaw::new("ENTITY_TAG"))]), Code::InvalidHeader);
}

#[test]
fn codes_are_unique_and_complete() {
    let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for text in CONTRACT.split_whitespace() {
        assert!(Code::parse(text).is_some(), "{text}");
    }
    for code in Code::ALL {
        assert!(code.status().is_client_error() || code.status().is_server_error());
        assert!(code.detail(Language::En).ends_with('.') && code.detail(Language::Ko).ends_with('.'));
    }
}

const CONTRACT: &str = "INVALID_JSON UNKNOWN_FIELD DUPLICATE_FIELD VALIDATION_FAILED UNKNOWN_PARAMETER \
    INVALID_PAGE_TOKEN INVALID_ID NOT_FOUND FORBIDDEN TRANSITION_NOT_ALLOWED NOT_DELETED PRECONDITION_FAILED \
    PRECONDITION_REQUIRED FIELD_CONFLICT CONCURRENT_CHANGE EXTERNAL_REF_TAKEN ID_TAKEN EMAIL_TAKEN CYCLE \
    USER_NOT_ACTIVE LAST_ADMIN POSITION_AHEAD POSITION_EXPIRED PROJECTION_BEHIND AGGREGATE_PARKED \
    OUTCOME_UNKNOWN IDEMPOTENCY_KEY_REUSED IDEMPOTENCY_IN_FLIGHT RATE_LIMITED OVERLOADED BODY_TOO_LARGE \
    UNSUPPORTED_MEDIA_TYPE INVALID_CREDENTIALS ACCOUNT_NOT_VERIFIED ACCOUNT_DEACTIVATED TOKEN_EXPIRED \
    TOKEN_INVALID TOKEN_STALE REFRESH_TOKEN_REUSED MFA_INVALID REAUTHENTICATION_REQUIRED";
