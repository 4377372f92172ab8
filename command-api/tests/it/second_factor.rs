//! The second factor: enrolling, the second step of a login, recovery codes, guessing, races.

use axum::http::StatusCode;
use chrono::Utc;
use futures_util::future::join_all;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use uuid::Uuid;

use crate::api::{Answer, Api, PASSWORD, Person, World, request};

const FIFTEEN_MINUTES: u64 = 15 * 60;

/// What the user has in hand.
pub(crate) struct Authenticator {
    secret: String,
    recovery_codes: Vec<String>,
}

impl Authenticator {
    fn of(secret: &str) -> Self {
        Self { secret: secret.to_owned(), recovery_codes: Vec::new() }
    }

    /// What it shows now.
    pub(crate) fn code(&self) -> String {
        self.code_at(Utc::now().timestamp())
    }

    fn code_at(&self, time: i64) -> String {
        let secret = Secret::try_from_base32(&self.secret).unwrap();
        Builder::new().with_secret(secret).build_noncompliant().generate(time.try_into().unwrap()).to_string()
    }

    /// Six digits that it shows neither now nor a little later.
    fn wrong_code(&self) -> String {
        let now = Utc::now().timestamp();
        let near: Vec<_> = (-4..=20).map(|step| self.code_at(now + step * 30)).collect();
        let mut all = (0..100).map(|number| format!("{number:06}"));
        all.find(|code| !near.contains(code)).unwrap()
    }
}

impl World {
    /// As if thirty seconds had gone by: no code was accepted in the present step.
    async fn next_step(&self) {
        let sql = "UPDATE event_store.totp_secrets SET last_step = 0";
        sqlx::query(sql).execute(&self.owner).await.unwrap();
    }

    async fn run(&self, sql: &str) {
        sqlx::query(sql).execute(&self.owner).await.unwrap();
    }
}

impl Api {
    pub(crate) async fn enrol(&self, person: &Person) -> Authenticator {
        let enrolled = self.post("/v1/auth/totp/enrol", Some(person), json!({})).await.expect(200);
        Authenticator::of(enrolled.json["secret"].as_str().unwrap())
    }

    /// Gives the person a second factor; the person's session goes on with a new token.
    pub(crate) async fn equip(&self, world: &World, name: &str) -> (Person, Authenticator) {
        self.member(name).await;
        let first = self.log_in_anew(name).await;
        let mut authenticator = self.enrol(&first.person()).await;
        let code = json!({"code": authenticator.code()});
        let confirmed = self.post("/v1/auth/totp/confirm", Some(&first.person()), code).await.expect(200);
        authenticator.recovery_codes = texts(&confirmed.json["recovery_codes"]);
        world.next_step().await;
        let refreshed = self.refresh(&first.refresh_token()).await.expect(200);
        (refreshed.person(), authenticator)
    }

    /// The first step of a login.
    async fn half_way(&self, name: &str) -> String {
        let answer = self.log_in_anew(name).await;
        assert_eq!(answer.json["mfa_required"], true, "{}", answer.text);
        answer.json["mfa_token"].as_str().unwrap().to_owned()
    }

