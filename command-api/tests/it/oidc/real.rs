//! Against a real provider: a program that knows nothing of us.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use domain::personal::Sealed;
use reqwest::{Client as Http, Response, redirect::Policy};
use serde_json::{Value, json};
use servers::testing::{Client, IdentityProvider, identity_provider};

use super::{
    Browser,
    browser::{Departure, methods},
};
use crate::api::{Answer, World};

/// Nothing here takes this long; it only bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a form would write otherwise stands in a form only: this provider takes Basic as it comes.
const SECRET: &str = "plain-secret";
const ODD_SECRET: &str = "p: ä/+%&=";

const CLIENTS: [Client; 3] = [
    Client {
        id: "us",
        method: "client_secret_basic",
        secret: Some(SECRET),
        redirect_uri: "http://localhost:8080/v1/auth/oidc/basic/callback",
    },
    Client {
        id: "us too",
        method: "client_secret_post",
        secret: Some(ODD_SECRET),
        redirect_uri: "http://localhost:8080/v1/auth/oidc/post/callback",
    },
    Client {
        id: "us:public",
        method: "none",
        secret: None,
        redirect_uri: "http://localhost:8080/v1/auth/oidc/public/callback",
    },
];

/// A table of the file of providers.
fn configured(provider: &IdentityProvider, id: &str, client: &Client, secret: Option<&Path>) -> String {
    let secret = secret.map(|path| format!("client_secret_file = {path:?}")).unwrap_or_default();
    let way = if client.method == "client_secret_post" { "client_auth = \"post\"" } else { "" };
    format!(
        "[[provider]]\nid = \"{id}\"\nname = \"Real\"\nissuer = \"{}\"\nclient_id = \"{}\"\nsign_up = true\n{secret}\n{way}\n",
        provider.issuer(),
        client.id,
    )
}

fn http() -> Http {
    service::tls::install();
    Http::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

async fn add_user(provider: &IdentityProvider, name: &str, email: &str) {
    let user = json!({"username": name, "password": "pw", "email": email});
    let answer =
        http().post(format!("{}/api/runtime/users", provider.issuer())).json(&user).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

fn cookies(answer: &Response) -> String {
    let lines = answer.headers().get_all("set-cookie").iter();
    let pairs: Vec<_> =
        lines.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned()).collect();
    pairs.join("; ")
}

/// Logs in at the provider, as a person does there; gives the address that the browser is sent back to.
async fn log_in(departure: &Departure, name: &str) -> String {
    let http = http();
    let page = http.get(departure.url.clone()).send().await.unwrap();
    let cookies = cookies(&page);
    let html = page.text().await.unwrap();
    let (_, rest) = html.split_once("name=\"transaction_id\" value=\"").unwrap_or_else(|| panic!("{html}"));
    let transaction = rest.split('"').next().unwrap();
    let mut url = departure.url.clone();
    url.set_query(None);
    let form = HashMap::from([("transaction_id", transaction), ("username", name), ("password", "pw")]);
    let answer = http.post(url).header("cookie", cookies).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 302, "{}", answer.text().await.unwrap());
    let back = answer.headers()["location"].to_str().unwrap();
    back.strip_prefix("http://localhost:8080").unwrap_or_else(|| panic!("{back}")).to_owned()
}

/// A whole login.
async fn visit(browser: &mut Browser<'_>, provider: &str, name: &str) -> Answer {
    let departure = browser.leave(provider, "").await;
    let callback = log_in(&departure, name).await;
    browser.get(&callback).await
}

/// All three ways to be known to the provider.
async fn world_of(provider: &IdentityProvider) -> (World, String, tempfile::TempDir) {
    let secrets = tempfile::tempdir().unwrap();
    let tables = ["basic", "post", "public"].iter().zip(&CLIENTS).map(|(id, client)| {
        let path = secrets.path().join(id);
        let path = client.secret.map(|secret| {
            std::fs::write(&path, format!("{secret}\n")).unwrap();
            path.as_path()
        });
        configured(provider, id, client, path)
    });
    let tables = tables.collect();
    (World::new().await, tables, secrets)
}

