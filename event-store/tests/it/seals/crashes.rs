//! A sealer may end anywhere, and there may be two of them: no gap, no fork.

use std::time::Duration;

use event_store::seals::{Fault, Ledger, Scope, SealFile, SealingError};

use super::{
    audit,
    world::{BLOCK, World, verify},
};

#[tokio::test]
async fn nothing_is_sealed_before_it_is_due_and_nothing_where_nothing_is_new() {
    let world = World::new().await;
    let (patient, eager) = (world.sealing(Duration::MAX), world.sealing(Duration::ZERO));
    assert!(!eager.standing(Ledger::Events).await.unwrap().is_due(), "an empty log");
    world.append(BLOCK - 1).await;
    assert!(!patient.standing(Ledger::Events).await.unwrap().is_due(), "neither large nor old");
    let standing = eager.standing(Ledger::Events).await.unwrap();
    assert!(standing.is_due(), "old");
    let seal = eager.seal_after(Ledger::Events, &standing).await.unwrap().unwrap().seal;
    assert_eq!((seal.number, seal.first, seal.last), (1, 1, BLOCK - 1));
    assert!(!eager.standing(Ledger::Events).await.unwrap().is_due(), "nothing new");
    assert_eq!(eager.seal_after(Ledger::Events, &standing).await.unwrap(), None, "its place is taken");
}

#[tokio::test]
async fn two_sealers_at_once_make_one_chain() {
    let world = World::new().await;
    let appending = async {
        for _ in 0..40 {
            world.append(7).await;
        }
    };
    let sealing = async || {
        let sealing = world.sealing(Duration::ZERO);
        while sealing.standing(Ledger::Events).await.unwrap().sealed() < 280 {
            world.seal(Ledger::Events, &sealing).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(appending, sealing(), sealing());
    let found = world.verify(Ledger::Events).await;
    assert_eq!((found.finding, found.to, found.unsealed), (None, 280, 0));
}

/// Ends a sealer at any await of its work, again and again; whoever comes next goes on.
#[tokio::test]
async fn a_sealer_that_is_killed_anywhere_leaves_no_gap_and_no_fork() {
    let world = World::new().await;
    world.append(30 * BLOCK).await;
    let mut killed = 0;
    while world.sealing(Duration::ZERO).standing(Ledger::Events).await.unwrap().is_due() {
        let work = async {
            world.seal(Ledger::Events, &world.sealing(Duration::ZERO)).await;
            world.complete().await;
        };
        // Longer and longer, so that some work is done on a slow machine too.
        let life = Duration::from_micros(rand::random_range(0..10_000 + 1000 * killed));
        killed += u64::from(tokio::time::timeout(life, work).await.is_err());
    }
    assert!(killed > 0);
    world.complete().await;
    let scope = Scope::whole(Ledger::Events);
    let found = verify(world.store.pool(), &world.ring, Some(world.file()), scope).await.unwrap();
    assert_eq!((found.finding, found.seals, found.compared), (None, 30, 30));
}

/// Whoever verifies a log that grows must not take a new seal for one that was taken away.
#[tokio::test]
async fn a_log_that_is_sealed_meanwhile_is_intact() {
    let world = World::sealed(BLOCK).await;
    let (pool, scope) = (world.store.pool(), Scope::whole(Ledger::Events));
    let sealing = async {
        for _ in 0..30 {
            world.append(BLOCK).await;
            world.seal(Ledger::Events, &world.sealing(Duration::MAX)).await;
            world.complete().await;
        }
    };
    let verifying = async {
        let mut seals = 0;
        while seals < 31 {
            let found = verify(pool, &world.ring, Some(world.file()), scope).await.unwrap();
            assert_eq!(found.finding, None);
            seals = found.seals;
        }
    };
    tokio::join!(sealing, verifying);
}

#[tokio::test]
async fn what_is_damaged_is_not_sealed() {
    let world = World::sealed(BLOCK).await;
    world.append(BLOCK).await;
    let owner = world.owner().await;
    let hole = format!("DELETE FROM event_store.events WHERE position = {}", BLOCK + 1);
    sqlx::raw_sql(&hole).execute(&owner).await.unwrap();
    let sealing = world.sealing(Duration::MAX);
    let standing = sealing.standing(Ledger::Events).await.unwrap();
    assert!(standing.is_due());
    let refused = sealing.seal_after(Ledger::Events, &standing).await.unwrap_err();
    let SealingError::Damaged { position, fault } = refused else { panic!("{refused}") };
    assert_eq!((position, fault), (BLOCK + 1, Fault::Missing));
    // Nor does anything follow a seal that is none of ours, or contradicts itself.
    let forged = "UPDATE event_store.seals SET line = replace(line, '\"time\":\"20', '\"time\":\"19')";
    sqlx::raw_sql(forged).execute(&owner).await.unwrap();
    let standing = sealing.standing(Ledger::Events).await.unwrap();
    let refused = sealing.seal_after(Ledger::Events, &standing).await.unwrap_err();
    assert!(matches!(refused, SealingError::Last(Fault::Signature)), "{refused}");
    let moved = "UPDATE event_store.seals SET first = first + 1, last = last + 1";
    sqlx::raw_sql(moved).execute(&owner).await.unwrap();
    let refused = sealing.standing(Ledger::Events).await.unwrap_err();
    assert!(matches!(refused, SealingError::Last(Fault::SealChanged)), "{refused}");
}

/// The machine may stop between table and file, and within a line of the file.
#[tokio::test]
async fn the_file_is_completed_from_wherever_it_ended() {
    let world = World::sealed(3 * BLOCK).await;
    audit::keep_some(world.store.pool(), 10).await;
    world.seal(Ledger::Audit, &world.sealing(Duration::ZERO)).await;
    world.complete().await;
    let whole = std::fs::read_to_string(world.file()).unwrap();
    assert_eq!(whole.lines().count(), 3 + 2);
    for length in (0..=whole.len()).step_by(7) {
        std::fs::write(world.file(), &whole[..length]).unwrap();
        world.complete().await;
        assert_eq!(std::fs::read_to_string(world.file()).unwrap(), whole, "after {length} bytes");
    }
    std::fs::remove_file(world.file()).unwrap();
    world.complete().await;
    assert_eq!(std::fs::read_to_string(world.file()).unwrap(), whole);
}

#[tokio::test]
async fn two_writers_of_one_file_write_every_seal_once() {
    let world = World::sealed(0).await;
    let (mut one, mut other) = (SealFile::new(world.file()), SealFile::new(world.file()));
    for _ in 0..10 {
        world.append(BLOCK).await;
        world.seal(Ledger::Events, &world.sealing(Duration::MAX)).await;
        let (pool, ring) = (world.store.pool(), &world.ring);
        let both = tokio::join!(
            one.complete(pool, ring, Ledger::Events),
            other.complete(pool, ring, Ledger::Events)
        );
        both.0.unwrap();
        both.1.unwrap();
    }
    let scope = Scope::whole(Ledger::Events);
    let found = verify(world.store.pool(), &world.ring, Some(world.file()), scope).await.unwrap();
    assert_eq!((found.finding, found.seals, found.compared), (None, 10, 10));
    assert_eq!(std::fs::read_to_string(world.file()).unwrap().lines().count(), 10);
}
