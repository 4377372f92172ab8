//! Whose an outside identity is here: known, linked to who bears the address, or made an account; and parting with one.

use domain::policy::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Browser, Hostile, Lie, browser::methods};
use crate::api::{Api, Person, World};

async fn installed(more: &str) -> (World, Hostile, Api) {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.api_with_providers(&hostile.configured(more)).await;
    (world, hostile, api)
}

async fn enter(api: &Api, hostile: &Hostile, lie: Lie) -> Person {
    let mut browser = Browser::new(api);
    browser.visit(hostile, lie).await.expect(303);
    browser.person().await
}

async fn identities(api: &Api, person: &Person) -> Vec<Value> {
    let list = api.call("GET", "/v1/auth/identities", Some(person), json!({}), &[]).await.expect(200);
    list.json["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn who_bears_the_address_gets_the_identity() {
    let (world, hostile, api) = installed("").await;
    let ann = api.member("ann").await;
    let by_provider = enter(&api, &hostile, Lie::about("a1", "ANN@example.org")).await;
    assert_eq!((by_provider.id, methods(&by_provider)), (ann.id, json!(["fed"])));
    let linked = "SELECT count(*) FROM event_store.events WHERE event_type = 'user.identity_linked' \
         AND payload::jsonb ->> 'by' = 'verified_email' AND metadata::jsonb ->> 'actor_id' = aggregate_id";
    assert_eq!(world.count(linked).await, 1);
    // The password works on, and nobody's session has ended.
    api.log_in("ann@example.org").await;
    assert_eq!(identities(&api, &ann).await.len(), 1);
    // From now on the provider's name for her counts, whatever address it gives, or none.
    let silent = Lie::claiming(json!({"sub": "a1"}));
    assert_eq!(enter(&api, &hostile, silent).await.id, ann.id);
    assert_eq!(enter(&api, &hostile, Lie::about("a1", "other@example.org")).await.id, ann.id);
    // The address now belongs to somebody else there: that is not Ann.
    let mut browser = Browser::new(&api);
    let other = Lie::about("a2", "ann@example.org");
    browser.visit(&hostile, other).await.refused(409, "IDENTITY_CONFLICT");
    assert_eq!(world.count(linked).await, 1);
}

#[tokio::test]
async fn whom_nobody_vouches_for_stays_outside() {
    let (world, hostile, api) = installed("sign_up = true\nemail_domains = [\"example.org\"]").await;
    api.member("ann").await;
    let register = json!({"email": "new@example.org", "password": "seven quiet herons", "name": "New"});
    api.post("/v1/auth/register", None, register).await.expect(202);
    let gone = api.member("gone").await;
    let admin = api.person("root", &[Role::Admin]).await;
    enter(&api, &hostile, Lie::about("known", "gone@example.org")).await;
    api.post(&format!("/v1/users/{}/deactivate", gone.id), Some(&admin), json!({})).await.expect(200);
    let before = world.count("SELECT count(*) FROM event_store.events").await;
    let unverified = |flag: Value| Lie::about("x", "ann@example.org").but(json!({"email_verified": flag}));
    let cases = [
        (unverified(json!(false)), 403, "OIDC_EMAIL_NOT_VERIFIED"),
        (unverified(json!(null)), 403, "OIDC_EMAIL_NOT_VERIFIED"),
        (unverified(json!("yes")), 403, "OIDC_EMAIL_NOT_VERIFIED"),
        (Lie::claiming(json!({"sub": "x"})), 403, "OIDC_EMAIL_NOT_VERIFIED"),
        (
            Lie { userinfo: Some(json!({"sub": "x"})), ..Lie::claiming(json!({"sub": "x"})) },
            403,
            "OIDC_EMAIL_NOT_VERIFIED",
        ),
        (Lie::about("x", "no address"), 403, "OIDC_EMAIL_NOT_VERIFIED"),
        (Lie::about("x", "ann@example.org.evil.com"), 403, "OIDC_NO_ACCOUNT"),
        (Lie::about("x", "somebody@example.com"), 403, "OIDC_NO_ACCOUNT"),
        // Somebody has signed up with it who may be anybody.
        (Lie::about("x", "new@example.org"), 403, "ACCOUNT_NOT_VERIFIED"),
        (Lie::about("x", "gone@example.org"), 403, "ACCOUNT_DEACTIVATED"),
        (Lie::about("known", "gone@example.org"), 403, "ACCOUNT_DEACTIVATED"),
    ];
    for (lie, status, code) in cases {
        let shown = format!("{lie:?}");
        let mut browser = Browser::new(&api);
        let refused = browser.visit(&hostile, lie).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{shown}");
        assert!(browser.cookies().is_empty(), "{shown}");
    }
    assert_eq!(world.count("SELECT count(*) FROM event_store.events").await, before);
    // By an address that the provider keeps elsewhere, one may.
    let info = json!({"sub": "y", "email": "y@example.org", "email_verified": true, "name": "Y"});
    enter(&api, &hostile, Lie { userinfo: Some(info), ..Lie::claiming(json!({"sub": "y"})) }).await;
    // Where signing up is not allowed, nobody does.
    let strict = world.api_with_providers(&hostile.configured("")).await;
    let new = Lie::about("z", "z@example.org");
    Browser::new(&strict).visit(&hostile, new).await.refused(403, "OIDC_NO_ACCOUNT");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_come_back_at_once_are_one() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let providers = hostile.configured("sign_up = true");
    let (one, two) = tokio::join!(world.api_with_providers(&providers), world.api_with_providers(&providers));
    for (name, linking) in [("kim", false), ("ann", true)] {
        if linking {
            one.member(name).await;
        }
        let visits = (0..8).map(|index| {
            let api = if index % 2 == 0 { &one } else { &two };
            enter(api, &hostile, Lie::about(name, &format!("{name}@example.org")))
        });
        let people: Vec<Uuid> = join_all(visits).await.iter().map(|person| person.id).collect();
        assert!(people.iter().all(|id| *id == people[0]), "{people:?}");
    }
    let events = "SELECT count(*) FROM event_store.events WHERE event_type = 'user.identity_linked'";
    assert_eq!(world.count(events).await, 2);
    assert_eq!(
        world.count("SELECT count(*) FROM event_store.unique_claims WHERE scope = 'user.identity'").await,
        2
    );
    let registered = "SELECT count(*) FROM event_store.events WHERE event_type = 'user.registered'";
    assert_eq!(world.count(registered).await, 1);
}

#[tokio::test]
async fn parting_with_an_identity() {
    let (world, hostile, api) = installed("sign_up = true").await;
    let ann = api.member("ann").await;
    let about = || Lie::about("a1", "ann@example.org");
    let by_provider = enter(&api, &hostile, about()).await;
    let bob = api.member("bob").await;
    let id = identities(&api, &ann).await[0]["id"].as_str().unwrap().to_owned();
    let part = async |who: &Person, id: &str| {
        api.call("DELETE", &format!("/v1/auth/identities/{id}"), Some(who), json!({}), &[]).await
    };
    part(&bob, &id).await.refused(404, "NOT_FOUND");
    part(&ann, "x").await.refused(400, "INVALID_ID");
    let stale = world.older_token(&ann, &["auth_time"]).await;
    part(&Person { token: stale, ..ann.clone() }, &id).await.refused(403, "REAUTHENTICATION_REQUIRED");
    part(&ann, &id).await.expect(200);
    part(&ann, &id).await.refused(401, "TOKEN_STALE");
    api.post("/v1/auth/logout", Some(&by_provider), json!({})).await.expect(401);
    assert_eq!(
        world.count("SELECT count(*) FROM event_store.unique_claims WHERE scope = 'user.identity'").await,
        0
    );
    // The provider still vouches for her address.
    assert_eq!(enter(&api, &hostile, about()).await.id, ann.id);

    // Who has no password must not lock himself out; after setting one he may part.
    let kim = enter(&api, &hostile, Lie::about("k1", "kim@example.org")).await;
    let id = identities(&api, &kim).await[0]["id"].as_str().unwrap().to_owned();
    part(&kim, &id).await.refused(409, "LAST_WAY_IN");
    api.post("/v1/auth/password/forgot", None, json!({"email": "kim@example.org"})).await.expect(202);
    let sql = "SELECT (payload::jsonb ->> 'link')::uuid FROM event_store.events WHERE event_type = 'user.password_reset_requested'";
    let link: Uuid = sqlx::query_scalar(sql).fetch_one(&world.owner).await.unwrap();
    let token = world.mail_tokens().write(service::mail_token::Purpose::ResetPassword, kim.id, link);
    let reset = json!({"token": token, "password": crate::api::PASSWORD});
    api.post("/v1/auth/password/reset", None, reset).await.expect(200);
    let kim = Person { token: api.log_in("kim@example.org").await, ..kim };
    part(&kim, &id).await.expect(200);
}
