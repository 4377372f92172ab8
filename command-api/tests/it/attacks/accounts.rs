//! Accounts: 71 to 75. Links that are void (74) and addresses that are the same (75) are with `passwords`, logins that tell
//! nothing (73) with `auth` and `lockout`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::{PASSWORD, World, request};

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
