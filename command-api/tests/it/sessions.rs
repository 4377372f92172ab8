//! Sessions: refreshing, being in two hands, running out, the list, going out.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::policy::Role;
use futures_util::future::join_all;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::{Answer, Api, PASSWORD, Person, World};

const HOME: (&str, &str) = ("origin", "http://localhost:8080");

impl Api {
    pub(crate) async fn log_in_anew(&self, name: &str) -> Answer {
        let email = format!("{name}@example.org");
        self.post("/v1/auth/login", None, json!({"email": email, "password": PASSWORD})).await.expect(200)
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post("/v1/auth/refresh", None, json!({"refresh_token": token})).await
    }

    /// As a client does: what a busy server refuses is sent again.
    async fn refresh_patiently(&self, token: &str) -> Answer {
        for _ in 0..20 {
            let answer = self.refresh(token).await;
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                return answer;
            }
        }
        self.refresh(token).await
    }

    pub(crate) async fn sessions(&self, person: &Person) -> Vec<Value> {
        let answer = self.call("GET", "/v1/auth/sessions", Some(person), json!({}), &[]).await.expect(200);
        answer.json["items"].as_array().unwrap().clone()
    }
}

impl Answer {
    pub(crate) fn refresh_token(&self) -> String {
        self.json["refresh_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn person(&self) -> Person {
        let token = self.json["access_token"].as_str().unwrap().to_owned();
        Person { id: self.json["user"]["id"].as_str().unwrap().parse().unwrap(), token }
    }
}

impl World {
    /// Makes a session look as if this much time had passed.
    async fn age(&self, session: Uuid, span: &str) {
        let sql = "UPDATE event_store.sessions SET created_at = created_at - $2::text::interval, \
             last_active_at = last_active_at - $2::text::interval WHERE id = $1";
        sqlx::query(sql).bind(session).bind(span).execute(&self.owner).await.unwrap();
    }

    /// Makes the last successor ten seconds old, or one that stays recent for the rest of a test.
    async fn set_recent(&self, session: Uuid, recent: bool) {
        let sql = "UPDATE event_store.sessions SET next_at = clock_timestamp() + $2::text::interval \
             WHERE id = $1 AND next_hash IS NOT NULL";
        let span = if recent { "1 hour" } else { "-10 seconds" };
        sqlx::query(sql).bind(session).bind(span).execute(&self.owner).await.unwrap();
    }

    async fn is_live(&self, token: &str) -> bool {
        let sql = "SELECT count(*) FROM event_store.sessions WHERE ended_at IS NULL AND $1 IN (token_hash, next_hash)";
        let secret = &URL_SAFE_NO_PAD.decode(&token[4..]).unwrap()[16..48];
        let hash = Sha256::digest(secret).to_vec();
        sqlx::query_scalar::<_, i64>(sql).bind(hash).fetch_one(&self.owner).await.unwrap() == 1
    }

    async fn reuses(&self) -> i64 {
        let sql = "SELECT count(*) FROM event_store.events WHERE event_type = 'user.refresh_token_reused'";
        self.count(sql).await
    }
}

#[tokio::test]
async fn each_refresh_gives_the_next_token() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    one.member("ann").await;
    let first = one.log_in_anew("ann").await;
    let mut known = BTreeSet::from([first.refresh_token()]);
    let mut token = first.refresh_token();
    for round in 0..4 {
        let api = if round % 2 == 0 { &two } else { &one };
        let answer = api.refresh(&token).await.expect(200);
        assert_eq!(answer.json["session_id"], first.json["session_id"]);
        assert_eq!(answer.json["user"], first.json["user"]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("set-cookie"), None);
        api.task(&answer.person(), json!({"title": "t"})).await;
        token = answer.refresh_token();
        assert!(known.insert(token.clone()));
    }
    assert!(known.iter().all(|token| token.starts_with("tlr_")));
    let as_access = Person { id: Uuid::nil(), token };
    one.post("/v1/tasks", Some(&as_access), json!({"title": "t"})).await.refused(401, "TOKEN_INVALID");
}

