//! What is revoked at one replica is refused there at once, and at the others soon, without NATS.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use domain::policy::Role;
use serde_json::{Value, json};

use crate::api::{Answer, Api, PASSWORD, Person, World};

/// Two seconds, on a machine that is ten times slower.
const FELT: Duration = Duration::from_secs(20);

/// Somebody who has just logged in.
struct Session {
    person: Person,
    refresh_token: String,
}

impl Session {
    async fn of_ann(api: &Api) -> Self {
        let body = json!({"email": "ann@example.org", "password": PASSWORD});
        Self::read(&api.post("/v1/auth/login", None, body).await.expect(200))
    }

    fn read(answer: &Answer) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let person = Person {
            id: text(&answer.json["user"]["id"]).parse().unwrap(),
            token: text(&answer.json["access_token"]),
        };
        Self { person, refresh_token: text(&answer.json["refresh_token"]) }
    }
}

async fn look(api: &Api, person: &Person) -> Answer {
    api.call("GET", "/v1/auth/sessions", Some(person), json!({}), &[]).await
}

async fn refresh(api: &Api, token: &str) -> Answer {
    api.post("/v1/auth/refresh", None, json!({"refresh_token": token})).await
}

/// Refused where it was revoked, and in time at the other.
async fn felt(here: &Api, there: &Api, person: &Person, code: &str) {
    look(here, person).await.refused(401, code);
    let begun = Instant::now();
    loop {
        let answer = look(there, person).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            answer.refused(401, code);
            return;
        }
        // Somebody who is locked out may do nothing even with a good token: the roles that count are the log's.
        assert!([StatusCode::OK, StatusCode::FORBIDDEN].contains(&answer.status), "{}", answer.text);
        assert!(begun.elapsed() < FELT, "{code} is not felt");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_are_felt_everywhere() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    one.member("ann").await;
    for way in ["logout", "logout-all", "logout-others", "delete", "reuse"] {
        let (first, other) = (Session::of_ann(&one).await, Session::of_ann(&one).await);
        look(&two, &first.person).await.expect(200);
        match way {
            "delete" => {
                let path = format!("/v1/auth/sessions/{}", first.person.session());
                one.call("DELETE", &path, Some(&other.person), json!({}), &[]).await.expect(204);
            }
            "reuse" => {
                let next = Session::read(&refresh(&two, &first.refresh_token).await.expect(200));
                refresh(&two, &next.refresh_token).await.expect(200);
                refresh(&one, &first.refresh_token).await.refused(401, "REFRESH_TOKEN_REUSED");
            }
            "logout-others" => {
                let path = "/v1/auth/logout-others";
                one.post(path, Some(&other.person), json!({})).await.expect(204);
            }
            _ => {
                let path = format!("/v1/auth/{way}");
                one.post(&path, Some(&first.person), json!({})).await.expect(204);
            }
        }
        felt(&one, &two, &first.person, "TOKEN_INVALID").await;
        if way == "logout-all" {
            felt(&one, &two, &other.person, "TOKEN_INVALID").await;
        } else {
            look(&two, &other.person).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_rights_are_felt_everywhere() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let (admin, ann) = (one.person("root", &[Role::Admin]).await, one.member("ann").await);
    let role = json!({"role": "announcer"});
    for (path, body, roles) in [
        ("roles/grant", &role, Some(json!(["member", "announcer"]))),
        ("roles/revoke", &role, Some(json!(["member"]))),
        ("logout", &json!({"reason": "lost the phone"}), None),
        ("deactivate", &json!({}), None),
    ] {
        let session = Session::of_ann(&one).await;
        look(&two, &session.person).await.expect(200);
        let path = format!("/v1/users/{}/{path}", ann.id);
        let done = one.call("POST", &path, Some(&admin), body.clone(), &[("if-match", "*")]).await;
        done.expect(200);
        felt(&one, &two, &session.person, "TOKEN_STALE").await;
        let answer = refresh(&two, &session.refresh_token).await;
        match roles {
            None => drop(answer.refused(401, "TOKEN_INVALID")),
            Some(roles) => {
                assert_eq!(answer.expect(200).json["user"]["roles"], roles);
            }
        }
    }
    look(&two, &admin).await.expect(200);
}

#[tokio::test]
async fn an_admin_ends_all_sessions_of_somebody() {
    let world = World::new().await;
    let api = world.api().await;
    let (admin, ann) = (api.person("root", &[Role::Admin]).await, api.member("ann").await);
    let (first, second) = (Session::of_ann(&api).await, Session::of_ann(&api).await);
    let path = format!("/v1/users/{}/logout", ann.id);
    api.post(&path, Some(&ann), json!({})).await.refused(403, "FORBIDDEN");
    let out = api.post(&path, Some(&admin), json!({"reason": "lost the phone"})).await.expect(200);
    assert_eq!((&out.json["state"], &out.json["roles"]), (&json!("active"), &json!(["member"])));
    for session in [first, second] {
        look(&api, &session.person).await.refused(401, "TOKEN_STALE");
        refresh(&api, &session.refresh_token).await.refused(401, "TOKEN_INVALID");
    }
    let again = Session::of_ann(&api).await;
    assert_eq!(look(&api, &again.person).await.expect(200).json["items"].as_array().unwrap().len(), 1);
    let nobody = format!("/v1/users/{}/logout", uuid::Uuid::now_v7());
    api.post(&nobody, Some(&admin), json!({})).await.refused(404, "NOT_FOUND");
}

/// The function of the event store knows the same epochs as the fold, and nothing that is old.
#[tokio::test]
async fn the_event_store_counts_epochs_as_the_fold_does() {
    let world = World::new().await;
    let api = world.api().await;
    let (admin, ann) = (api.person("root", &[Role::Admin]).await, api.member("ann").await);
    for path in ["logout", "deactivate", "reactivate", "logout"] {
        let path = format!("/v1/users/{}/{path}", ann.id);
        api.post(&path, Some(&admin), json!({})).await.expect(200);
    }
    let sql =
        "SELECT id::uuid, epoch FROM event_store.revoked($1, interval '12 minutes') WHERE kind = 'user'";
    let revoked: Vec<(uuid::Uuid, i64)> = sqlx::query_as(sql)
        .bind(domain::user::UserEvent::RAISE_EPOCH)
        .fetch_all(api.inside.commands.log().pool())
        .await
        .unwrap();
    assert!(revoked.len() >= 2, "{revoked:?}");
    for (user, epoch) in revoked {
        let known = api.inside.commands.load_user(domain::ids::UserId(user)).await.unwrap();
        assert_eq!(epoch, known.epoch);
    }
    let old = "UPDATE event_store.sessions SET ended_at = clock_timestamp() - interval '13 minutes'";
    sqlx::query(old).execute(&world.owner).await.unwrap();
    let old = "UPDATE event_store.events SET recorded_at = recorded_at - interval '13 minutes'";
    sqlx::query(old).execute(&world.owner).await.unwrap();
    let count = "SELECT count(*) FROM event_store.revoked(ARRAY['user.logged_out'], interval '12 minutes')";
    assert_eq!(world.count(count).await, 0);
    let count = "SELECT count(*) FROM event_store.revoked(ARRAY['user.logged_out'], interval '14 minutes') \
         WHERE kind = 'user' AND age BETWEEN 780 AND 840";
    assert_eq!(world.count(count).await, 1);
}
