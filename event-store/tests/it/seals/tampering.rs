//! Whatever is changed by somebody with all rights in Postgres is found, and the first position is named.

use std::time::Duration;

use event_store::seals::{Fault, Finding, KeyRing, Ledger, Scope, SealKey};

use super::world::{BLOCK, World, verify};

/// Four blocks and two events that are not sealed.
const EVENTS: i64 = 4 * BLOCK + 2;
const SEALED: i64 = 4 * BLOCK;

fn at(position: i64, fault: Fault) -> Option<Finding> {
    Some(Finding { position, up_to: position, fault })
}

/// The first position of the block of this one.
fn first_of(position: i64) -> i64 {
    (position - 1) / BLOCK * BLOCK + 1
}

/// Changes of single columns. Some of them show in no envelope.
const CHANGES: [&str; 15] = [
    "sequence = sequence + 1000",
    "recorded_at = recorded_at + interval '1 microsecond'",
    "event_id = gen_random_uuid()",
    "aggregate_type = 'user'",
    "aggregate_type = 'taskx'",
    "aggregate_id = gen_random_uuid()::text",
    "aggregate_id = upper(aggregate_id)",
    "event_type = 'task.deleted'",
    "event_version = '2'",
    "event_type = 'task', event_version = 'isibility_changed.v1'",
    "payload = '{\"n\":7000}'",
    "payload = (payload::text || ' ')::json",
    "metadata = (metadata::jsonb || '{\"transport\":\"import\"}')::json",
    "metadata = (metadata::jsonb || '{\"ip\":\"s1.x.y\"}')::json",
    "metadata = (metadata::jsonb || '{\"unheard\":\"of\"}')::json",
];

#[tokio::test]
async fn any_change_of_any_event_is_found_and_named() {
    let world = World::sealed(EVENTS).await;
    let owner = world.owner().await;
    for position in 1..=SEALED {
        for change in CHANGES {
            let harm = format!("UPDATE event_store.events SET {change} WHERE position = {position}");
            let found = world.harmed(&owner, &harm).await;
            let expected = at(position, Fault::Changed);
            assert_eq!(found, [expected.clone(), expected], "{change} at {position}");
        }
    }
    assert_eq!(world.verify(Ledger::Events).await.finding, None, "nothing has happened");
}

#[tokio::test]
async fn removed_swapped_inserted_and_spoilt_events_are_found_and_named() {
    let world = World::sealed(EVENTS).await;
    let owner = world.owner().await;
    let far = 1_000_000;
    for position in 1..=SEALED {
        let removed = format!("DELETE FROM event_store.events WHERE position = {position}");
        assert_eq!(world.harmed(&owner, &removed).await[0], at(position, Fault::Missing), "{position}");
        let others = (position + 1..=SEALED).step_by(5);
        for other in others {
            let swapped = [(position, far), (other, position), (far, other)].map(|(from, to)| {
                format!("UPDATE event_store.events SET position = {to} WHERE position = {from};")
            });
            let found = world.harmed(&owner, &swapped.concat()).await;
            assert_eq!(found[0], at(position, Fault::Changed), "{position} and {other}");
        }
        let inserted = format!(
            "UPDATE event_store.events SET position = position + {far} WHERE position >= {position};
             UPDATE event_store.events SET position = position - {far} + 1 WHERE position > {far};
             INSERT INTO event_store.events SELECT {position}, sequence, recorded_at, gen_random_uuid(), aggregate_type,
                gen_random_uuid(), event_type, event_version, payload, metadata FROM event_store.events WHERE position = {position} + 1"
        );
        assert_eq!(world.harmed(&owner, &inserted).await[0], at(position, Fault::Changed), "{position}");
        let spoilt = format!("UPDATE event_store.events SET metadata = '{{}}' WHERE position = {position}");
        let [Some(found), _] = world.harmed(&owner, &spoilt).await else { panic!("{position} is not found") };
        assert!(found.position == position && matches!(found.fault, Fault::Unreadable(_)), "{found:?}");
    }
    // Two at once: the first is named.
    let two = "DELETE FROM event_store.events WHERE position IN (9, 20)";
    assert_eq!(world.harmed(&owner, two).await[0], at(9, Fault::Missing));
}