#[tokio::test]
async fn what_was_never_handed_out_changes_nothing() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let token = api.log_in_anew("ann").await.refresh_token();
    let mut forged = URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
    forged[20] ^= 1;
    let forged = format!("tlr_{}", URL_SAFE_NO_PAD.encode(forged));
    for bad in [forged.as_str(), "", "tlr_", "x", &token[4..], &token[..80], &"tlr_A".repeat(500)] {
        let refused = api.refresh(bad).await.refused(401, "TOKEN_INVALID");
        assert_eq!(refused.header("set-cookie"), None);
    }
    api.post("/v1/auth/refresh", None, json!({})).await.refused(401, "TOKEN_INVALID");
    let null = json!({"refresh_token": null});
    api.post("/v1/auth/refresh", None, null).await.refused(422, "VALIDATION_FAILED");
    let path = format!("/v1/auth/refresh?refresh_token={token}");
    api.post(&path, None, json!({})).await.refused(400, "UNKNOWN_PARAMETER");
    api.refresh(&token).await.expect(200);
    assert_eq!(world.reuses().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_at_once_one_branch_lives() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    one.member("ann").await;
    let mut token = one.log_in_anew("ann").await.refresh_token();
    for _ in 0..5 {
        let all = (0..20).map(|index| if index % 2 == 0 { &one } else { &two }.refresh_patiently(&token));
        let answers = join_all(all).await.into_iter().map(|answer| answer.expect(200));
        let answered: BTreeSet<String> = answers.map(|answer| answer.refresh_token()).collect();
        let mut live = Vec::new();
        for token in answered {
            if world.is_live(&token).await {
                live.push(token);
            }
        }
        assert_eq!(live.len(), 1);
        token = live.remove(0);
    }
    // With the successor used, all who come with its forerunner come too late, and meet one end together.
    let next = one.refresh(&token).await.expect(200).refresh_token();
    one.refresh(&next).await.expect(200);
    let all = (0..20).map(|index| if index % 2 == 0 { &one } else { &two }.refresh_patiently(&token));
    for answer in join_all(all).await {
        answer.refused(401, "REFRESH_TOKEN_REUSED");
    }
    assert_eq!(world.reuses().await, 1);
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let first = api.log_in_anew("ann").await;
    let (token, session) = (first.refresh_token(), first.person().session());
    let lost = api.refresh(&token).await.expect(200).refresh_token();
    world.set_recent(session, true).await;
    assert_eq!(api.refresh(&token).await.expect(200).refresh_token(), lost);
    world.set_recent(session, false).await;
    let fresh = api.refresh(&token).await.expect(200).refresh_token();
    assert!(fresh != lost && world.is_live(&token).await);
    assert!(world.is_live(&fresh).await && !world.is_live(&lost).await);
    world.set_recent(session, true).await;
    assert_eq!(api.refresh(&token).await.expect(200).refresh_token(), fresh);
    let last = api.refresh(&fresh).await.expect(200).refresh_token();
    // What was given up is in nobody's hands but those of a thief.
    api.refresh(&lost).await.refused(401, "REFRESH_TOKEN_REUSED");
    api.refresh(&last).await.refused(401, "REFRESH_TOKEN_REUSED");
}

#[tokio::test]
async fn a_token_in_two_hands_ends_its_session_only() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let stolen = api.log_in_anew("ann").await;
    let other = api.log_in_anew("ann").await.refresh_token();
    let next = api.refresh(&stolen.refresh_token()).await.expect(200).refresh_token();
    let live = api.refresh(&next).await.expect(200).refresh_token();
    let refused = api.refresh(&stolen.refresh_token()).await.refused(401, "REFRESH_TOKEN_REUSED");
    assert_eq!(refused.header("set-cookie"), None);
    api.refresh(&live).await.refused(401, "REFRESH_TOKEN_REUSED");
    api.refresh(&other).await.expect(200);
    assert_eq!(api.sessions(&ann).await.len(), 2);

    let sql = "SELECT payload::jsonb, metadata::jsonb FROM event_store.events \
         WHERE event_type = 'user.refresh_token_reused' AND aggregate_id = $1";
    let recorded: Vec<(Value, Value)> =
        sqlx::query_as(sql).bind(ann.id.to_string()).fetch_all(&world.owner).await.unwrap();
    let [(payload, metadata)] = &recorded[..] else { panic!("{recorded:?}") };
    assert_eq!(
        (&payload["session"], &metadata["session_id"]),
        (&json!(stolen.person().session()), &payload["session"])
    );
    for address in ["used_from", "reused_from"] {
        assert!(payload[address].as_str().unwrap().starts_with(&format!("s1.{}.", ann.id)), "{payload}");
    }
}