    /// The second step, sent again only if nothing was judged: a 429 asks to come back too.
    async fn finish(&self, mfa_token: &str, member: &str, code: &str) -> Answer {
        let body = json!({"mfa_token": mfa_token, member: code}).to_string();
        loop {
            let answer = self.send(request("POST", "/v1/auth/mfa", None, &body, &[])).await;
            if answer.code() != "OVERLOADED" {
                return answer;
            }
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn from_enrolment_to_login() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let confirm =
        async |code: &str| api.post("/v1/auth/totp/confirm", Some(&ann), json!({"code": code})).await;
    confirm("123456").await.refused(409, "STATE_CONFLICT");
    let enrolled = api.post("/v1/auth/totp/enrol", Some(&ann), json!({})).await.expect(200);
    assert_eq!(enrolled.header("cache-control"), Some("no-store"));
    let secret = enrolled.json["secret"].as_str().unwrap();
    let uri = format!("otpauth://totp/Taskledger:ann%40example.org?secret={secret}&issuer=Taskledger");
    assert_eq!(enrolled.json["otpauth_uri"], json!(uri));
    let authenticator = Authenticator::of(secret);
    confirm(&authenticator.wrong_code()).await.refused(401, "MFA_INVALID");
    confirm("12345").await.refused(422, "VALIDATION_FAILED");
    api.log_in_anew("ann").await.person(); // not asked for before it is confirmed
    let code = authenticator.code();
    let confirmed = confirm(&code).await.expect(200);
    assert_eq!((&confirmed.json["totp"], &confirmed.json["recovery_codes_left"]), (&json!(true), &json!(10)));
    assert_eq!(confirmed.header("cache-control"), Some("no-store"));
    let codes = texts(&confirmed.json["recovery_codes"]);
    assert_eq!(codes.len(), 10);

    let asked = api.log_in_anew("ann").await;
    assert_eq!(asked.json["methods"], json!(["totp", "recovery_code"]));
    assert_eq!((asked.json.get("access_token"), asked.header("set-cookie")), (None, None));
    let token = asked.json["mfa_token"].as_str().unwrap();
    api.finish(token, "code", &code).await.refused(401, "MFA_INVALID"); // it was used to confirm
    world.next_step().await;
    api.finish(token, "code", &authenticator.wrong_code()).await.refused(401, "MFA_INVALID");
    let entered = api.finish(token, "code", &authenticator.code()).await.expect(200);
    assert_eq!(entered.person().claims()["amr"], json!(["pwd", "otp"]));
    assert_eq!(entered.json["user"]["id"], json!(ann.id));
    api.refresh(&entered.refresh_token()).await.expect(200);
    world.next_step().await;
    api.finish(token, "code", &authenticator.code()).await.refused(401, "TOKEN_INVALID");

    api.post("/v1/auth/totp/enrol", Some(&entered.person()), json!({})).await.refused(409, "STATE_CONFLICT");
    let disabled = api.post("/v1/auth/totp/disable", Some(&entered.person()), json!({})).await.expect(200);
    assert_eq!(disabled.json["totp"], false);
    let plain = api.log_in_anew("ann").await.person();
    assert_eq!(plain.claims()["amr"], json!(["pwd"]));
    let again = api.post("/v1/auth/totp/disable", Some(&plain), json!({})).await.expect(200);
    assert_eq!(again.json["version"], disabled.json["version"]);
}

#[tokio::test]
async fn the_second_step_wants_one_proof() {
    let world = World::new().await;
    let api = world.api().await;
    let refused = async |body: Value| {
        let refused = api.post("/v1/auth/mfa", None, body).await.refused(422, "VALIDATION_FAILED");
        refused.violations()
    };
    let entry = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    let none = refused(json!({"mfa_token": "x"})).await;
    assert_eq!(none, [entry("/code", "ONE_REQUIRED")]);
    let both = refused(json!({"code": "123456", "recovery_code": "abcd-efgh-jkmn-pqrs"})).await;
    assert_eq!(both, [entry("/mfa_token", "REQUIRED"), entry("/recovery_code", "CONTRADICTION")]);
    let bad = refused(json!({"mfa_token": "x", "recovery_code": "1"})).await;
    assert_eq!(bad, [entry("/recovery_code", "MALFORMED")]);
    for token in ["", "x", "tlf_", "tlf_AAAA"] {
        api.finish(token, "code", "123456").await.refused(401, "TOKEN_INVALID");
    }
    let _unused = world;
}

#[tokio::test]
async fn what_proves_who_one_is_changes_only_by_who_proved_it_lately() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let login = api.log_in_anew("ann").await;
    let ann = login.person();
    let old = Person { id: ann.id, token: world.older_token(&ann, &["auth_time"]).await };
    let bodies = [("enrol", json!({})), ("confirm", json!({"code": "123456"})), ("disable", json!({}))];
    for (path, body) in bodies.into_iter().chain([("recovery-codes", json!({}))]) {
        let path = format!("/v1/auth/totp/{path}");
        api.post(&path, Some(&old), body).await.refused(403, "REAUTHENTICATION_REQUIRED");
    }
    let prove = async |who: &Person, body: Value| api.post("/v1/auth/reauthenticate", Some(who), body).await;
    prove(&old, json!({"password": "tempest over kiwj"})).await.refused(401, "INVALID_CREDENTIALS");
    let proved = prove(&old, json!({"password": PASSWORD})).await.expect(200);
    assert_eq!(proved.header("cache-control"), Some("no-store"));
    let fresh = Person { id: ann.id, token: proved.json["access_token"].as_str().unwrap().to_owned() };
    assert_eq!(fresh.session(), ann.session());
    assert!(fresh.claims()["auth_time"].as_i64() >= ann.claims()["auth_time"].as_i64());
    let authenticator = api.enrol(&fresh).await;
    let code = json!({"code": authenticator.code()});
    api.post("/v1/auth/totp/confirm", Some(&fresh), code).await.expect(200);
    world.next_step().await;

    // The second factor belongs to the proof from now on; the session goes on with a refresh.
    let refreshed = api.refresh(&login.refresh_token()).await.expect(200).person();
    let old = Person { id: ann.id, token: world.older_token(&refreshed, &["auth_time"]).await };
    let wrong = json!({"password": PASSWORD, "code": authenticator.wrong_code()});
    for body in [json!({"password": PASSWORD}), wrong] {
        prove(&old, body).await.refused(401, "MFA_INVALID");
    }
    let both = json!({"password": PASSWORD, "code": authenticator.code()});
    let proved = prove(&old, both.clone()).await.expect(200);
    let fresh = Person { id: ann.id, token: proved.json["access_token"].as_str().unwrap().to_owned() };
    assert_eq!(fresh.claims()["amr"], json!(["pwd", "otp"]));
    prove(&old, both).await.refused(401, "MFA_INVALID");
    world.next_step().await;
    api.post("/v1/auth/logout", Some(&fresh), json!({})).await.expect(204);
    let body = json!({"password": PASSWORD, "code": authenticator.code()});
    prove(&old, body).await.refused(401, "TOKEN_INVALID");
}

#[tokio::test]
async fn all_other_sessions_end_when_the_factor_changes() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let (here, there) = (api.log_in_anew("ann").await, api.log_in_anew("ann").await);
    let authenticator = api.enrol(&here.person()).await;
    let code = json!({"code": authenticator.code()});
    api.post("/v1/auth/totp/confirm", Some(&here.person()), code).await.expect(200);
    api.refresh(&there.refresh_token()).await.refused(401, "TOKEN_INVALID");
    let here = api.refresh(&here.refresh_token()).await.expect(200);
    assert_eq!(api.sessions(&here.person()).await.len(), 1);

