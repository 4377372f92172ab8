//! Webhooks: whose they are, what they go through, and where they may be.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::test::TestFramework;
use domain::{
    actor::Actor,
    event::{Change, EventPattern, Nothing},
    filter::{Filter, FilterOver},
    ids::SecretId,
    personal::Sealed,
    policy::{Role, RoleSet, Scope, ScopeSet},
    record::{Circumstances, Record, RecordError},
    task::values::Reason,
    violation::Violation,
    webhook::{
        ReplayRequested, SecretRotated, TestRequested, UrlRules, Webhook, WebhookCommand as Command,
        WebhookCreated, WebhookDefinition, WebhookDisabled, WebhookEdit, WebhookEvent as Event,
        WebhookPaused, WebhookUrl,
        values::{
            Description, DisabledReason, HeaderName, HeaderValue, Moment, Ordering, PayloadMode, Signature,
            Start, Throttle,
        },
    },
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::given::{at, noon, user};

const PUBLIC: UrlRules<'_> = UrlRules { local: false, ports: &[443..=443, 9000..=9099] };
const LOCAL: UrlRules<'_> = UrlRules { local: true, ports: &[443..=443] };

fn secret(n: u128) -> SecretId {
    SecretId(Uuid::from_u128(n))
}

fn definition() -> WebhookDefinition {
    let sealed = Sealed(format!("s1.{}.aGVhZGVy", user(1)));
    WebhookDefinition {
        url: WebhookUrl::parse("https://hooks.example.com/in?x=1", PUBLIC).unwrap(),
        description: Some(Description::parse("For the roofers").unwrap()),
        event_types: vec![EventPattern::parse("task.*").unwrap()],
        filter: Some(Filter::parse("label = roof", FilterOver::Events).unwrap()),
        mode: PayloadMode::Full,
        ordering: Ordering::PerAggregate,
        throttle_per_second: Some(Throttle::parse(10).unwrap()),
        headers: BTreeMap::from([(HeaderName::parse("X-Environment").unwrap(), sealed)]),
    }
}

fn creation() -> WebhookCreated {
    WebhookCreated {
        owner: user(1),
        definition: definition(),
        start: Start::Now,
        secret: secret(1),
        signature: Signature::V1a,
    }
}

/// One of each, in the order of the variants.
pub(crate) fn events() -> Vec<Event> {
    let start = Start::At(Moment::Position(7));
    let reason = Some(Reason::parse("moving house").unwrap());
    vec![
        Event::Created(WebhookCreated { start, ..creation() }),
        Event::Changed(Change {
            from: definition(),
            to: WebhookDefinition { filter: None, headers: BTreeMap::new(), ..definition() },
        }),
        Event::SecretRotated(rotated()),
        Event::Paused(WebhookPaused { reason }),
        Event::Resumed(Nothing {}),
        Event::Disabled(WebhookDisabled { reason: DisabledReason::Failing }),
        Event::TestRequested(TestRequested { test: Uuid::from_u128(13) }),
        Event::ReplayRequested(replay()),
        Event::Deleted(Nothing {}),
    ]
}

fn rotated() -> SecretRotated {
    SecretRotated { from: secret(1), to: secret(2), both_until: at("2026-11-22T12:00:00Z") }
}

fn replay() -> ReplayRequested {
    let from = Moment::Time(at("2026-11-01T00:00:00Z"));
    ReplayRequested { replay: Uuid::from_u128(14), from, to: Some(Moment::Position(99)) }
}

fn integrator(n: u8) -> Actor {
    let scopes = ScopeSet::of(&[Scope::WebhooksManage]);
    Actor::Key { id: user(n), roles: RoleSet::of(&[Role::Integrator]), scopes }
}

fn operator() -> Actor {
    Actor::User { id: user(3), roles: RoleSet::of(&[Role::Operator]) }
}

fn when(actor: Actor, before: &[Event], command: Command) -> Result<Vec<Event>, RecordError> {
    let around = Circumstances { id: Uuid::from_u128(5), actor, now: noon(), active: BTreeSet::new() };
    TestFramework::<Webhook>::with(around).given(before.to_vec()).when(command).inspect_result()
}

fn create() -> Command {
    Command::Create(Box::new(creation()))
}

fn all_but_create() -> Vec<Command> {
    vec![
        Command::Edit(Box::default()),
        Command::RotateSecret { secret: secret(2) },
        Command::Delete,
        Command::Pause { reason: None },
        Command::Resume,
        Command::Test(TestRequested { test: Uuid::from_u128(13) }),
        Command::Replay(replay()),
    ]
}

#[test]
fn integrators_have_their_own_and_operators_stop_and_start_them() {
    let made = vec![Event::Created(creation())];
    assert_eq!(when(integrator(1), &[], create()), Ok(made.clone()));
    assert_eq!(when(integrator(1), &made, create()), Err(RecordError::IdTaken));
    for actor in [integrator(2), operator(), Actor::System, Actor::Anonymous] {
        assert_eq!(when(actor, &[], create()), Err(RecordError::Forbidden), "{actor:?}");
    }
    let unscoped = Actor::Key {
        id: user(1),
        roles: RoleSet::of(&[Role::Integrator]),
        scopes: ScopeSet::of(&[Scope::EventsRead]),
    };
    for (index, command) in all_but_create().into_iter().enumerate() {
        assert!(when(integrator(1), &made, command.clone()).is_ok(), "{command:?}");
        assert_eq!(when(integrator(2), &made, command.clone()), Err(RecordError::NotFound));
        assert_eq!(when(integrator(1), &[], command.clone()), Err(RecordError::NotFound));
        let operated = when(operator(), &made, command.clone());
        assert_eq!(operated.is_ok(), index > 2, "{command:?}");
        assert_eq!(when(unscoped, &made, command), Err(RecordError::Forbidden));
    }
}

#[test]
fn it_is_paused_disabled_and_resumed() {
    let made = vec![Event::Created(creation())];
    let after = |event: Event| [made.clone(), vec![event]].concat();
    let me = integrator(1);
    let pause = || Command::Pause { reason: None };
    let paused = after(Event::Paused(WebhookPaused { reason: None }));
    assert_eq!(when(me, &made, Command::Resume), Ok(vec![]));
    assert_eq!(when(me, &paused, pause()), Ok(vec![]));
    assert_eq!(when(me, &paused, Command::Resume), Ok(vec![Event::Resumed(Nothing {})]));
    let disable = || Command::Disable { reason: DisabledReason::Gone };
    let gone = Event::Disabled(WebhookDisabled { reason: DisabledReason::Gone });
    assert_eq!(when(integrator(2), &made, disable()), Err(RecordError::NotFound));
    for actor in [me, operator(), Actor::System] {
        assert_eq!(when(actor, &made, disable()), Ok(vec![gone.clone()]));
    }
    let disabled = after(gone);
    assert_eq!(when(Actor::System, &disabled, disable()), Ok(vec![]));
    for command in [pause(), Command::Replay(replay())] {
        assert_eq!(when(me, &disabled, command), Err(RecordError::StateNotAllowed { state: "disabled" }));
    }
    assert_eq!(when(me, &disabled, Command::Resume), Ok(vec![Event::Resumed(Nothing {})]));
    let deleted = after(Event::Deleted(Nothing {}));
    for command in all_but_create() {
        assert_eq!(when(me, &deleted, command.clone()), Err(RecordError::NotFound));
        assert!(matches!(
            when(operator(), &deleted, command),
            Err(RecordError::NotFound | RecordError::Forbidden)
        ));
    }
}

#[test]
fn secrets_rotate_with_an_overlap() {
    let made = [Event::Created(creation())];
    let rotate = |n| when(integrator(1), &made, Command::RotateSecret { secret: secret(n) });
    assert_eq!(rotate(2), Ok(vec![Event::SecretRotated(rotated())]));
    assert_eq!(rotate(1), Ok(vec![]));
}

#[test]
fn the_same_events_go_to_the_same_place_once() {
    let held = |definition: WebhookDefinition| {
        let mut webhook = Webhook::default();
        cqrs_es::Aggregate::apply(&mut webhook, Event::Created(WebhookCreated { definition, ..creation() }));
        webhook.holds().unwrap()
    };
    let same = WebhookDefinition { description: None, mode: PayloadMode::Thin, ..definition() };
    assert_eq!(held(definition()), held(same));
    assert_ne!(held(definition()), held(WebhookDefinition { filter: None, ..definition() }));
    let edit = WebhookEdit { event_types: Some(Vec::new()), ..WebhookEdit::default() };
    let refused = when(integrator(1), &[Event::Created(creation())], Command::Edit(Box::new(edit)));
    assert!(
        matches!(refused, Err(RecordError::Invalid(violations)) if violations[0].pointer == "/event_types")
    );
}

/// Attack 85.
#[test]
fn addresses_that_could_be_inside_are_refused() {
    for bad in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://0.0.0.0/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://100.64.0.1/",
        "https://[fd00::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[64:ff9b::7f00:1]/",
        "https://metadata.google.internal/",
        "https://postgres/",
        "https://nats/",
        "https://[example.com]/",
        "https://user:pass@example.com/",
        "https://example.com#@10.0.0.1/",
        "https://example.com./",
        "https://예시.com/",
        "https://xn--9n2bp8q.com/",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com:5432/",
        "https://example.com:4222/",
        "https://example.com:6379/",
        "https://example.com:0443x/",
        "https://example.com:/",
        "https://example.com:99999/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "unix:/tmp/x",
        "https:example.com",
        "https:///example.com",
        "https://",
        "",
        "https://example.com\\@10.0.0.1/",
        "https://example.com/\r\nHost: x",
        "https://exam ple.com/",
        "https://ex%61mple.com/",
        "https://-a.com/",
        "https://a..com/",
        "https://x.local/",
        "https://db.svc/",
        "https://x.localhost/",
        "HTTPS://EXAMPLE.COM:80/",
        "//example.com/",
        "https://1.2.3/",
        "https://example.com:443:443/",
        "https://[::1/",
        "https://ⓔxample.com/",
        "https://a.b.c.0x10/",
    ] {
        assert!(WebhookUrl::parse(bad, PUBLIC).is_err(), "{bad}");
    }
    for good in [
        "https://hooks.example.com",
        "https://hooks.example.com:443/a/b?c=d&e=%20",
        "https://a.co:9001/",
        "https://EXAMPLE.com/x",
        "https://10.example.com/",
        "https://a-b.example.co.kr/@user",
    ] {
        assert_eq!(WebhookUrl::parse(good, PUBLIC).unwrap().as_str(), good);
    }
    for near in ["http://127.0.0.1:9000/", "http://localhost:3000/x", "https://[::1]:8443/"] {
        assert!(WebhookUrl::parse(near, LOCAL).is_ok(), "{near}");
    }
    for bad in
        ["http://a:b@localhost/", "ftp://localhost/", "http://:80/", "http://[::1/", "http://localhost/#x"]
    {
        assert!(WebhookUrl::parse(bad, LOCAL).is_err(), "{bad}");
    }
    let long = format!("https://example.com/{}", "x".repeat(2_000));
    assert!(matches!(WebhookUrl::parse(&long, PUBLIC), Err(Violation::TooLong { .. })));
}

