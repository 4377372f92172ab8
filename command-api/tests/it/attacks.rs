//! What attackers send to come in, each answered as everybody else is.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::{Api, PASSWORD, World, request};

/// Numbers below are those of a known list of attacks.
#[tokio::test]
async fn long_passwords_are_not_even_hashed() {
    // 71
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    for (length, status) in [(129, 401), (1025, 422), (1024 * 1024, 413)] {
        let login = json!({"email": "ann@example.org", "password": "x".repeat(length)});
        assert_eq!(api.post("/v1/auth/login", None, login).await.status, status, "{length}");
    }
    for length in [257, 1025] {
        let password = "long but not too common ".repeat(50)[..length].to_owned();
        let person = json!({"email": "new@example.org", "name": "New", "password": password});
        let refused = api.post("/v1/auth/register", None, person).await.refused(422, "VALIDATION_FAILED");
        assert_eq!(refused.violations(), [("/password".to_owned(), "TOO_LONG".to_owned())]);
    }
    assert_eq!(world.count("SELECT count(*) FROM event_store.credentials").await, 1);
}

#[tokio::test]
async fn two_hundred_wrong_passwords_make_the_pause_no_shorter() {
    // 72
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let body = |password| json!({"email": "ann@example.org", "password": password}).to_string();
    let (mut looked_at, mut pauses) = (0, Vec::new());
    for number in 0..200 {
        let wrong = body(format!("guess number {number}"));
        let answer = api.send(request("POST", "/v1/auth/login", None, &wrong, &[])).await;
        if answer.status == 401 {
            looked_at += 1;
            continue;
        }
        let pause = answer.refused(429, "RATE_LIMITED").header("retry-after").unwrap().parse();
        pauses.push(pause.unwrap());
        // Now and then somebody waits to the end of it.
        if pauses.len() % 20 == 0 {
            world.unlock().await;
        }
    }
    assert_eq!(looked_at, 40);
    assert_eq!(pauses.iter().max().map(|longest: &u64| *longest > 800), Some(true), "{pauses:?}");
    assert!(pauses.iter().all(|pause| (1..=900).contains(pause)), "{pauses:?}");
    // In the end the person comes in.
    world.unlock().await;
    api.log_in("ann@example.org").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_tells_by_no_time_who_is_known_here() {
    // 73; logins have tests of their own
    const ROUNDS: usize = 15;
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let mut times: [Vec<Duration>; 2] = Default::default();
    for round in 0..ROUNDS {
        let emails = ["ann@example.org".to_owned(), format!("new{round}@example.org")];
        for (email, times) in emails.into_iter().zip(&mut times) {
            let person = json!({"email": email, "name": "Ann", "password": PASSWORD});
            let begun = Instant::now();
            api.post("/v1/auth/register", None, person).await.expect(202);
            times.push(begun.elapsed());
        }
    }
    let [known, new] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64()
    });
    // Whoever hashes for new addresses only takes ten times as long for them.
    assert!((0.4..2.5).contains(&(known / new)), "{known} s known, {new} s new");
}

#[tokio::test]
async fn what_a_client_says_about_itself_is_not_believed() {
    // 80
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let id = ann.id.to_string();
    let claims = [
        ("x-forwarded-for", "203.0.113.77"),
        ("x-real-ip", "203.0.113.77"),
        ("forwarded", "for=203.0.113.77"),
        ("x-user", id.as_str()),
        ("x-forwarded-user", id.as_str()),
        ("x-tenant", "other"),
        ("x-http-method-override", "DELETE"),
    ];
    api.call("POST", "/v1/tasks", None, json!({"title": "t"}), &claims).await.refused(401, "UNAUTHENTICATED");
    let made = api.call("POST", "/v1/tasks", Some(&ann), json!({"title": "t"}), &claims).await.expect(201);
    assert_eq!(made.json["status"], "waiting");
    let login = json!({"email": "ann@example.org", "password": PASSWORD});
    api.call("POST", "/v1/auth/login", None, login, &claims).await.expect(200);
    let sessions = api.call("GET", "/v1/auth/sessions", Some(&ann), json!({}), &[]).await.expect(200);
    assert!(!sessions.text.contains("203.0.113.77"), "{}", sessions.text);
    assert_eq!(sessions.json["items"].as_array().unwrap().len(), 2);
    guesses_count_for_the_peer(&world).await;
}

/// With another address in the header each time.
async fn guesses_count_for_the_peer(world: &World) {
    let api: Api = world.limited_api("login=3/h").await;
    let mut statuses = Vec::new();
    for number in 0..5 {
        let body = json!({"email": format!("guess{number}@example.org"), "password": "x"}).to_string();
        let forwarded = format!("203.0.113.{number}");
        let request = request("POST", "/v1/auth/login", None, &body, &[("x-forwarded-for", &forwarded)]);
        statuses.push(api.send(request).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}
