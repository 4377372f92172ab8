//! Filters: what they mean, what is no filter, and that reading, writing and judging agree.

use domain::{
    event::EventPattern,
    filter::{
        Condition, EventFacts, Expression, Filter, FilterFault, FilterField, FilterOver, MAX_CONDITIONS,
        MAX_DEPTH, MAX_LENGTH, Order, Person, Subject, TaskFacts,
    },
    task::{
        Task,
        values::{Due, ExternalRef, Priority, Status, Visibility},
    },
    violation::Violation,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    contract::task_events,
    given::{after, assignee, at, creator, label, task, user},
};

fn filter(text: &str) -> Filter {
    Filter::parse(text, FilterOver::Tasks).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The first event of the contract: a private task with everything in it.
fn full() -> Task {
    after(&task_events()[..1])
}

#[track_caller]
fn assert_meets(text: &str, expected: bool) {
    let task = full();
    let subject = Subject { task: Some(TaskFacts::from(&task)), me: Some(creator()), ..Subject::default() };
    assert_eq!(filter(text).matches(&subject), expected, "{text}");
}

#[test]
fn conditions_mean_what_they_say() {
    let (creator, assignee, parent) = (creator(), assignee(), task(2));
    for holds in [
        "status = waiting",
        "status:waiting",
        "status != done",
        "creator = me",
        &format!("creator = {creator}"),
        &format!("assignee : {assignee}"),
        "NOT assignee = none",
        "-assignee=me",
        "watcher = none",
        "label = roof",
        "label : \"집\"",
        "label != 'none'",
        "priority >= high",
        "priority<urgent",
        "priority = high",
        &format!("parent = {parent}"),
        "external_ref = desk:ticket-42",
        "due = 2026-12-24T08:30:00Z",
        "due >= 2026-12-24",
        "due < 2026-12-24T17:30:01+09:00",
        "visibility = private",
        "  status = waiting AND priority = high  ",
        "(status = done OR status = waiting) AND label = roof",
        "status = done OR status = waiting AND label = roof",
    ] {
        assert_meets(holds, true);
    }
    for fails in [
        "status = done",
        "assignee = me",
        "assignee = none",
        "label = none",
        "label = Roof",
        "priority > high",
        "parent = none",
        "external_ref = none",
        "due = none",
        "due < 2026-12-24",
        "status = done AND label = roof",
        "NOT (status = waiting OR status = done)",
    ] {
        assert_meets(fails, false);
    }
}

/// What nobody can say is not so, and its opposite is not so either.
#[test]
fn what_is_not_there_meets_nothing() {
    let event = EventFacts { event_type: "user.deactivated", actor: None };
    let subject = Subject { event: Some(event), ..Subject::default() };
    let met = |text: &str| Filter::parse(text, FilterOver::Events).unwrap().matches(&subject);
    for text in ["status = done", "status != done", "NOT status = done", "type = user.* AND status != done"] {
        assert!(!met(text), "{text}");
    }
    for text in ["type = user.*", "type = user.deactivated", "actor = none", "type = task.* OR type = *"] {
        assert!(met(text), "{text}");
    }
    assert!(met("status = done OR type = user.*"));
    let task = after(&[]);
    let never = Subject { task: Some(TaskFacts::from(&task)), ..Subject::default() };
    assert!(!filter("due < 2026-12-24").matches(&never) && !filter("due >= 2026-12-24").matches(&never));
    assert!(!filter("creator = me").matches(&never), "nobody asks");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let fault = |text: &str, over| match Filter::parse(text, over) {
        Err(Violation::Filter { position, fault }) => (position, *fault),
        other => panic!("{text}: {other:?}"),
    };
    let expected = |position, what| (position, FilterFault::Expected(what));
    let tasks = |text| fault(text, FilterOver::Tasks);
    assert_eq!(tasks("status"), expected(6, "=, !=, :, <, <=, > or >="));
    assert_eq!(tasks("status ="), expected(8, "a value"));
    assert_eq!(tasks("status = done label = x"), expected(14, "AND, OR or the end"));
    assert_eq!(tasks("status = done)"), expected(13, "AND, OR or the end"));
    assert_eq!(tasks("(status = done"), expected(14, "AND, OR or )"));
    assert_eq!(tasks("label = \"집"), expected(10, "a quotation mark"));
    assert_eq!(tasks("label = \"집\" AND"), expected(15, "a field, NOT or ("));
    assert_eq!(tasks("label < x"), (8, FilterFault::NoOrder { field: FilterField::Label }));
    assert_eq!(tasks("due < none"), (6, FilterFault::NoOrder { field: FilterField::Due }));
    assert!(matches!(tasks("label = a AND titel = b"), (14, FilterFault::UnknownField { .. })));
    assert!(matches!(tasks("type = task.*"), (0, FilterFault::UnknownField { .. })));
    let wrong = |text, over| {
        let (_, fault) = fault(text, over);
        assert!(matches!(fault, FilterFault::Value { .. }), "{text}: {fault:?}");
    };
    for text in [
        "status = open",
        "priority > 5",
        "assignee = bob",
        "creator = none",
        "parent = me",
        "external_ref = desk",
        "due > tomorrow",
        "create_time = none",
        "due > 2026-06-30T23:59:60",
        "label = ''",
    ] {
        wrong(text, FilterOver::Tasks);
    }
    for text in ["assignee = me", "type = task.exploded", "type = tas*"] {
        wrong(text, FilterOver::Events);
    }
    assert_eq!(Filter::parse("  ", FilterOver::Tasks), Err(Violation::Empty));
}

#[test]
fn nobody_needs_more() {
    let many = |count| vec!["status = done"; count].join(" AND ");
    assert!(Filter::parse(&many(MAX_CONDITIONS), FilterOver::Tasks).is_ok());
    let deep = |count: usize| format!("{}status = done{}", "(".repeat(count), ")".repeat(count));
    assert!(Filter::parse(&deep(MAX_DEPTH), FilterOver::Tasks).is_ok());
    for text in
        [many(MAX_CONDITIONS + 1), deep(MAX_DEPTH + 1), "NOT ".repeat(400) + "a", "-".repeat(MAX_LENGTH)]
    {
        let refused = Filter::parse(&text, FilterOver::Tasks);
        let Err(Violation::Filter { fault, .. }) = refused else { panic!("{text}: {refused:?}") };
        assert!(matches!(*fault, FilterFault::TooMany | FilterFault::TooDeep), "{text}: {fault:?}");
    }
    let long = "(".repeat(MAX_LENGTH + 1);
    assert!(matches!(Filter::parse(&long, FilterOver::Tasks), Err(Violation::TooLong { .. })));
}

#[test]
fn filters_are_stored_as_they_were_written() {
    let written = Filter::parse("label:'a b'  AND type=task.*", FilterOver::Events).unwrap();
    let stored = serde_json::to_string(&written).unwrap();
    assert_eq!(stored, "\"label:'a b'  AND type=task.*\"");
    assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), written);
}