#[tokio::test]
async fn from_sign_up_to_the_next_login_at_a_real_provider() {
    let provider = identity_provider(&CLIENTS).await;
    let (world, providers, _secrets) = world_of(&provider).await;
    add_user(&provider, "kim", "Kim@Example.org").await;
    let api = world.api_with_providers(&providers).await;
    let mut browser = Browser::new(&api);
    let list = browser.get("/v1/auth/oidc").await.expect(200);
    let first =
        json!({"id": "basic", "name": "Real", "login_url": "http://localhost:8080/v1/auth/oidc/basic/login"});
    assert_eq!((&list.json["items"][0], list.json["items"].as_array().unwrap().len()), (&first, 3));

    let entered = visit(&mut browser, "basic", "kim").await.expect(303);
    assert_eq!(entered.header("location"), Some("http://localhost:8080/auth/entered"));
    assert_eq!(browser.cookies(), ["__Secure-refresh"]);
    let login = browser.refresh().await;
    assert_eq!(
        (&login.json["user"]["email"], &login.json["user"]["name"]),
        (&json!("Kim@example.org"), &json!("kim"))
    );
    assert_eq!(login.json["user"]["roles"], json!(["member"]));
    let kim = login.person();
    assert_eq!(methods(&kim), json!(["fed"]));
    let identities = api.call("GET", "/v1/auth/identities", Some(&kim), json!({}), &[]).await.expect(200);
    let identity = &identities.json["items"][0];
    assert_eq!((&identity["issuer"], &identity["subject"]), (&json!(provider.issuer()), &json!("kim")));

    // The same identity by every way that the provider has to know us.
    for id in ["basic", "post", "public"] {
        let mut browser = Browser::new(&api);
        visit(&mut browser, id, "kim").await.expect(303);
        assert_eq!(browser.person().await.id, kim.id, "{id}");
    }
    let types: Vec<String> =
        sqlx::query_scalar("SELECT event_type FROM event_store.events ORDER BY position")
            .fetch_all(&world.owner)
            .await
            .unwrap();
    assert_eq!(types, ["user.registered", "user.verified", "user.role_granted", "user.identity_linked"]);
    let linked: Value = sqlx::query_scalar(
        "SELECT payload::jsonb FROM event_store.events WHERE event_type = 'user.identity_linked'",
    )
    .fetch_one(&world.owner)
    .await
    .unwrap();
    let subject = linked["subject"].as_str().unwrap().to_owned();
    assert!(subject.starts_with(&format!("s1.{}.", kim.id)), "{linked}");
    assert_eq!(api.inside.commands.unseal(&Sealed(subject)).await.unwrap().as_deref(), Some("kim"));
    assert_eq!((&linked["by"], &linked["provider"]), (&json!("sign_up"), &json!("basic")));
    let claims = "SELECT count(*) FROM event_store.unique_claims WHERE scope = 'user.identity' AND value NOT LIKE '%kim%'";
    assert_eq!(world.count(claims).await, 1);
}

#[tokio::test]
async fn a_real_provider_holds_codes_to_their_logins() {
    let provider = identity_provider(&CLIENTS).await;
    let (world, providers, _secrets) = world_of(&provider).await;
    add_user(&provider, "kim", "kim@example.org").await;
    let api = world.api_with_providers(&providers).await;
    let mut browser = Browser::new(&api);
    let (one, two) = (browser.leave("public", "").await, browser.leave("public", "").await);
    let back = log_in(&one, "kim").await;
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let injected = browser.get(&two.callback(&[("code", code)])).await.refused(401, "OIDC_REFUSED");
    assert_eq!(injected.json["provider_error"], "invalid_grant");
    let invented = browser.get(&one.callback(&[("code", "invented")])).await.refused(401, "OIDC_REFUSED");
    assert_eq!(invented.json["provider_error"], "invalid_grant");
    assert_eq!(world.count("SELECT count(*) FROM event_store.events").await, 0);
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_found() {
    let provider = identity_provider(&CLIENTS).await;
    let (world, providers, _secrets) = world_of(&provider).await;
    add_user(&provider, "kim", "kim@example.org").await;
    let api = world.api_with_providers(&providers).await;
    visit(&mut Browser::new(&api), "basic", "kim").await.expect(303);
    let rotated = http().post(format!("{}/api/keys/rotate", provider.issuer())).send().await.unwrap();
    assert_eq!(rotated.status(), 200);
    // Not asked for at once by everybody whose token names an unknown key.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = visit(&mut Browser::new(&api), "basic", "kim").await;
        if answer.status == 303 {
            break;
        }
        answer.refused(401, "OIDC_NOT_BELIEVED");
        assert!(Instant::now() < deadline, "the new key is never found");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_the_trouble_of_its_people_only() {
    let mut provider = identity_provider(&CLIENTS).await;
    let (world, providers, _secrets) = world_of(&provider).await;
    provider.stop().await;
    let api = world.api_with_providers(&providers).await;
    api.member("ann").await;
    let mut browser = Browser::new(&api);
    let down = browser.get("/v1/auth/oidc/basic/login").await.refused(503, "OIDC_UNAVAILABLE");
    assert!(down.header("retry-after").is_some());
    assert!(!down.text.contains("127.0.0.1"), "{}", down.text);
    provider.start().await;
    add_user(&provider, "kim", "kim@example.org").await;
    let deadline = Instant::now() + PATIENCE;
    while browser.get("/v1/auth/oidc/basic/login").await.status != 303 {
        assert!(Instant::now() < deadline, "it is never asked again");
    }
    let departure = browser.leave("basic", "").await;
    let callback = log_in(&departure, "kim").await;
    provider.stop().await;
    browser.get(&callback).await.refused(503, "OIDC_UNAVAILABLE");
    provider.start().await;
    // That login is used up; another one works.
    browser.get(&callback).await.refused(401, "OIDC_LOGIN_VOID");
    add_user(&provider, "kim", "kim@example.org").await;
    visit(&mut browser, "basic", "kim").await.expect(303);
}