#[tokio::test]
async fn sessions_run_out() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    api.person("root", &[Role::Admin]).await;
    api.person("aud", &[Role::Auditor]).await;
    // Who, how old the session was when it was last used, for how long it was not used since, whether it lives.
    let cases = [
        ("ann", "0", "13 days 23 hours", true),
        ("ann", "0", "14 days", false),
        ("root", "0", "11 hours", true),
        ("root", "0", "12 hours", false),
        ("aud", "0", "12 hours", false),
        ("ann", "80 days", "9 days 23 hours", true),
        ("ann", "80 days", "10 days", false),
        ("root", "6 days 14 hours", "9 hours", true),
        ("root", "6 days 14 hours", "10 hours", false),
    ];
    for (name, used, span, lives) in cases {
        let first = api.log_in_anew(name).await;
        let (token, session) = (first.refresh_token(), first.person().session());
        let sql =
            "UPDATE event_store.sessions SET created_at = created_at - $2::text::interval WHERE id = $1";
        sqlx::query(sql).bind(session).bind(used).execute(&world.owner).await.unwrap();
        world.age(session, span).await;
        let answer = api.refresh(&token).await;
        let listed = api.sessions(&first.person()).await.iter().any(|item| item["id"] == json!(session));
        assert_eq!(listed, lives, "{name} {span}");
        if lives {
            answer.expect(200)
        } else {
            answer.refused(401, "TOKEN_INVALID")
        };
    }
    assert_eq!(world.reuses().await, 0);
}

#[tokio::test]
async fn a_refreshed_token_has_the_roles_of_today() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin]).await;
    let ann = api.member("ann").await;
    let mut token = api.log_in_anew("ann").await.refresh_token();
    let role = json!({"role": "manager"});
    let grant = format!("/v1/users/{}/roles/grant", ann.id);
    api.call("POST", &grant, Some(&admin), role, &[("if-match", "*")]).await.expect(200);
    let stale = api.post("/v1/tasks", Some(&ann), json!({"title": "t"})).await.refused(401, "TOKEN_STALE");
    assert!(stale.header("www-authenticate").unwrap().contains("invalid_token"));
    let answer = api.refresh(&token).await.expect(200);
    api.task(&answer.person(), json!({"title": "t"})).await;
    assert_eq!(answer.json["user"]["roles"], json!(["member", "manager"]));
    token = answer.refresh_token();

    // Being let in again does not bring back what being locked out has ended.
    for path in ["deactivate", "reactivate"] {
        api.post(&format!("/v1/users/{}/{path}", ann.id), Some(&admin), json!({})).await.expect(200);
        api.refresh(&token).await.refused(401, "TOKEN_INVALID");
    }
    assert_eq!(api.sessions(&api.log_in_anew("ann").await.person()).await.len(), 1);
}