    world.next_step().await;
    let token = api.half_way("ann").await;
    let there = api.finish(&token, "code", &authenticator.code()).await.expect(200);
    let renewed = api.post("/v1/auth/totp/recovery-codes", Some(&here.person()), json!({})).await.expect(200);
    assert_eq!(renewed.json["recovery_codes_left"], 10);
    let there = api.refresh(&there.refresh_token()).await.expect(200);
    let pending = api.half_way("ann").await;
    api.post("/v1/auth/totp/disable", Some(&here.person()), json!({})).await.expect(200);
    api.refresh(&there.refresh_token()).await.refused(401, "TOKEN_INVALID");
    let here = api.refresh(&here.refresh_token()).await.expect(200);
    assert_eq!(api.sessions(&here.person()).await.len(), 1);
    world.next_step().await;
    api.finish(&pending, "code", &authenticator.code()).await.refused(401, "TOKEN_INVALID");
    assert_eq!(world.count("SELECT count(*) FROM event_store.totp_secrets").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM event_store.recovery_codes").await, 0);
}

#[tokio::test]
async fn recovery_codes_are_good_once() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, authenticator) = api.equip(&world, "ann").await;
    let (_, bobs) = api.equip(&world, "bob").await;
    let enter = async |code: &str| {
        let token = api.half_way("ann").await;
        api.finish(&token, "recovery_code", code).await
    };
    enter(&bobs.recovery_codes[0]).await.refused(401, "MFA_INVALID");
    let code = &authenticator.recovery_codes[4];
    let entered = enter(&code.to_uppercase().replace('-', " ")).await.expect(200);
    assert_eq!(entered.person().claims()["amr"], json!(["pwd", "otp"]));
    enter(code).await.refused(401, "MFA_INVALID");
    let sql = "SELECT payload::text || (metadata ->> 'actor_id') FROM event_store.events \
         WHERE event_type = 'user.recovery_code_used'";
    let events: Vec<String> = sqlx::query_scalar(sql).fetch_all(&world.owner).await.unwrap();
    assert_eq!(events, [format!("{{\"number\":4,\"left\":9}}{}", ann.id)]);

    let renewed = api.post("/v1/auth/totp/recovery-codes", Some(&ann), json!({})).await.expect(200);
    enter(&authenticator.recovery_codes[5]).await.refused(401, "MFA_INVALID");
    let new = texts(&renewed.json["recovery_codes"]);
    enter(&new[4]).await.expect(200);
    let kept = world.count("SELECT count(*) FROM event_store.recovery_codes").await;
    assert_eq!(kept, 20, "those of before are forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_present_one_code_one_comes_in() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let (_, authenticator) = one.equip(&world, "ann").await;
    let codes = [("code", authenticator.code()), ("recovery_code", authenticator.recovery_codes[0].clone())];
    for (member, code) in codes {
        world.next_step().await;
        let mut tokens = Vec::new();
        for _ in 0..4 {
            tokens.push(one.half_way("ann").await);
        }
        // A code of the authenticator may grow too old on the way: then one of now is presented by all.
        let code = if member == "code" { authenticator.code() } else { code };
        let all = tokens.iter().enumerate().map(|(index, token)| {
            let api = if index % 2 == 0 { &one } else { &two };
            api.finish(token, member, &code)
        });
        let answers = join_all(all).await;
        let came_in = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
        assert_eq!(came_in, 1, "{member}: {answers:?}");
        for refused in answers.into_iter().filter(|answer| answer.status != StatusCode::OK) {
            refused.refused(401, "MFA_INVALID");
        }
        world.run("DELETE FROM event_store.second_step_tries").await;
    }
    let used = "SELECT count(*) FROM event_store.events WHERE event_type = 'user.recovery_code_used'";
    assert_eq!(world.count(used).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_guesses_then_a_quarter_of_an_hour() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let (_, authenticator) = one.equip(&world, "ann").await;
    let (_, bobs) = one.equip(&world, "bob").await;
    let wrong = authenticator.wrong_code();
    let mut tokens = Vec::new();
    for _ in 0..12 {
        tokens.push(one.half_way("ann").await);
    }
    let all = tokens.iter().enumerate().map(|(index, token)| {
        let api = if index % 2 == 0 { &one } else { &two };
        api.finish(token, "code", &wrong)
    });
    let answers = join_all(all).await;
    let judged = answers.iter().filter(|answer| answer.code() == "MFA_INVALID").count();
    assert_eq!(judged, 5, "{answers:?}");
    for answer in answers.into_iter().filter(|answer| answer.code() != "MFA_INVALID") {
        let blocked = answer.refused(429, "RATE_LIMITED");
        let seconds: u64 = blocked.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=FIFTEEN_MINUTES).contains(&seconds), "{seconds}");
    }

    // Neither the right code nor a recovery code, a new login or a new process helps; others are not concerned.
    let restarted = world.api().await;
    let token = restarted.half_way("ann").await;
    restarted.finish(&token, "code", &authenticator.code()).await.refused(429, "RATE_LIMITED");
    let recovery_code = &authenticator.recovery_codes[0];
    restarted.finish(&token, "recovery_code", recovery_code).await.refused(429, "RATE_LIMITED");
    let bobs_token = restarted.half_way("bob").await;
    restarted.finish(&bobs_token, "code", &bobs.code()).await.expect(200);

    let quarter = "UPDATE event_store.second_step_tries SET last_at = last_at - interval '15 minutes'";
    world.run(quarter).await;
    one.finish(&token, "code", &wrong).await.refused(401, "MFA_INVALID");
    one.finish(&token, "code", &authenticator.code()).await.expect(200);
    assert_eq!(world.count("SELECT count(*) FROM event_store.second_step_tries").await, 0);
}