fn conditions() -> impl Strategy<Value = Condition> {
    let person = || select(vec![Person::Me, Person::User(user(1)), Person::User(user(2))]);
    let order = || select(vec![Order::Less, Order::AtMost, Order::Equal, Order::AtLeast, Order::More]);
    let time = || select(vec![at("2026-12-24T00:00:00Z"), at("2026-12-24T08:30:00.000001Z")]);
    let name = ExternalRef::new("desk".into(), "a \"b\" \\ (c)".into());
    prop_oneof![
        select(Status::ALL.to_vec()).prop_map(Condition::Status),
        option::of(person()).prop_map(Condition::Assignee),
        person().prop_map(Condition::Creator),
        option::of(person()).prop_map(Condition::Watcher),
        option::of("[a-z\"'\\\\()= 가-힣]{0,8}x").prop_map(|text| Condition::Label(text.map(|t| label(&t)))),
        (order(), select(Priority::ALL.to_vec())).prop_map(|(order, one)| Condition::Priority(order, one)),
        option::of(Just(task(2))).prop_map(Condition::Parent),
        option::of(Just(name)).prop_map(Condition::ExternalRef),
        option::of((order(), time())).prop_map(Condition::Due),
        (order(), time()).prop_map(|(order, time)| Condition::CreateTime(order, time)),
        (order(), time()).prop_map(|(order, time)| Condition::UpdateTime(order, time)),
        select(Visibility::ALL.to_vec()).prop_map(Condition::Visibility),
    ]
}

