//! English.

use crate::mail::compose::{Part, Topic, Words};

const NOT_YOU: &str = "If that was not you, set a new password now, which ends all sessions:";
const IGNORE: &str = "If you did not ask for this, you can ignore this mail: nothing has changed.";

/// The words of a mail.
pub(in crate::mail) fn words(topic: Topic) -> Words {
    let text = |text: &str| Part::Text(text.to_owned());
    let hello = |name: String| Part::Text(format!("Hello {name},"));
    let (subject, parts) = match topic {
        Topic::Verification { url } => (
            "Confirm your address",
            vec![
                text(
                    "Somebody has signed up at Taskledger with this address. If it was you, confirm the address:",
                ),
                Part::Link { label: "Confirm the address", url },
                text("The link is good for 24 hours. If it was not you, ignore this mail."),
            ],
        ),
        Topic::Invitation { name, url } => (
            "You are invited to Taskledger",
            vec![
                hello(name),
                text("An account was made for you at Taskledger. Choose a password to begin:"),
                Part::Link { label: "Choose a password", url },
                text("The link is good for 24 hours; afterwards the same page sends you another one."),
            ],
        ),
        Topic::SignUpRepeated { name, url } => (
            "You have an account already",
            vec![
                hello(name),
                text(
                    "Somebody has tried to sign up at Taskledger with your address, which has an account already.",
                ),
                text("If it was you and you have forgotten your password, get a link to set a new one here:"),
                Part::Link { label: "Set a new password", url },
                text(IGNORE),
            ],
        ),
        Topic::Forgotten { name, url } => (
            "Set a new password",
            vec![
                hello(name),
                text("Here you can set a new password for Taskledger:"),
                Part::Link { label: "Set a new password", url },
                text("The link is good once, for 30 minutes. All your sessions will end."),
                text(IGNORE),
            ],
        ),
        Topic::PasswordChanged { name, when, url } => (
            "Your password was changed",
            vec![
                hello(name),
                Part::Text(format!("Your password was changed at {when}, and all your sessions were ended.")),
                text(NOT_YOU),
                Part::Link { label: "Set a new password", url },
            ],
        ),
        Topic::TokenReused { name, when, used_from, reused_from, url } => (
            "A session of yours was ended",
            vec![
                hello(name),
                Part::Text(format!(
                    "One of your sessions was used from two places at {when}, so it was ended. The addresses were \
                     {used_from} and {reused_from}."
                )),
                text(
                    "That can be a fault of a program. It can also mean that somebody has copied the session.",
                ),
                text(NOT_YOU),
                Part::Link { label: "Set a new password", url },
            ],
        ),
        Topic::LoginsFailed { name, when, count, tried_from, url } => (
            "Wrong passwords for your account",
            vec![
                hello(name),
                Part::Text(format!(
                    "By {when} a wrong password had been tried for your account {count} times, last from {tried_from}. Nobody \
                     has come in with them."
                )),
                text("If it was you and you have forgotten your password, set a new one here:"),
                Part::Link { label: "Set a new password", url },
                text("If it was not you, there is nothing to do: after a few more tries there is a pause."),
            ],
        ),
    };
    Words { subject, parts }
}
