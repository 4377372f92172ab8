//! Nothing of what a provider says is believed that does not hold.

use chrono::Utc;
use serde_json::{Value, json};

use super::{Browser, Hostile, Lie, hostile::Fault};
use crate::api::World;

#[tokio::test]
async fn no_lie_in_a_token_lets_anybody_in() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.api_with_providers(&hostile.configured("sign_up = true")).await;
    let kim = || Lie::about("kim", "kim@example.org");
    let claims = |claims: Value| kim().but(claims);
    let header = |header: Value| Lie { header, ..kim() };
    let now = Utc::now().timestamp();
    let lies = [
        (claims(json!({"nonce": "another"})), "(nonce)"),
        (claims(json!({"nonce": null})), "(nonce)"),
        (claims(json!({"aud": "them"})), "(aud)"),
        (claims(json!({"aud": ["them", "others"]})), "(aud)"),
        (claims(json!({"aud": ["us", "them"]})), "(azp)"),
        (claims(json!({"azp": "them"})), "(azp)"),
        (claims(json!({"iss": "https://accounts.example.com"})), "(iss)"),
        (claims(json!({"iss": format!("{}/", hostile.issuer())})), "(iss)"),
        (claims(json!({"exp": now - 120})), "(exp)"),
        (claims(json!({"exp": null})), "all tokens have"),
        (claims(json!({"aud": null})), "malformed"),
        (claims(json!({"iat": now - 3600})), "(iat)"),
        (claims(json!({"iat": now + 600})), "(iat)"),
        (claims(json!({"nbf": now + 600})), "(nbf)"),
        (claims(json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"})), "(at_hash)"),
        (claims(json!({"sub": ""})), "(sub)"),
        (claims(json!({"sub": "x".repeat(256)})), "(sub)"),
        (claims(json!({"sub": 7})), "malformed"),
        (Lie { other_key: true, ..kim() }, "another key"),
        (header(json!({"kid": "unknown"})), "unknown key"),
        (header(json!({"kid": "for secrets"})), "unknown key"),
        (header(json!({"alg": "none"})), "malformed"),
        (header(json!({"alg": "HS256"})), "(alg)"),
        (header(json!({"alg": "RS256"})), "(alg)"),
        (Lie { id_token: Some(json!("no token")), ..kim() }, "malformed"),
        (Lie { id_token: Some(json!(null)), ..kim() }, "no ID token"),
        (
            Lie {
                userinfo: Some(json!({"sub": "ann", "email": "kim@example.org"})),
                ..Lie::claiming(json!({"sub": "kim"}))
            },
            "two subjects",
        ),
    ];
    for (lie, reason) in lies {
        let mut browser = Browser::new(&api);
        let shown = format!("{lie:?}");
        let refused = browser.visit(&hostile, lie).await.refused(401, "OIDC_NOT_BELIEVED");
        let said = refused.json["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{shown}: {said}");
        assert!(browser.cookies().is_empty(), "{shown}: {:?}", browser.cookies());
    }
    assert_eq!(world.count("SELECT count(*) FROM event_store.events").await, 0);
    // The truth, also without a key's name and with audiences beside us, is believed.
    let true_words = [
        kim(),
        header(json!({"kid": null})),
        claims(json!({"aud": ["us", "them"], "azp": "us", "at_hash": null})),
    ];
    for truth in true_words {
        let mut browser = Browser::new(&api);
        browser.visit(&hostile, truth).await.expect(303);
        browser.person().await;
    }
    assert_eq!(world.count("SELECT count(DISTINCT user_id) FROM event_store.sessions").await, 1);
}

#[tokio::test]
async fn a_provider_that_is_none_is_told_apart() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    for fault in [Fault::Impostor, Fault::Redirect, Fault::Endless, Fault::Elsewhere] {
        hostile.has(fault);
        // A process of its own: one that has known better would go on.
        let api = world.api_with_providers(&hostile.configured("")).await;
        let answer = Browser::new(&api).get("/v1/auth/oidc/hostile/login").await;
        let refused = answer.refused(503, "OIDC_UNAVAILABLE");
        assert!(refused.header("retry-after").is_some(), "{fault:?}");
    }
    hostile.has(Fault::None);
    let api = world.api_with_providers(&hostile.configured("")).await;
    let mut browser = Browser::new(&api);
    let departure = browser.leave("hostile", "").await;
    hostile.has(Fault::NoTokens);
    let answer = browser.come_back(&hostile, &departure, Lie::about("kim", "kim@example.org")).await;
    answer.refused(503, "OIDC_UNAVAILABLE");
}

#[tokio::test]
async fn who_says_so_is_compared() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    hostile.has(Fault::NamesItself);
    let api = world.api_with_providers(&hostile.configured("sign_up = true")).await;
    let iss = hostile.issuer();
    for (iss, said) in [(None, "does not say"), (Some("https://accounts.example.com"), "another provider's")]
    {
        let mut browser = Browser::new(&api);
        let departure = browser.leave("hostile", "").await;
        let code = hostile.code(&departure, Lie::about("kim", "kim@example.org"));
        let iss: Vec<_> = iss.map(|iss| ("iss", iss)).into_iter().collect();
        let callback = departure.callback(&[&[("code", code.as_str())], &iss[..]].concat());
        let refused = browser.get(&callback).await.refused(401, "OIDC_NOT_BELIEVED");
        assert!(refused.json["reason"].as_str().unwrap().contains(said), "{}", refused.text);
    }
    let mut browser = Browser::new(&api);
    let departure = browser.leave("hostile", "").await;
    let code = hostile.code(&departure, Lie::about("kim", "kim@example.org"));
    browser
        .get(&departure.callback(&[("code", &code), ("iss", iss), ("session_state", "x")]))
        .await
        .expect(303);
}