#[tokio::test]
async fn pages_keep_the_token_in_a_cookie() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD, "refresh_cookie": true});
    let log_in =
        async |origin: &[(&str, &str)]| api.call("POST", "/v1/auth/login", None, body.clone(), origin).await;
    log_in(&[]).await.refused(403, "FORBIDDEN");
    log_in(&[("origin", "https://evil.example")]).await.refused(403, "FORBIDDEN");
    let first = log_in(&[HOME]).await.expect(200);
    let cookie = cookie(&first);
    let attributes = "; Max-Age=1209600; Path=/v1/auth; HttpOnly; Secure; SameSite=Strict";
    assert_eq!(first.header("set-cookie").unwrap(), format!("{cookie}{attributes}"));
    assert_eq!(first.json.get("refresh_token"), None);

    let refresh = async |cookie: &str, origin: (&str, &str)| {
        let headers = [("cookie", cookie), origin];
        api.call("POST", "/v1/auth/refresh", None, json!({}), &headers).await
    };
    for origin in ["https://evil.example", "null", "http://localhost:8081"] {
        refresh(&cookie, ("origin", origin)).await.refused(403, "FORBIDDEN");
    }
    refresh(&cookie, ("referer", "http://localhost:8080/")).await.refused(403, "FORBIDDEN");
    let second = refresh(&cookie, HOME).await.expect(200);
    assert_eq!(second.json.get("refresh_token"), None);
    let next = self::cookie(&second);
    let third = refresh(&next, HOME).await.expect(200);
    let lost = refresh(&cookie, HOME).await.refused(401, "REFRESH_TOKEN_REUSED");
    assert_eq!(lost.header("set-cookie"), None);

    let logout = async |person: &Person| {
        let headers = [("cookie", next.as_str()), HOME];
        api.call("POST", "/v1/auth/logout", Some(person), json!({}), &headers).await
    };
    logout(&third.person()).await.refused(401, "TOKEN_INVALID");
    let out = logout(&log_in(&[HOME]).await.expect(200).person()).await.expect(204);
    assert_eq!(
        out.header("set-cookie"),
        Some("__Secure-refresh=; Max-Age=0; Path=/v1/auth; HttpOnly; Secure; SameSite=Strict")
    );
    let others = api.post("/v1/auth/logout-others", Some(&ann), json!({})).await.expect(204);
    assert_eq!(others.header("set-cookie"), None);
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn going_out_of_one_all_or_all_others() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(api.log_in_anew("ann").await);
    }
    assert_eq!(api.sessions(&ann).await.len(), 5);
    let out = async |path: &str, answer: &Answer| api.post(path, Some(&answer.person()), json!({})).await;
    out("/v1/auth/logout", &all[0]).await.expect(204);
    out("/v1/auth/logout", &all[0]).await.refused(401, "TOKEN_INVALID");
    api.refresh(&all[0].refresh_token()).await.refused(401, "TOKEN_INVALID");
    api.refresh(&all[1].refresh_token()).await.expect(200);

    let one = format!("/v1/auth/sessions/{}", all[1].person().session());
    api.call("DELETE", &one, Some(&bob), json!({}), &[]).await.refused(404, "NOT_FOUND");
    let missing = format!("/v1/auth/sessions/{}", Uuid::now_v7());
    api.call("DELETE", &missing, Some(&bob), json!({}), &[]).await.refused(404, "NOT_FOUND");
    api.call("DELETE", "/v1/auth/sessions/7", Some(&bob), json!({}), &[]).await.refused(400, "INVALID_ID");
    assert_eq!(api.sessions(&ann).await.len(), 4);
    for _ in 0..2 {
        api.call("DELETE", &one, Some(&ann), json!({}), &[]).await.expect(204);
    }
    assert_eq!(api.sessions(&ann).await.len(), 3);

    for _ in 0..2 {
        out("/v1/auth/logout-others", &all[2]).await.expect(204);
    }
    api.refresh(&all[3].refresh_token()).await.refused(401, "TOKEN_INVALID");
    let left = api.refresh(&all[2].refresh_token()).await.expect(200);
    assert_eq!(api.sessions(&left.person()).await.len(), 1);
    out("/v1/auth/logout-all", &left).await.expect(204);
    api.refresh(&left.refresh_token()).await.refused(401, "TOKEN_INVALID");
    assert_eq!(api.sessions(&api.log_in_anew("ann").await.person()).await.len(), 1);
    assert_eq!(api.sessions(&bob).await.len(), 1);
    api.post("/v1/auth/logout", Some(&bob), json!({"all": true})).await.refused(422, "UNKNOWN_FIELD");
    assert_eq!(world.reuses().await, 0);
}

#[tokio::test]
async fn the_list_says_where_one_is_logged_in() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let phone = [("user-agent", "phone/1")];
    let first = api.call("POST", "/v1/auth/login", None, body, &phone).await.expect(200);
    let items = api.sessions(&first.person()).await;
    let mine: Vec<_> = items.iter().filter(|item| item["current"] == true).collect();
    let [mine] = mine[..] else { panic!("{items:?}") };
    assert_eq!(items.len(), 2);
    assert_eq!(mine["id"], first.json["session_id"]);
    assert_eq!((&mine["ip"], &mine["user_agent"]), (&json!("0.0.0.0"), &json!("phone/1")));

    let token = json!({"refresh_token": first.refresh_token()});
    let tablet = [("user-agent", "tablet/1")];
    let second = api.call("POST", "/v1/auth/refresh", None, token, &tablet).await.expect(200);
    let items = api.sessions(&second.person()).await;
    assert_eq!((&items[0]["id"], &items[0]["user_agent"]), (&first.json["session_id"], &json!("tablet/1")));
    assert!(items[0]["last_active_time"].as_str() > items[0]["create_time"].as_str());
}

