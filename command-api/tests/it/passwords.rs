//! Mailed links and passwords: signing up, being invited, forgetting, changing, and all at once.

use chrono::TimeDelta;
use command_api::{
    auth::{Password, PasswordError},
    commands::{Caller, Refusal, Reply, Who},
};
use domain::{
    policy::Role,
    user::{UserError, values::Email},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use service::{
    mail_token::{MailTokens, Purpose},
    request::ClientInfo,
    secrets::SecretKey,
};
use uuid::Uuid;

use crate::api::{Answer, Api, PASSWORD, Person, World};

const VERIFY: &str = "/v1/auth/verify-email";
const FORGOT: &str = "/v1/auth/password/forgot";
const RESET: &str = "/v1/auth/password/reset";
const CHANGE: &str = "/v1/auth/password/change";
const OTHER: &str = "another tempest over kiwi";

/// A link as an event names it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mailed {
    user: Uuid,
    link: Uuid,
}

impl World {
    /// The links that events of this type name, the oldest first.
    async fn links(&self, event: &str) -> Vec<Mailed> {
        let sql = "SELECT aggregate_id::uuid, (payload ->> 'link')::uuid FROM event_store.events \
             WHERE event_type = $1 ORDER BY position";
        let links: Vec<(Uuid, Uuid)> = sqlx::query_as(sql).bind(event).fetch_all(&self.owner).await.unwrap();
        links.into_iter().map(|(user, link)| Mailed { user, link }).collect()
    }

    async fn last_link(&self, event: &str) -> Mailed {
        *self.links(event).await.last().unwrap()
    }

    async fn to_verify(&self) -> String {
        let Mailed { user, link } = self.last_link("user.verification_requested").await;
        self.mail_tokens().write(Purpose::VerifyEmail, user, link)
    }

    pub(crate) async fn to_reset(&self) -> String {
        let Mailed { user, link } = self.last_link("user.password_reset_requested").await;
        self.mail_tokens().write(Purpose::ResetPassword, user, link)
    }

    async fn events(&self, event: &str) -> i64 {
        self.count(&format!("SELECT count(*) FROM event_store.events WHERE event_type = '{event}'")).await
    }
}

impl Api {
    async fn register(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password, "name": "Kim"});
        self.post("/v1/auth/register", None, body).await.expect(202)
    }

    async fn verify(&self, token: &str) -> Answer {
        self.post(VERIFY, None, json!({"token": token})).await
    }

    pub(crate) async fn forgot(&self, email: &str) -> Answer {
        self.post(FORGOT, None, json!({"email": email})).await.expect(202)
    }

    pub(crate) async fn reset(&self, token: &str, password: &str) -> Answer {
        self.post(RESET, None, json!({"token": token, "password": password})).await
    }

    async fn comes_in(&self, email: &str, password: &str) -> Answer {
        self.post("/v1/auth/login", None, json!({"email": email, "password": password})).await
    }
}

impl Answer {
    /// Refused as every void link is.
    #[track_caller]
    fn void(self) -> Value {
        let refused = self.refused(422, "VALIDATION_FAILED");
        assert_eq!(refused.violations(), [("/token".to_owned(), "LINK_VOID".to_owned())]);
        let mut body = refused.json;
        for unique in ["request_id", "trace_id", "instance"] {
            body.as_object_mut().unwrap().remove(unique);
        }
        body
    }
}

#[tokio::test]
async fn a_mailed_link_opens_the_door_once() {
    let world = World::new().await;
    let api = world.api().await;
    api.register("kim@example.org", PASSWORD).await;
    let token = world.to_verify().await;
    api.comes_in("kim@example.org", PASSWORD).await.refused(403, "ACCOUNT_NOT_VERIFIED");
    let verified = api.verify(&token).await.expect(200);
    assert_eq!((&verified.json["state"], &verified.json["roles"]), (&json!("active"), &json!(["member"])));
    assert_eq!(verified.header("position"), Some(verified.json["position"].to_string().as_str()));
    assert!(!verified.text.contains("token"), "{}", verified.text);
    api.comes_in("kim@example.org", PASSWORD).await.expect(200);
    api.verify(&token).await.void();
}