#[tokio::test]
async fn a_login_is_finished_in_time_or_not_at_all() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[domain::policy::Role::Admin]).await;
    let (ann, authenticator) = api.equip(&world, "ann").await;
    let token = api.half_way("ann").await;
    let kept =
        "SELECT extract(epoch FROM expires_at - clock_timestamp())::bigint FROM event_store.half_logins";
    assert!((1..=300).contains(&world.count(kept).await));
    world.run("UPDATE event_store.half_logins SET expires_at = clock_timestamp()").await;
    api.finish(&token, "code", &authenticator.code()).await.refused(401, "TOKEN_INVALID");
    let token = api.half_way("ann").await;
    for path in ["deactivate", "reactivate"] {
        api.post(&format!("/v1/users/{}/{path}", ann.id), Some(&admin), json!({})).await.expect(200);
        api.finish(&token, "code", &authenticator.code()).await.refused(401, "TOKEN_INVALID");
    }
    let token = api.half_way("ann").await;
    api.finish(&token, "code", &authenticator.code()).await.expect(200);
}

#[tokio::test]
async fn pages_get_the_cookie_after_the_second_step() {
    let world = World::new().await;
    let api = world.api().await;
    let (_, authenticator) = api.equip(&world, "ann").await;
    let token = api.half_way("ann").await;
    let body = json!({"mfa_token": token, "code": authenticator.code(), "refresh_cookie": true});
    let finish = async |origin: &str| {
        api.call("POST", "/v1/auth/mfa", None, body.clone(), &[("origin", origin)]).await
    };
    finish("https://evil.example").await.refused(403, "FORBIDDEN");
    let entered = finish("http://localhost:8080").await.expect(200);
    assert!(entered.header("set-cookie").unwrap().starts_with("__Secure-refresh=tlr_"));
    assert_eq!(entered.json.get("refresh_token"), None);
}

