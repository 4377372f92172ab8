//! Where projections tells, on NATS, that somebody's inbox has changed; whoever listens to it looks for himself.

use uuid::Uuid;

/// Where changes of all inboxes are told.
pub const SUBJECTS: &str = "notices.*";

/// Where changes of this user's inbox are told, in messages that hold nothing.
pub fn subject(user: Uuid) -> String {
    format!("notices.{user}")
}

/// Whose inbox a message on this subject tells of.
pub fn of_subject(subject: &str) -> Option<Uuid> {
    Uuid::try_parse(subject.strip_prefix("notices.")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_name_one_user() {
        let user = Uuid::now_v7();
        assert_eq!(of_subject(&subject(user)), Some(user));
        for other in ["notices.*", "notices.>", "notices", "operations.x", "notices."] {
            assert_eq!(of_subject(other), None, "{other}");
        }
    }
}
