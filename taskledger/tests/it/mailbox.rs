//! Signing up, being told by mail and coming in, as somebody does who tries the product on one machine.

use serde_json::{Value, json};

use crate::{
    process::{Up, directory, get, post},
    system::{PATIENCE, within},
};

const FIRST: &str = "tempest over kiwi";
const SECOND: &str = "another tempest over kiwi";

/// A request under a name that somebody made up; status and body.
async fn under_another_name(url: &str, path: &str, body: Option<Value>) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{url}{path}");
    let request = match body {
        None => client.get(url),
        Some(body) => client.post(url).header("content-type", "application/json").body(body.to_string()),
    };
    let answer = request.header("host", "evil.example.com").send().await.expect("it answers");
    (answer.status().as_u16(), answer.text().await.expect("it answers in text"))
}

/// The mails so far, the newest first.
fn mails(url: &str) -> Vec<Value> {
    let (status, body) = get(url, "/dev/mailbox.json");
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).expect("the mailbox is JSON");
    body["items"].as_array().expect("a list").clone()
}

/// The newest mail, when there are so many.
async fn newest(url: &str, count: usize) -> Value {
    assert!(within(PATIENCE, async || mails(url).len() >= count).await, "{:?}", mails(url));
    mails(url).remove(0)
}

/// The token in a mail's link, which leads to our page.
fn token(url: &str, page: &str, mail: &Value) -> String {
    let begin = format!("{url}/auth/{page}#token=");
    let text = mail["text"].as_str().expect("a mail has a text");
    let (_, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no link to {begin} in {text}"));
    rest.split('&').next().expect("a token ends").to_owned()
}

fn log_in(url: &str, password: &str) -> u16 {
    let login = json!({"email": "kim@example.org", "password": password});
    post(url, "/v1/auth/login", None, &login.to_string()).0
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sign_up_to_a_new_password_by_mail() {
    service::tls::install();
    let data = directory();
    let up = Up::start(data.path());
    let url = up.url.clone();
    assert!(up.banner.contains(&format!("{url}/dev/mailbox")), "{}", up.banner);
    assert!(mails(&url).is_empty(), "nobody writes to the first admin");

    let register = json!({"email": "kim@example.org", "password": FIRST, "name": "Kim", "locale": "ko"});
    assert_eq!(post(&url, "/v1/auth/register", None, &register.to_string()).0, 202);
    let mail = newest(&url, 1).await;
    assert_eq!(
        (&mail["to"], &mail["subject"]),
        (&json!("kim@example.org"), &json!("이메일 주소를 확인해 주세요"))
    );
    let (status, page) = get(&url, "/auth/verify");
    assert!(status == 200 && page.contains("page.js"), "{page}");
    assert_eq!(log_in(&url, FIRST), 403);
    let verify = json!({"token": token(&url, "verify", &mail)}).to_string();
    assert_eq!(post(&url, "/v1/auth/verify-email", None, &verify).0, 200);
    assert_eq!(post(&url, "/v1/auth/verify-email", None, &verify).0, 422);
    assert_eq!(log_in(&url, FIRST), 200);

    // Whatever name a request gives to this machine, links lead here.
    let forgot = json!({"email": "kim@example.org"});
    assert_eq!(under_another_name(&url, "/v1/auth/password/forgot", Some(forgot)).await.0, 202);
    let mail = newest(&url, 2).await;
    assert!(!mail.to_string().contains("evil.example.com"), "{mail}");
    let reset = json!({"token": token(&url, "reset", &mail), "password": SECOND}).to_string();
    assert_eq!(post(&url, "/v1/auth/password/reset", None, &reset).0, 200);
    assert_eq!((log_in(&url, FIRST), log_in(&url, SECOND)), (401, 200));
    assert_eq!(newest(&url, 3).await["subject"], json!("비밀번호가 변경되었습니다"));
    assert_eq!(under_another_name(&url, "/dev/mailbox.json", None).await.0, 404);
    let (status, page) = get(&url, "/dev/mailbox");
    assert!(status == 200 && page.contains("kim@example.org"), "{page}");

    // Nothing is sent again after a crash.
    up.end("KILL");
    let up = Up::start(data.path());
    let register = json!({"email": "kim@example.org", "password": FIRST, "name": "Kim"});
    assert_eq!(post(&up.url, "/v1/auth/register", None, &register.to_string()).0, 202);
    assert_eq!(newest(&up.url, 4).await["subject"], json!("이미 계정이 있습니다"));
    assert_eq!(mails(&up.url).len(), 4);
    assert!(up.end("INT").success());
}

#[test]
fn who_lets_others_in_shows_no_mailbox() {
    let data = directory();
    let up = Up::start_with(data.path(), |command| {
        command.args(["--host", "0.0.0.0"]);
    });
    assert_eq!(get(&up.url, "/dev/mailbox.json").0, 404);
    assert!(!up.banner.contains("mailbox"), "{}", up.banner);
    assert!(up.end("INT").success());
}
