//! Which types of events somebody wants to hear of.

use crate::{text::text, upcasters::current_version, violation::Violation};

text!(
    /// A type of event, `task.assigned`, or all that begin alike, `task.*`; `*` = all.
    EventPattern
);

impl EventPattern {
    /// Checks that there are such events.
    pub fn parse(pattern: &str) -> Result<Self, Violation> {
        const MALFORMED: Violation =
            Violation::Malformed { expected: "a type of event such as task.assigned, task.* or *" };
        let known = match pattern.strip_suffix('*') {
            Some("") => true,
            Some(stem) => {
                stem.ends_with('.') && crate::upcasters::known_types().any(|name| name.starts_with(stem))
            }
            None => current_version(pattern).is_some(),
        };
        if known { Ok(Self(pattern.into())) } else { Err(MALFORMED) }
    }

    /// Whether events of this type are meant.
    pub fn matches(&self, event_type: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => event_type.starts_with(stem),
            None => &*self.0 == event_type,
        }
    }
}