fn expressions() -> impl Strategy<Value = Expression> {
    conditions().prop_map(Expression::Is).prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Expression::And),
            vec(inner.clone(), 2..4).prop_map(Expression::Or),
            inner.prop_map(|inner| Expression::Not(Box::new(inner))),
        ]
    })
}

/// The plain meaning where all is known.
fn holds(expression: &Expression, one: &impl Fn(&Condition) -> bool) -> bool {
    match expression {
        Expression::And(all) => all.iter().all(|part| holds(part, one)),
        Expression::Or(any) => any.iter().any(|part| holds(part, one)),
        Expression::Not(inner) => !holds(inner, one),
        Expression::Is(condition) => one(condition),
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(expression in expressions()) {
        let written = expression.to_string();
        prop_assume!(written.len() <= MAX_LENGTH);
        let read = Filter::parse(&written, FilterOver::Tasks).unwrap();
        prop_assert_eq!(read.meaning(), &expression);
    }

    #[test]
    fn and_or_not_mean_what_they_mean_everywhere(expression in expressions(), pick in 0..3usize) {
        let mut task = full();
        task.create_time = Some(at("2026-12-24T00:00:00Z"));
        task.update_time = Some(at("2026-12-24T08:30:00.000001Z"));
        match pick {
            0 => {}
            1 => task.due = Some(Due::Date { date: Due::parse_date("2026-12-24").unwrap() }),
            _ => (task.due, task.assignees, task.labels) = (None, Vec::new(), Vec::new()),
        }
        let subject =
            Subject { task: Some(TaskFacts::from(&task)), me: Some(user(2)), ..Subject::default() };
        let alone = |condition: &Condition| Filter::from(Expression::Is(condition.clone())).matches(&subject);
        prop_assert_eq!(Filter::from(expression.clone()).matches(&subject), holds(&expression, &alone));
    }

    #[test]
    fn nothing_breaks_the_reader(text in "[-a-z=!<>:() \"'\\\\ANDORT가]{0,60}|.{0,60}") {
        for over in [FilterOver::Tasks, FilterOver::Events] {
            match Filter::parse(&text, over) {
                Ok(filter) => prop_assert_eq!(filter.as_str(), text.trim()),
                Err(Violation::Filter { position, .. }) => prop_assert!(position <= text.chars().count()),
                Err(other) => prop_assert!(matches!(other, Violation::Empty), "{other:?}"),
            }
        }
    }
}

#[test]
fn patterns_name_events_that_there_are() {
    for (pattern, event_type, meant) in [
        ("task.assigned", "task.assigned", true),
        ("task.assigned", "task.unassigned", false),
        ("task.*", "task.assigned", true),
        ("*", "user.locked", true),
    ] {
        assert_eq!(
            EventPattern::parse(pattern).unwrap().matches(event_type),
            meant,
            "{pattern} {event_type}"
        );
    }
    for bad in
        ["", "task", "task.", "*.assigned", "task.Assigned", "tusk.*", "task.comment*", "task.assigned.v1"]
    {
        assert!(EventPattern::parse(bad).is_err(), "{bad}");
    }
}