#[tokio::test]
async fn beside_a_second_factor_a_shorter_password_will_do() {
    const SHORT: &str = "k3#Qz9vL";
    let world = World::new().await;
    let api = world.api().await;
    let bob = api.member("bob").await;
    let (ann, _) = api.equip(&world, "ann").await;
    let change = async |person: &Person, old: &str, new: &str| {
        let body = json!({"old_password": old, "new_password": new});
        api.post("/v1/auth/password/change", Some(person), body).await
    };
    change(&bob, PASSWORD, SHORT).await.refused(422, "VALIDATION_FAILED");
    let refused = change(&ann, PASSWORD, "k3#Qz9v").await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/new_password".to_owned(), "TOO_SHORT".to_owned())]);
    change(&ann, PASSWORD, SHORT).await.expect(200);
    for (name, status) in [("bob", 422), ("ann", 200)] {
        api.forgot(&format!("{name}@example.org")).await;
        api.reset(&world.to_reset().await, "Zt7!wq2M").await.expect(status);
    }
    let body = json!({"email": "ann@example.org", "password": "Zt7!wq2M"});
    let asked = api.post("/v1/auth/login", None, body).await.expect(200);
    assert_eq!(asked.json["mfa_required"], true);
}

#[tokio::test]
async fn what_is_shown_once_is_kept_nowhere() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let login = api.log_in_anew("ann").await;
    let authenticator = api.enrol(&login.person()).await;
    let key = Uuid::now_v7().to_string();
    let key = [("idempotency-key", key.as_str())];
    let body = json!({"code": authenticator.code()});
    let confirm = async |who: &Person| {
        api.call("POST", "/v1/auth/totp/confirm", Some(who), body.clone(), &key).await.expect(200)
    };
    let first = confirm(&login.person()).await;
    let refreshed = api.refresh(&login.refresh_token()).await.expect(200);
    let replayed = confirm(&refreshed.person()).await;
    assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
    assert_eq!(replayed.json.get("recovery_codes"), None);
    assert_eq!(replayed.version(), first.version());
    let mfa_token = api.half_way("ann").await;

    let secret = Secret::try_from_base32(&authenticator.secret).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut hidden = texts(&first.json["recovery_codes"]);
    let plain: Vec<_> = hidden.iter().map(|code| code.replace('-', "")).collect();
    hidden.extend(plain.iter().map(|code| hex(code.as_bytes())));
    hidden.extend(plain);
    hidden.extend([authenticator.secret.clone(), hex(secret.as_bytes()), mfa_token]);
    let tables = ["events", "command_receipts", "totp_secrets", "recovery_codes", "half_logins"];
    for (table, text) in tables.iter().flat_map(|table| hidden.iter().map(move |text| (table, text))) {
        let sql = format!("SELECT count(*) FROM event_store.{table} t WHERE t::text ILIKE '%{text}%'");
        assert_eq!(world.count(&sql).await, 0, "{table} holds {text}");
    }
}