#[tokio::test]
async fn all_void_links_get_one_answer() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin]).await;
    api.register("kim@example.org", PASSWORD).await;
    let (first, Mailed { user, link }) =
        (world.to_verify().await, world.last_link("user.verification_requested").await);
    let wrong = api.verify("x").await.void();
    let others = MailTokens::new(&SecretKey::from_bytes([1; 32]));
    let forged = others.write(Purpose::VerifyEmail, user, link);
    let of_nobody = world.mail_tokens().write(Purpose::VerifyEmail, Uuid::now_v7(), link);
    let never_sent = world.mail_tokens().write(Purpose::VerifyEmail, user, Uuid::now_v7());
    let for_another_purpose = world.mail_tokens().write(Purpose::ResetPassword, user, link);
    for token in [forged, of_nobody, never_sent, for_another_purpose, first[..40].to_owned(), "tlm_".into()] {
        assert_eq!(api.verify(&token).await.void(), wrong, "{token}");
        api.reset(&token, OTHER).await.void();
    }
    api.reset(&first, OTHER).await.void();
    api.register("kim@example.org", PASSWORD).await;
    assert_eq!(api.verify(&first).await.void(), wrong);
    let newest = world.to_verify().await;
    let path = format!("/v1/users/{user}/deactivate");
    api.post(&path, Some(&admin), json!({})).await.expect(200);
    assert_eq!(api.verify(&newest).await.void(), wrong);
    api.post(&path.replace("deactivate", "reactivate"), Some(&admin), json!({})).await.expect(200);
    assert_eq!(api.verify(&newest).await.void(), wrong);
    assert_eq!(world.events("user.verified").await, 2, "only of root and the keeper");
}

#[tokio::test]
async fn links_expire() {
    let world = World::new().await;
    let api = world.api().await;
    api.register("kim@example.org", PASSWORD).await;
    api.forgot("kim@example.org").await;
    let (verify, reset) = (world.to_verify().await, world.to_reset().await);
    let auth = &api.inside.auth;
    let client = ClientInfo { ip: [192, 0, 2, 1].into(), proxies: Vec::new(), user_agent: None };
    let asked = Caller::internal(Who::Anonymous, "system");
    let after = |minutes| asked.clone().at(asked.now.plus(TimeDelta::minutes(minutes)));
    let other = || Password::chosen(OTHER).unwrap();
    let silent = |_: &_| Reply::default();
    let late = auth.verify_email(&verify, after(24 * 60), &client, silent).await;
    assert!(matches!(late, Err(Refusal::User(UserError::LinkVoid))), "{late:?}");
    let late = auth.reset_password(&reset, other(), after(30), &client, silent).await;
    let void = matches!(late, Err(PasswordError::Refused(Refusal::User(UserError::LinkVoid))));
    assert!(void, "{late:?}");
    auth.reset_password(&reset, other(), after(29), &client, silent).await.unwrap();
    api.comes_in("kim@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn who_signs_up_second_does_not_set_the_password_of_the_first() {
    let world = World::new().await;
    let api = world.api().await;
    api.register("kim@example.org", PASSWORD).await;
    let first = world.to_verify().await;
    api.register("Kim@Example.org", OTHER).await;
    let second = world.to_verify().await;
    // Nobody has proved anything yet: the first one's password is the one that would be told "not verified".
    api.comes_in("kim@example.org", PASSWORD).await.refused(403, "ACCOUNT_NOT_VERIFIED");
    api.comes_in("kim@example.org", OTHER).await.refused(401, "INVALID_CREDENTIALS");
    api.verify(&first).await.void();
    api.verify(&second).await.expect(200);
    api.comes_in("kim@example.org", OTHER).await.expect(200);
    api.comes_in("kim@example.org", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    // From now on there is somebody to be told.
    api.register("kim@example.org", "a third tempest, uninvited").await;
    assert_eq!(world.events("user.sign_up_repeated").await, 1);
    assert_eq!(world.events("user.verification_requested").await, 2);
    api.comes_in("kim@example.org", OTHER).await.expect(200);
    assert_eq!(world.events("user.registered").await, 1);
}

#[tokio::test]
async fn nobody_is_mailed_more_than_three_times_an_hour() {
    let world = World::new().await;
    let api = world.api().await;
    let answer = api.register("kim@example.org", PASSWORD).await.text;
    for _ in 0..4 {
        assert_eq!(api.register("kim@example.org", OTHER).await.text, answer);
        api.forgot("kim@example.org").await;
    }
    let mails = "SELECT count(*) FROM event_store.events WHERE payload ->> 'link' IS NOT NULL";
    assert_eq!(world.count(mails).await, 3);
    // The last link that was mailed is still the good one, and those who were not mailed set no password.
    api.verify(&world.to_verify().await).await.expect(200);
    assert_eq!(world.count("SELECT count(*) FROM event_store.credentials").await, 2);
}

#[tokio::test]
async fn nobody_learns_whose_password_is_forgotten() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin]).await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    api.post(&format!("/v1/users/{}/deactivate", bob.id), Some(&admin), json!({})).await.expect(200);
    let told = async |email: &str| {
        let answer = api.forgot(email).await;
        let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        (answer.text, names)
    };
    let known = told("Ann@example.org").await;
    for email in ["nobody@example.org", "bob@example.org", "not an address", ""] {
        assert_eq!(told(email).await, known, "{email}");
    }
    let links = world.links("user.password_reset_requested").await;
    assert_eq!(links.iter().map(|mailed| mailed.user).collect::<Vec<_>>(), [ann.id]);
    // The nil UUID is nobody in particular.
    let keys = "SELECT count(*) FROM event_store.subject_keys WHERE subject::text !~ '^[0-]+$'";
    assert_eq!(world.count(keys).await, 4, "root, the keeper, ann and bob");
}