#[test]
fn headers_that_make_a_call_what_it_is_are_not_ones_own() {
    for bad in
        ["", "Host", "content-length", "Webhook-Id", "proxy-authorization", "a b", "a:b", "x\r\n", "이름"]
    {
        assert!(HeaderName::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(HeaderName::parse("Authorization").unwrap().as_str(), "authorization");
    for bad in ["", " x", "x ", "a\r\nb", "값", "\t"] {
        assert!(HeaderValue::parse(bad).is_err(), "{bad:?}");
    }
    assert!(HeaderValue::parse("Bearer abc def").is_ok());
}

#[test]
fn moments_read_as_written() {
    for text in ["now", "beginning", "1", "2026-11-21T09:30:00.000000Z"] {
        assert_eq!(text.parse::<Start>().unwrap().to_string(), text);
    }
    for bad in ["", "0", "-1", "+1", "later", "99999999999999999999", "2026-11-21"] {
        assert!(bad.parse::<Start>().is_err(), "{bad}");
    }
    assert!("now".parse::<Moment>().is_err());
}

proptest! {
    #[test]
    fn no_address_breaks_the_reader(text in "(https?://)?[-a-z0-9.:@\\[\\]/#%?]{0,40}|.{0,40}") {
        if let Ok(url) = WebhookUrl::parse(&text, PUBLIC) {
            let host = url.as_str().trim_start_matches("https://").split(['/', '?', ':']).next().unwrap().to_owned();
            prop_assert!(host.contains('.') && host.parse::<std::net::IpAddr>().is_err(), "{host}");
        }
    }
}