#[tokio::test]
async fn changed_seals_are_found_and_the_block_is_named() {
    let world = World::sealed(EVENTS).await;
    let owner = world.owner().await;
    for number in 1..=SEALED / BLOCK {
        let first = (number - 1) * BLOCK + 1;
        let seals = |change: &str| format!("UPDATE event_store.seals SET {change} WHERE number = {number}");
        let next = number * BLOCK + 1;
        let cases = [
            (seals("line = line || ' '"), first, Fault::SealChanged),
            (seals("line = replace(line, '\"v\":1', '\"v\": 1')"), first, Fault::SealChanged),
            (seals("line = regexp_replace(line, '\"time\":\"20', '\"time\":\"19')"), first, Fault::Signature),
            (
                seals("line = regexp_replace(line, '\"key\":\"[^\"]*', '\"key\":\"x')"),
                first,
                Fault::UnknownKey("x".into()),
            ),
            (seals("leaves = set_byte(leaves, 40, 255 - get_byte(leaves, 40))"), first, Fault::LeavesChanged),
            (seals("log = 'audit'"), first, if next > SEALED { Fault::Missing } else { Fault::SealMissing }),
            (seals("number = number + 100"), first, Fault::SealMissing),
            (seals(&format!("first = {}, last = last + 100", first + 100)), first, Fault::Chain),
        ];
        for (harm, position, fault) in cases {
            let [found, compared] = world.harmed(&owner, &harm).await;
            if fault == Fault::Missing {
                // The last seal is gone: inside Postgres nothing says that there was one.
                assert_eq!((found, compared), (None, at(first, Fault::SealMissing)), "{harm}");
            } else {
                assert_eq!(found, at(position, fault.clone()), "{harm}");
            }
        }
    }
    let whose = "UPDATE event_store.seals a SET line = b.line, leaves = b.leaves FROM event_store.seals b \
         WHERE a.number = 2 AND b.number = 3";
    assert_eq!(world.harmed(&owner, whose).await[0], at(BLOCK + 1, Fault::SealChanged));
}

/// Whoever changes an event may change the hashes beside the seal too: then the block is named.
#[tokio::test]
async fn where_the_hashes_were_changed_as_well_the_block_is_named() {
    let world = World::sealed(EVENTS).await;
    let owner = world.owner().await;
    for position in 1..=SEALED {
        let number = (position - 1) / BLOCK + 1;
        let byte = (position - first_of(position)) * 32;
        let harm = format!(
            "UPDATE event_store.events SET payload = '{{}}' WHERE position = {position};
             UPDATE event_store.seals SET leaves = set_byte(leaves, {byte}, 255 - get_byte(leaves, {byte})) WHERE number = {number}"
        );
        let first = first_of(position);
        let expected = Some(Finding { position: first, up_to: first + BLOCK - 1, fault: Fault::Changed });
        assert_eq!(world.harmed(&owner, &harm).await[0], expected, "{position}");
    }
}

#[tokio::test]
async fn a_log_signed_anew_with_another_key_is_found() {
    let world = World::sealed(EVENTS).await;
    let harm = "UPDATE event_store.events SET payload = '{}' WHERE position = 20; TRUNCATE event_store.seals";
    sqlx::raw_sql(harm).execute(&world.owner().await).await.unwrap();
    let thief = SealKey::new([8; 32]);
    world.seal(Ledger::Events, &world.sealing_with(&thief, Duration::MAX)).await;
    let unknown = || at(1, Fault::UnknownKey(thief.public().id().to_owned()));
    assert_eq!(world.verify(Ledger::Events).await.finding, unknown());
    // Even if the thief's key is believed: the file has other seals.
    let both = KeyRing::new(world.key.public(), [thief.public().clone()]);
    let reader = world.store.pool();
    let scope = Scope::whole(Ledger::Events);
    let inside = verify(reader, &both, None, scope).await.unwrap();
    let outside = verify(reader, &both, Some(world.file()), scope).await.unwrap();
    assert_eq!((inside.finding, outside.finding), (None, at(1, Fault::Differs)));
}

