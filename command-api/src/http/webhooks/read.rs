//! What a webhook is to be, read from a body.

use std::collections::BTreeMap;

use domain::{
    event::EventPattern,
    filter::{Filter, FilterOver},
    violation::Violation as Rule,
    webhook::{
        UrlRules, WebhookDefinition, WebhookEdit, WebhookUrl,
        values::{
            Description, HeaderName, HeaderValue, MAX_EVENT_TYPES, MAX_HEADERS, Ordering, PayloadMode,
            Throttle,
        },
    },
};
use service::{
    json::{Fields, Value},
    outbound::{Outside, Ports, Refusal},
    problem::{Flaw, Problem},
};

use crate::http::{
    exchange::{Content, Exchange},
    ops::rule,
    problems::{flaw, problem},
};

type Headers = BTreeMap<HeaderName, HeaderValue>;

/// What is wished, headers in clear.
pub(super) struct Wish {
    edit: WebhookEdit,
    headers: Option<Headers>,
}

/// All members that may change.
pub(super) fn wish(fields: &mut Fields<'_>, outside: &Outside) -> Wish {
    let throttle = |rate| Throttle::parse(rate).map_err(flaw);
    let edit = WebhookEdit {
        url: fields.optional("url", rule(|text| url(text, outside))),
        description: fields.nullable("description", rule(Description::parse)).change(),
        event_types: fields.list("event_types", 1..=MAX_EVENT_TYPES, rule(EventPattern::parse)),
        filter: fields.nullable("filter", rule(|text| Filter::parse(text, FilterOver::Events))).change(),
        mode: fields.optional("mode", rule(str::parse::<PayloadMode>)),
        ordering: fields.optional("ordering", rule(str::parse::<Ordering>)),
        throttle_per_second: fields.nullable("throttle_per_second", throttle).change(),
        headers: None,
    };
    Wish { edit, headers: fields.optional("headers", headers) }
}

/// What the domain takes and what would be called: each refuses what the other might not think of.
fn url(text: &str, outside: &Outside) -> Result<WebhookUrl, Rule> {
    let ports: Vec<_> = outside.ports.iter().map(Ports::range).collect();
    // Only an installation that its own machine alone can reach calls plain http.
    let parsed = WebhookUrl::parse(text, UrlRules { local: outside.plain_http, ports: &ports })?;
    match outside.parse(text) {
        Ok(_) => Ok(parsed),
        Err(refusal) => Err(Rule::Malformed { expected: expected(refusal) }),
    }
}

fn expected(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed | Refusal::Credentials | Refusal::Fragment => "an address that can be called",
        Refusal::Scheme => "an address that begins with https://",
        Refusal::Port(_) => "an address at a port that may be called (OUTBOUND_PORTS)",
        Refusal::InnerName | Refusal::InnerAddress => {
            "an address in the internet, or one that OUTBOUND_ALLOW names"
        }
    }
}

/// Notes what is missing.
pub(super) fn require(fields: &mut Fields<'_>, members: &[&str]) {
    for member in members {
        if !fields.has(member) {
            fields.refuse(member, Flaw::new("REQUIRED"));
        }
    }
}

fn headers(value: &Value<'_>) -> Result<Headers, Flaw> {
    let Value::Object(members) = value else {
        return Err(Flaw::new("WRONG_TYPE").param("expected", "object"));
    };
    if members.len() > MAX_HEADERS {
        return Err(Flaw::new("TOO_MANY").param("max", MAX_HEADERS));
    }
    let read = |name: &str, value: &Value<'_>| match value {
        Value::String(text) => Ok((HeaderName::parse(name)?, HeaderValue::parse(text)?)),
        _ => Err(Rule::Malformed { expected: "an object of texts" }),
    };
    let named = |(name, value): &(std::borrow::Cow<'_, str>, Value<'_>)| {
        read(name, value).map_err(|rule| flaw(rule).param("header", name.as_ref()))
    };
    members.iter().map(named).collect()
}

/// What is not said is as by default.
pub(super) fn complete(edit: WebhookEdit) -> Result<WebhookDefinition, Problem> {
    let Some(url) = edit.url.clone() else {
        return Err(Problem::internal("a required member is missing without a violation"));
    };
    let plain = WebhookDefinition {
        url,
        description: None,
        event_types: Vec::new(),
        filter: None,
        mode: PayloadMode::default(),
        ordering: Ordering::default(),
        throttle_per_second: None,
        headers: BTreeMap::new(),
    };
    Ok(edit.of(&plain))
}

impl<B: Content> Exchange<B> {
    /// The wish with headers that nobody can read.
    pub(super) async fn seal(&self, wish: Wish) -> Result<WebhookEdit, Problem> {
        let Wish { mut edit, headers } = wish;
        let Some(headers) = headers else { return Ok(edit) };
        let mut sealed = BTreeMap::new();
        for (name, value) in headers {
            let value = self.app.commands.seal(self.user, value.as_str()).await.map_err(problem)?;
            sealed.insert(name, value);
        }
        edit.headers = Some(sealed);
        Ok(edit)
    }
}