#[tokio::test]
async fn a_reset_ends_all_sessions_and_opens_none() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let session = api.comes_in("ann@example.org", PASSWORD).await.expect(200);
    api.forgot("ann@example.org").await;
    let superseded = world.to_reset().await;
    api.forgot("ann@example.org").await;
    let token = world.to_reset().await;
    api.reset(&superseded, OTHER).await.void();
    let refused = api.reset(&token, "passwordpassword").await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/password".to_owned(), "PASSWORD_TOO_COMMON".to_owned())]);
    // Asking is no lock-out.
    api.comes_in("ann@example.org", PASSWORD).await.expect(200);

    let done = api.reset(&token, OTHER).await.expect(200);
    assert!(done.header("set-cookie").is_none() && !done.text.contains("_token"), "{}", done.text);
    let refresh = json!({"refresh_token": session.json["refresh_token"]});
    api.post("/v1/auth/refresh", None, refresh).await.refused(401, "TOKEN_INVALID");
    api.comes_in("ann@example.org", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    api.comes_in("ann@example.org", OTHER).await.expect(200);
    api.reset(&token, PASSWORD).await.void();
}

#[tokio::test]
async fn the_new_password_works_at_once() {
    let world = World::new().await;
    let api = world.api().await;
    let lock_out = async |password: &str| {
        let body = json!({"email": "ann@example.org", "password": "not this one, surely"}).to_string();
        let wrong = || crate::api::request("POST", "/v1/auth/login", None, &body, &[]);
        while api.send(wrong()).await.status != 429 {}
        let body = json!({"email": "ann@example.org", "password": password}).to_string();
        let right = crate::api::request("POST", "/v1/auth/login", None, &body, &[]);
        api.send(right).await.refused(429, "RATE_LIMITED");
    };
    let ann = api.member("ann").await;
    lock_out(PASSWORD).await;
    api.forgot("ann@example.org").await;
    api.reset(&world.to_reset().await, OTHER).await.expect(200);
    let once = async |password: &str| {
        let body = json!({"email": "ann@example.org", "password": password}).to_string();
        api.send(crate::api::request("POST", "/v1/auth/login", None, &body, &[])).await.expect(200)
    };
    let login = once(OTHER).await;
    let token = login.json["access_token"].as_str().unwrap().to_owned();
    // So does one that is changed by who is in and knows the old one.
    lock_out(OTHER).await;
    let change = json!({"old_password": OTHER, "new_password": PASSWORD});
    api.post(CHANGE, Some(&Person { token, ..ann }), change).await.expect(200);
    once(PASSWORD).await;
    assert_eq!(world.count("SELECT count(*) FROM event_store.login_tries").await, 0);
}

