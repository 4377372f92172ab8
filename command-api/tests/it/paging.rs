//! Lists of the write side, page by page.

use chrono::{TimeDelta, Utc};
use domain::policy::Role;
use serde_json::{Value, json};

use crate::api::{Answer, Api, Person, World};

async fn get(api: &Api, person: &Person, path: &str) -> Answer {
    api.call("GET", path, Some(person), json!({}), &[]).await
}

/// The ids of a list of which two come at a time, as a program follows it.
async fn all(api: &Api, person: &Person, path: &str) -> Vec<Value> {
    let (mut ids, mut next) = (Vec::new(), format!("{path}?page_size=2"));
    loop {
        let page = get(api, person, &next).await.expect(200);
        let items = page.json["items"].as_array().unwrap();
        ids.extend(items.iter().map(|item| item["id"].clone()));
        let Some(link) = page.header("link") else {
            assert_eq!(page.json["next_page_token"], "");
            return ids;
        };
        assert_eq!(items.len(), 2);
        let url = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        next = url[url.find("/v1/").unwrap()..].to_owned();
        assert!(next.ends_with(page.json["next_page_token"].as_str().unwrap()), "{link}");
    }
}

#[tokio::test]
async fn sessions_and_service_accounts_come_in_pages() {
    let world = World::new().await;
    let api = world.api().await;
    let root = api.person("root", &[Role::Admin, Role::Member]).await;
    let ann = api.member("ann").await;
    let mut sessions = vec![json!(ann.session())];
    let mut accounts = Vec::new();
    for _ in 0..4 {
        sessions.insert(0, json!(api.log_in_anew("ann").await.person().session()));
        accounts.push(json!(api.program(&root, &["tasks:read"]).await.id));
    }
    assert_eq!(all(&api, &ann, "/v1/auth/sessions").await, sessions);
    assert_eq!(all(&api, &root, "/v1/service-accounts").await, accounts);
    // A token is good for its own list and its own reader.
    let page = get(&api, &ann, "/v1/auth/sessions?page_size=2").await;
    let token = page.json["next_page_token"].as_str().unwrap();
    for (person, list) in [(&root, "auth/sessions"), (&root, "service-accounts")] {
        let path = format!("/v1/{list}?page_token={token}");
        get(&api, person, &path).await.refused(400, "INVALID_PAGE_TOKEN");
    }
    for query in ["page_size=0", "page_size=-1", "size=2"] {
        let refused = get(&api, &ann, &format!("/v1/auth/sessions?{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_key_in_force_is_listed_however_many_have_expired_since() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let key = json!({"name": "k", "scopes": ["tasks:read"], "expire_time": Utc::now() + TimeDelta::days(1)});
    let key = api.post("/v1/api-keys", Some(&ann), key).await.expect(201).id();
    let expired = "INSERT INTO event_store.api_keys (id, user_id, key_hash, last_characters, name, scopes, expires_at) \
         SELECT gen_random_uuid(), $1, number::text::bytea, '', '', '{}', clock_timestamp() FROM generate_series(1, 1000) number";
    sqlx::query(expired).bind(ann.id).execute(&world.owner).await.unwrap();
    let listed = get(&api, &ann, "/v1/api-keys").await.expect(200);
    assert_eq!(
        listed.json["items"].as_array().unwrap().iter().map(|key| &key["id"]).collect::<Vec<_>>(),
        [&json!(key)]
    );
}