#[tokio::test]
async fn no_table_holds_a_token() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let first = api.log_in_anew("ann").await.refresh_token();
    let next = api.refresh(&first).await.expect(200).refresh_token();
    for token in [first, next] {
        let bytes = URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
        let secret: String = bytes[16..48].iter().map(|byte| format!("{byte:02x}")).collect();
        for text in [&token[4..], &secret] {
            let sql = format!("SELECT count(*) FROM event_store.sessions t WHERE t::text ILIKE '%{text}%'");
            assert_eq!(world.count(&sql).await, 0);
        }
    }
}

/// One step of somebody who holds all tokens that ever were, by their number.
#[derive(Clone, Copy, Debug)]
enum Step {
    Present(usize),
    /// Ten seconds go by.
    Wait,
    LogOut,
}

/// A family as the contract describes it; tokens are numbers.
#[derive(Debug, Default)]
struct Model {
    current: usize,
    next: Option<(usize, bool)>,
    handed_out: usize,
    end: Option<&'static str>,
}

impl Model {
    /// The number of the token that is answered, or the code of the refusal.
    fn present(&mut self, token: usize) -> Result<usize, &'static str> {
        if let Some(end) = self.end {
            return Err(end);
        }
        match self.next {
            Some((next, true)) if token == self.current => return Ok(next),
            Some((next, _)) if token == next => self.current = next,
            _ if token == self.current => {}
            _ => {
                self.end = Some("REFRESH_TOKEN_REUSED");
                return Err("REFRESH_TOKEN_REUSED");
            }
        }
        self.handed_out += 1;
        self.next = Some((self.handed_out, true));
        Ok(self.handed_out)
    }
}

#[test]
fn random_presentations_go_as_the_contract_says() {
    let step = prop_oneof![
        12 => (0..3_usize).prop_map(Step::Present),
        3 => Just(Step::Wait),
        1 => (0..100_usize).prop_map(Step::Present),
    ];
    let end = prop_oneof![3 => Just(None), 1 => Just(Some(Step::LogOut))];
    let steps = (vec(step, 1..14), end, vec(0..3_usize, 2)).prop_map(|(mut steps, end, after)| {
        steps.extend(end);
        steps.extend(after.into_iter().map(Step::Present));
        steps
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (world, api) = runtime.block_on(async {
        let world = World::new().await;
        let api = world.api().await;
        api.member("ann").await;
        (world, api)
    });
    let config = proptest::test_runner::Config { cases: 40, failure_persistence: None, ..Default::default() };
    let run = |steps: Vec<Step>| runtime.block_on(against_the_model(&world, &api, &steps));
    TestRunner::new(config).run(&steps, run).unwrap();
    drop(api);
}

async fn against_the_model(world: &World, api: &Api, steps: &[Step]) -> Result<(), TestCaseError> {
    let first = api.log_in_anew("ann").await;
    let (person, mut model) = (first.person(), Model::default());
    let mut tokens = vec![first.refresh_token()];
    for step in steps {
        match *step {
            Step::Wait => {
                world.set_recent(person.session(), false).await;
                model.next = model.next.map(|(next, _)| (next, false));
            }
            Step::LogOut => {
                let expected = if model.end.is_none() { 204 } else { 401 };
                api.post("/v1/auth/logout", Some(&person), json!({})).await.expect(expected);
                model.end.get_or_insert("TOKEN_INVALID");
            }
            Step::Present(back) => {
                let token = (tokens.len() - 1).saturating_sub(back);
                let answer = api.refresh(&tokens[token]).await;
                match model.present(token) {
                    Err(code) => prop_assert_eq!(answer.code(), code),
                    Ok(next) => {
                        prop_assert_eq!(answer.status, 200, "{}", answer.text);
                        if next == tokens.len() {
                            world.set_recent(person.session(), true).await;
                            prop_assert!(!tokens.contains(&answer.refresh_token()));
                            tokens.push(answer.refresh_token());
                        }
                        prop_assert_eq!(&tokens[next], &answer.refresh_token());
                    }
                }
            }
        }
    }
    Ok(())
}