/// Eight characters will do beside a second factor, and never without.
#[tokio::test]
async fn a_short_password_needs_the_second_factor() {
    const SHORT: &str = "zuvp kqm";
    const LONG: &str = "another tempest over kiwi";
    let world = World::new().await;
    let api = world.api().await;
    let change = async |person: &Person, old: &str, new: &str| {
        let body = json!({"old_password": old, "new_password": new});
        api.post("/v1/auth/password/change", Some(person), body).await
    };
    let too_short = |refused: Answer, min: u64| {
        let refused = refused.refused(422, "VALIDATION_FAILED");
        assert_eq!(
            (&refused.json["errors"][0]["code"], &refused.json["errors"][0]["params"]["min"]),
            (&json!("TOO_SHORT"), &json!(min))
        );
    };
    let reset = async |password: &str| {
        api.post("/v1/auth/password/forgot", None, json!({"email": "ann@example.org"})).await.expect(202);
        let body = json!({"token": world.to_reset().await, "password": password});
        api.post("/v1/auth/password/reset", None, body).await
    };
    let plain = api.member("bob").await;
    too_short(change(&plain, PASSWORD, SHORT).await, 15);

    let (ann, authenticator) = api.equip(&world, "ann").await;
    let log_in = async |password: &str| {
        let body = json!({"email": "ann@example.org", "password": password});
        let asked = api.post("/v1/auth/login", None, body).await.expect(200);
        world.next_step().await;
        let token = asked.json["mfa_token"].as_str().unwrap().to_owned();
        api.finish(&token, "code", &authenticator.code()).await.expect(200).person()
    };
    too_short(change(&ann, PASSWORD, "zuvp kq").await, 8);
    change(&ann, PASSWORD, SHORT).await.expect(200);
    let ann = log_in(SHORT).await;
    let disable = async |person: &Person| api.post("/v1/auth/totp/disable", Some(person), json!({})).await;
    disable(&ann).await.refused(409, "PASSWORD_NEEDS_FACTOR");
    change(&ann, SHORT, LONG).await.expect(200);
    // A mailed link knows as well who has what.
    too_short(reset("zuvp kq").await, 8);
    reset(SHORT).await.expect(200);
    let ann = log_in(SHORT).await;
    disable(&ann).await.refused(409, "PASSWORD_NEEDS_FACTOR");
    change(&ann, SHORT, LONG).await.expect(200);
    let ann = log_in(LONG).await;
    assert_eq!(disable(&ann).await.expect(200).json["totp"], false);
    let body = json!({"email": "ann@example.org", "password": LONG});
    api.post("/v1/auth/login", None, body).await.expect(200).person();
    too_short(reset(SHORT).await, 15);
    assert_eq!(
        world.count("SELECT count(*) FROM event_store.events WHERE payload::text LIKE '%needs%'").await,
        0
    );
}
