//! What was read of the notices in the product.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, test::TestFramework};
use domain::{
    actor::Actor,
    inbox::{Inbox, InboxCommand as Command, InboxEvent as Event, NoticeRead, ReadUpTo},
    record::{Circumstances, RecordError},
};
use uuid::Uuid;

use crate::given::{member, noon, stranger, user};

fn read(n: u128) -> Event {
    Event::Read(NoticeRead { notice: Uuid::from_u128(n) })
}

fn up_to(position: i64) -> Event {
    Event::ReadUpTo(ReadUpTo { position })
}

/// One of each, in the order of the variants.
pub(crate) fn events() -> Vec<Event> {
    vec![read(15), up_to(1042)]
}

fn when(actor: Actor, before: &[Event], command: Command) -> Result<Vec<Event>, RecordError> {
    let around = Circumstances { id: user(1).0, actor, now: noon(), active: BTreeSet::new() };
    TestFramework::<Inbox>::with(around).given(before.to_vec()).when(command).inspect_result()
}

#[test]
fn a_notice_is_read_once() {
    let me = member(user(1));
    let one = Command::Read { notice: Uuid::from_u128(1) };
    assert_eq!(when(me, &[], one), Ok(vec![read(1)]));
    assert_eq!(when(me, &[read(1)], one), Ok(vec![]));
    assert_eq!(when(me, &[read(2)], Command::ReadUpTo { position: 7 }), Ok(vec![up_to(7)]));
    for position in [6, 7] {
        assert_eq!(when(me, &[up_to(7)], Command::ReadUpTo { position }), Ok(vec![]));
    }
    for actor in [member(stranger()), Actor::Anonymous] {
        assert_eq!(when(actor, &[], one), Err(RecordError::Forbidden));
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut inbox = Inbox::default();
    (0..1_500).for_each(|n| inbox.apply(read(n)));
    assert_eq!((inbox.read.len(), inbox.version), (1_000, 1_500));
    inbox.apply(up_to(9));
    assert!(inbox.read.is_empty());
}