#[tokio::test]
async fn a_cut_tail_is_found_against_the_file_and_against_its_last_line() {
    let world = World::sealed(EVENTS).await;
    let owner = world.owner().await;
    for position in 1..=SEALED {
        let cut = format!(
            "DELETE FROM event_store.events WHERE position >= {position};
             DELETE FROM event_store.seals WHERE last >= {position}"
        );
        assert_eq!(world.harmed(&owner, &cut).await, [None, at(position, Fault::Missing)], "{position}");
    }
    let seals = "DELETE FROM event_store.seals WHERE number > 2";
    assert_eq!(world.harmed(&owner, seals).await, [None, at(2 * BLOCK + 1, Fault::SealMissing)]);
    let checkpoint = world.file().with_extension("checkpoint");
    let lines = std::fs::read_to_string(world.file()).unwrap();
    std::fs::write(&checkpoint, format!("{}\n", lines.lines().last().unwrap())).unwrap();
    std::fs::rename(&checkpoint, world.file()).unwrap();
    assert_eq!(world.harmed(&owner, "SELECT 1").await, [None, None]);
    let cut =
        "DELETE FROM event_store.events WHERE position >= 12; DELETE FROM event_store.seals WHERE last >= 12";
    assert_eq!(world.harmed(&owner, cut).await, [None, at(12, Fault::Missing)]);
}

/// A log that was cut and has grown again, with seals of the right key, is another log.
#[tokio::test]
async fn a_tail_that_was_cut_and_has_grown_again_is_found_against_the_file() {
    let world = World::sealed(EVENTS).await;
    let cut =
        "DELETE FROM event_store.events WHERE position >= 20; DELETE FROM event_store.seals WHERE last >= 20";
    sqlx::raw_sql(cut).execute(&world.owner().await).await.unwrap();
    world.append(40).await;
    world.seal(Ledger::Events, &world.sealing(Duration::MAX)).await;
    assert_eq!(world.verify(Ledger::Events).await.finding, None);
    let scope = Scope::whole(Ledger::Events);
    let found = verify(world.store.pool(), &world.ring, Some(world.file()), scope).await.unwrap();
    assert_eq!(found.finding, at(first_of(20), Fault::Differs));
}

#[tokio::test]
async fn what_is_not_yet_sealed_is_counted_and_must_be_whole() {
    let world = World::sealed(EVENTS).await;
    let found = world.verify(Ledger::Events).await;
    assert_eq!((found.from, found.to, found.head, found.seals), (1, EVENTS, EVENTS, 4));
    assert_eq!((found.unsealed, found.finding, found.next), (2, None, None));
    let owner = world.owner().await;
    let hole = format!("DELETE FROM event_store.events WHERE position = {}", SEALED + 1);
    assert_eq!(world.harmed(&owner, &hole).await[0], at(SEALED + 1, Fault::Missing));
}

#[tokio::test]
async fn a_range_is_verified_in_whole_blocks_and_a_long_one_in_parts() {
    let world = World::sealed(EVENTS).await;
    let pool = world.store.pool();
    let look = async |from, to, limit| {
        let scope = Scope { ledger: Ledger::Events, from, to, limit };
        let found = verify(pool, &world.ring, Some(world.file()), scope).await.unwrap();
        assert_eq!(found.finding, None);
        (found.from, found.to, found.seals, found.compared, found.next)
    };
    assert_eq!(look(10, Some(17), None).await, (9, 24, 2, 2, None));
    assert_eq!(look(9, Some(9), None).await, (9, 16, 1, 1, None));
    assert_eq!(look(1, None, Some(1)).await, (1, 8, 1, 1, Some(9)));
    assert_eq!(look(1, None, Some(9)).await, (1, 16, 2, 2, Some(17)));
    assert_eq!(look(17, None, Some(16)).await, (17, 32, 2, 2, Some(33)));
    assert_eq!(look(33, None, Some(16)).await, (33, 34, 0, 0, None));
    assert_eq!(look(1000, None, None).await, (33, 34, 0, 0, None));
    let owner = world.owner().await;
    sqlx::raw_sql("DELETE FROM event_store.events WHERE position = 4").execute(&owner).await.unwrap();
    assert_eq!(look(9, None, None).await, (9, 34, 3, 3, None), "what stands before is not looked at");
}
