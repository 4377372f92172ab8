//! The document of the API and the pages that show it.

use axum::http::StatusCode;
use serde_json::Value;

use crate::world::World;

/// Members of `part` that `whole` has otherwise or not at all.
fn missing(part: &Value, whole: &Value, place: &str, found: &mut Vec<String>) {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            for (name, value) in part {
                let place = format!("{place}/{name}");
                match whole.get(name) {
                    Some(other) => missing(value, other, &place, found),
                    None => found.push(place),
                }
            }
        }
        (part, whole) if part == whole => {}
        _ => found.push(place.to_owned()),
    }
}

#[tokio::test]
async fn the_served_document_describes_these_routes() {
    let world = World::new().await;
    let served = world.get("", "/v1/openapi.json").await;
    assert_eq!((served.status, &served.body["openapi"]), (StatusCode::OK, &"3.1.0".into()));
    let own = serde_json::to_value(read_api::merged([read_api::openapi()])).unwrap();
    let mut found = Vec::new();
    for part in ["paths", "components"] {
        missing(&own[part], &served.body[part], part, &mut found);
    }
    assert!(found.is_empty(), "docs/openapi.json is out of date: {found:?}");
}

#[tokio::test]
async fn the_pages_need_no_network() {
    let world = World::new().await;
    let page = world.get("", "/docs/").await;
    assert_eq!(page.status, StatusCode::OK);
    for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert_eq!(world.get("", &format!("/docs/{asset}")).await.status, StatusCode::OK, "{asset}");
    }
}