#[tokio::test]
async fn the_invited_set_their_first_password_by_mail() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin]).await;
    let invite = json!({"email": "lee@example.org", "name": "Lee", "roles": ["manager"]});
    api.post("/v1/users", Some(&admin), invite).await.expect(201);
    let occasion = "SELECT count(*) FROM event_store.events WHERE payload ->> 'occasion' = 'invitation'";
    assert_eq!(world.count(occasion).await, 1);
    let first = world.to_reset().await;
    // Whoever signs up with the address only makes the mail come again.
    api.register("lee@example.org", PASSWORD).await;
    assert_eq!(world.count(occasion).await, 2);
    assert_eq!(world.events("user.verification_requested").await, 0);
    api.comes_in("lee@example.org", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    api.reset(&first, OTHER).await.void();
    let done = api.reset(&world.to_reset().await, OTHER).await.expect(200);
    assert_eq!((&done.json["state"], &done.json["roles"]), (&json!("active"), &json!(["manager"])));
    api.comes_in("lee@example.org", OTHER).await.expect(200);
    api.comes_in("lee@example.org", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let session = api.comes_in("ann@example.org", PASSWORD).await.expect(200);
    let change = async |person: &Person, old: &str, new: &str| {
        api.post(CHANGE, Some(person), json!({"old_password": old, "new_password": new})).await
    };
    let refused = change(&ann, OTHER, OTHER).await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/old_password".to_owned(), "WRONG_PASSWORD".to_owned())]);
    let refused = change(&ann, PASSWORD, "short").await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/new_password".to_owned(), "TOO_SHORT".to_owned())]);
    api.forgot("ann@example.org").await;
    let changed = change(&ann, PASSWORD, OTHER).await.expect(200);
    assert!(changed.header("set-cookie").unwrap().starts_with("__Secure-refresh=; Max-Age=0"));
    let refresh = json!({"refresh_token": session.json["refresh_token"]});
    api.post("/v1/auth/refresh", None, refresh).await.refused(401, "TOKEN_INVALID");
    api.comes_in("ann@example.org", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    api.comes_in("ann@example.org", OTHER).await.expect(200);
    api.reset(&world.to_reset().await, PASSWORD).await.void();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_with_one_link_one_wins() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    one.register("kim@example.org", PASSWORD).await;
    let token = world.to_verify().await;
    let all = (0..6).map(|index| if index % 2 == 0 { &one } else { &two }.verify(&token));
    let won = join_all(all).await.into_iter().filter(|answer| answer.status == 200).count();
    assert_eq!((won, world.events("user.verified").await), (1, 1));

    for round in 0..2 {
        one.forgot("kim@example.org").await;
        let token = world.to_reset().await;
        let password = |index: i32| format!("tempest {round}{index} over kiwi");
        let all = (0..6).map(|index| {
            let (api, token) = (if index % 2 == 0 { &one } else { &two }, token.clone());
            async move { api.reset(&token, &password(index)).await }
        });
        let answers = join_all(all).await;
        let won = (0..6).zip(&answers).filter(|(_, answer)| answer.status == 200).map(|(index, _)| index);
        let won: Vec<i32> = won.collect();
        let [winner] = won[..] else { panic!("{answers:?}") };
        for (index, answer) in (0..6).zip(answers) {
            let comes_in = one.comes_in("kim@example.org", &password(index)).await;
            if index == winner {
                comes_in.expect(200);
            } else {
                answer.void();
                comes_in.refused(401, "INVALID_CREDENTIALS");
            }
        }
    }
    assert_eq!(world.events("user.password_changed").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_a_password_one_wins() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let ann = one.member("ann").await;
    let body = |new: &str| json!({"old_password": PASSWORD, "new_password": new});
    let answers = tokio::join!(
        one.post(CHANGE, Some(&ann), body("tempest one over kiwi")),
        two.post(CHANGE, Some(&ann), body("tempest two over kiwi")),
    );
    let statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
    let (winner, loser) = match statuses {
        [200, 422] => ("one", "two"),
        [422, 200] => ("two", "one"),
        _ => panic!("{answers:?}"),
    };
    one.comes_in("ann@example.org", &format!("tempest {winner} over kiwi")).await.expect(200);
    let lost = one.comes_in("ann@example.org", &format!("tempest {loser} over kiwi")).await;
    lost.refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_password_that_no_event_names_opens_nothing() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    api.register("kim@example.org", OTHER).await;
    // What is left when a process dies between keeping a password and the event.
    let sql = "INSERT INTO event_store.credentials (id, user_id, password_hash, changed_at) \
         SELECT gen_random_uuid(), $1, password_hash, clock_timestamp() + $2::interval \
         FROM event_store.credentials WHERE user_id <> $1 ORDER BY changed_at DESC LIMIT 1";
    for age in ["0 hours", "-2 hours"] {
        sqlx::query(sql).bind(ann.id).bind(age).execute(&world.owner).await.unwrap();
    }
    api.comes_in("ann@example.org", OTHER).await.refused(401, "INVALID_CREDENTIALS");
    api.comes_in("ann@example.org", PASSWORD).await.expect(200);
    // With the next password goes what is old; what may be somebody's work of this moment stays.
    let body = json!({"old_password": PASSWORD, "new_password": "a third tempest over kiwi"});
    api.post(CHANGE, Some(&ann), body).await.expect(200);
    let kept = format!("SELECT count(*) FROM event_store.credentials WHERE user_id = '{}'", ann.id);
    assert_eq!(world.count(&kept).await, 3);
    api.comes_in("ann@example.org", OTHER).await.refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn addresses_that_are_the_same_have_one_account() {
    let world = World::new().await;
    let api = world.api().await;
    api.register("Café.Kim@Example.org", PASSWORD).await;
    for same in [" café.kim@EXAMPLE.ORG ", "cafe\u{301}.kim@example.org", "CAFÉ.KIM@example.org"] {
        api.register(same, OTHER).await;
        assert_eq!(world.events("user.registered").await, 1, "{same}");
    }
    let dot = json!({"email": "café.kim@example.org.", "password": PASSWORD, "name": "Kim"});
    api.post("/v1/auth/register", None, dot).await.refused(422, "VALIDATION_FAILED");
    // These are other mailboxes, and other people.
    for other in ["ｃａｆé.kim@example.org", "café.kim+tag@example.org"] {
        let before = world.events("user.registered").await;
        api.register(other, OTHER).await;
        assert_eq!(world.events("user.registered").await, before + 1, "{other}");
        api.verify(&world.to_verify().await).await.expect(200);
    }
    api.comes_in("café.kim@example.org", OTHER).await.refused(401, "INVALID_CREDENTIALS");
    let email = Email::parse("café.kim@example.org").unwrap();
    let first = api.inside.commands.find_email(&email).await.unwrap().unwrap();
    assert_eq!(world.links("user.verification_requested").await[0].user, first.0);
}

#[tokio::test]
async fn links_open_pages_that_send_nothing_elsewhere() {
    let world = World::new().await;
    let api = world.api().await;
    for (path, media_type) in [
        ("/auth/verify", "text/html; charset=utf-8"),
        ("/auth/reset", "text/html; charset=utf-8"),
        ("/auth/page.js", "text/javascript; charset=utf-8"),
        ("/auth/page.css", "text/css; charset=utf-8"),
    ] {
        let page = api.send(crate::api::request("GET", path, None, "", &[])).await.expect(200);
        assert_eq!(page.header("content-type"), Some(media_type));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert!(!page.text.contains("{page}") && !page.text.contains("onclick"));
    }
}
