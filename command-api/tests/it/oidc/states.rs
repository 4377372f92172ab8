//! A login comes back once, to the browser that has begun it, for the provider that it went to.

use serde_json::json;

use super::{Browser, Hostile, Lie};
use crate::api::World;

fn kim() -> Lie {
    Lie::about("kim", "kim@example.org")
}

#[tokio::test]
async fn a_login_comes_back_once() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let providers = hostile.configured("sign_up = true");
    let (one, two) = tokio::join!(world.api_with_providers(&providers), world.api_with_providers(&providers));
    let mut browser = Browser::new(&one);
    let departure = browser.leave("hostile", "").await;
    assert_eq!(browser.cookies().len(), 1);
    let code = hostile.code(&departure, kim());
    let callback = departure.callback(&[("code", &code)]);
    let mut copy = Browser::new(&two);
    copy.keep_all(&browser);
    browser.get(&callback).await.expect(303);
    assert_eq!(browser.cookies(), ["__Secure-refresh"]);
    browser.get(&callback).await.refused(401, "OIDC_LOGIN_VOID");
    // Whoever has copied the cookie is too late, at every replica.
    copy.get(&callback).await.refused(401, "OIDC_LOGIN_VOID");
}

#[tokio::test]
async fn another_browser_cannot_take_a_login_over() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.api_with_providers(&hostile.configured("sign_up = true")).await;
    let (mut ours, mut theirs) = (Browser::new(&api), Browser::new(&api));
    let departure = theirs.leave("hostile", "").await;
    let code = hostile.code(&departure, kim());
    let callback = departure.callback(&[("code", &code)]);
    ours.get(&callback).await.refused(401, "OIDC_LOGIN_VOID");
    // Not even one that has a login of its own under way.
    let own = ours.leave("hostile", "").await;
    ours.get(&callback).await.refused(401, "OIDC_LOGIN_VOID");
    // The code of one login is worth nothing in another: the provider asks for the verifier of its own.
    let refused = ours.get(&own.callback(&[("code", &code)])).await.refused(401, "OIDC_REFUSED");
    assert_eq!(refused.json["provider_error"], "invalid_grant");
    for odd in ["", "?code=x", "?state=x&code=y", "?state=a&state=b&code=c", "?code=%ff"] {
        ours.get(&format!("/v1/auth/oidc/hostile/callback{odd}")).await.refused(401, "OIDC_LOGIN_VOID");
    }
    assert_eq!(world.count("SELECT count(*) FROM event_store.events").await, 0);
}

#[tokio::test]
async fn logins_at_the_same_time_do_not_meet() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let providers = hostile.configured("sign_up = true");
    let second = providers.replace("id = \"hostile\"", "id = \"second\"");
    let api = world.api_with_providers(&format!("{providers}{second}")).await;
    let mut browser = Browser::new(&api);
    let first = browser.leave("hostile", "").await;
    let other = browser.leave("second", "").await;
    assert_eq!(browser.cookies().len(), 2);
    assert_ne!(first.parameter("redirect_uri"), other.parameter("redirect_uri"));
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(first.parameter(name), other.parameter(name));
    }
    // What was begun at one provider is not finished at the other.
    let code = hostile.code(&other, kim());
    let mixed = other.callback(&[("code", &code)]).replace("/second/", "/hostile/");
    browser.get(&mixed).await.refused(401, "OIDC_LOGIN_VOID");
    let second = browser.leave("second", "").await;
    browser.come_back(&hostile, &second, kim()).await.expect(303);
    let by_second = browser.person().await;
    browser.come_back(&hostile, &first, kim()).await.expect(303);
    // Two clients of one provider: the identity is the same.
    assert_eq!(browser.person().await.id, by_second.id);
}

#[tokio::test]
async fn a_refusal_of_the_provider_is_told_as_it_is() {
    let (world, hostile) = (World::new().await, Hostile::start().await);
    let api = world.api_with_providers(&hostile.configured("")).await;
    let mut browser = Browser::new(&api);
    let departure = browser.leave("hostile", "").await;
    let words = "x".repeat(1000);
    let callback = departure.callback(&[("error", "access_denied"), ("error_description", &words)]);
    let refused = browser.get(&callback).await.refused(401, "OIDC_REFUSED");
    assert_eq!(refused.json["provider_error"], "access_denied");
    assert_eq!(refused.json["provider_error_description"], json!("x".repeat(200)));
    browser.get(&callback).await.refused(401, "OIDC_LOGIN_VOID");
    // Without a login of this browser nobody can make us say it.
    Browser::new(&api).get(&callback).await.refused(401, "OIDC_LOGIN_VOID");
}
