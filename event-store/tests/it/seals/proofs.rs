//! Proofs of single events.

use event_store::seals::{Fault, ProofError, prove};

use super::world::{BLOCK, World};
use crate::store::{self, stream, task, unit};

#[tokio::test]
async fn every_sealed_event_has_a_proof_and_no_other_has() {
    let world = World::sealed(2 * BLOCK + 1).await;
    let reader = store::pool(world.store.url(), event_store::Role::Read);
    for position in 1..=2 * BLOCK {
        let proof = prove(&reader, &world.ring, position).await.unwrap();
        let published: serde_json::Value = serde_json::from_slice(&proof.envelope).unwrap();
        assert_eq!(published["sequence"], format!("{position:020}"));
        let seal = &proof.seal.seal;
        assert_eq!(seal.first + i64::try_from(proof.index).unwrap(), position);
        assert_eq!((proof.path.len(), &proof.key), (3, world.key.public()));
    }
    for (position, expected) in [(17, "not sealed yet"), (18, "no such"), (0, "no such"), (-5, "no such")] {
        let error = prove(&reader, &world.ring, position).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{position}: {error}");
    }
}

#[tokio::test]
async fn nothing_false_is_proved() {
    let world = World::sealed(2 * BLOCK).await;
    let owner = world.owner().await;
    let cases = [
        ("UPDATE event_store.events SET payload = '{}' WHERE position = 3", 3, Fault::Changed),
        ("DELETE FROM event_store.events WHERE position = 3", 3, Fault::Missing),
        (
            "UPDATE event_store.seals SET leaves = set_byte(leaves, 5, 255 - get_byte(leaves, 5))",
            1,
            Fault::LeavesChanged,
        ),
        (
            "UPDATE event_store.seals SET line = replace(line, '\"last\":8', '\"last\":9')",
            1,
            Fault::SealChanged,
        ),
    ];
    for (harm, position, fault) in cases {
        sqlx::raw_sql("BEGIN").execute(&owner).await.unwrap();
        sqlx::raw_sql(harm).execute(&owner).await.unwrap();
        let error = prove(&owner, &world.ring, 3).await.unwrap_err();
        sqlx::raw_sql("ROLLBACK").execute(&owner).await.unwrap();
        let ProofError::Broken(found) = error else { panic!("{harm}: {error}") };
        assert_eq!((found.position, found.fault), (position, fault), "{harm}");
    }
}

/// Blocks are read in parts where events are large.
#[tokio::test]
async fn large_events_are_sealed_too() {
    let world = World::new().await;
    let text = format!("{{\"text\":\"{}\"}}", "x".repeat(400_000));
    for _ in 0..3 {
        let mut large = stream(task(), 0, 0);
        large.events = (0..6).map(|_| super::world::noted(&text)).collect();
        world.store.append(unit(vec![large])).await;
    }
    world.seal(event_store::seals::Ledger::Events, &world.sealing(std::time::Duration::ZERO)).await;
    let found = world.verify(event_store::seals::Ledger::Events).await;
    assert_eq!((found.finding, found.to, found.unsealed), (None, 18, 0));
}
