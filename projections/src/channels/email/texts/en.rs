//! English.

use domain::webhook::values::DisabledReason;

use crate::channels::email::compose::{Facts, Part, Topic, Words};

const NOT_YOU: &str = "If that was not you, set a new password now, which ends all sessions:";
const IGNORE: &str = "If you did not ask for this, you can ignore this mail: nothing has changed.";

/// The words of a mail.
pub(in crate::channels::email) fn words(topic: Topic, facts: Facts) -> Words {
    let Facts { name, when, url } = facts;
    let text = |text: &str| Part::Text(text.to_owned());
    let hello = Part::Text(format!("Hello {name},"));
    let (subject, parts) = match topic {
        Topic::Verification => (
            "Confirm your address",
            vec![
                text(
                    "Somebody has signed up at Taskledger with this address. If it was you, confirm the address:",
                ),
                Part::Link { label: "Confirm the address", url },
                text("The link is good for 24 hours. If it was not you, ignore this mail."),
            ],
        ),
        Topic::Invitation => (
            "You are invited to Taskledger",
            vec![
                hello,
                text("An account was made for you at Taskledger. Choose a password to begin:"),
                Part::Link { label: "Choose a password", url },
                text("The link is good for 24 hours; afterwards the same page sends you another one."),
            ],
        ),
        Topic::SignUpRepeated => (
            "You have an account already",
            vec![
                hello,
                text(
                    "Somebody has tried to sign up at Taskledger with your address, which has an account already.",
                ),
                text("If it was you and you have forgotten your password, get a link to set a new one here:"),
                Part::Link { label: "Set a new password", url },
                text(IGNORE),
            ],
        ),
        Topic::Forgotten => (
            "Set a new password",
            vec![
                hello,
                text("Here you can set a new password for Taskledger:"),
                Part::Link { label: "Set a new password", url },
                text("The link is good once, for 30 minutes. All your sessions will end."),
                text(IGNORE),
            ],
        ),
        Topic::PasswordChanged => (
            "Your password was changed",
            vec![
                hello,
                Part::Text(format!("Your password was changed at {when}, and all your sessions were ended.")),
                text(NOT_YOU),
                Part::Link { label: "Set a new password", url },
            ],
        ),
        Topic::TokenReused { used_from, reused_from } => (
            "A session of yours was ended",
            vec![
                hello,
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
        Topic::LoginsFailed { count, tried_from } => (
            "Wrong passwords for your account",
            vec![
                hello,
                Part::Text(format!(
                    "By {when} a wrong password had been tried for your account {count} times, last from {tried_from}. Nobody \
                     has come in with them."
                )),
                text("If it was you and you have forgotten your password, set a new one here:"),
                Part::Link { label: "Set a new password", url },
                text("If it was not you, there is nothing to do: after a few more tries there is a pause."),
            ],
        ),
        Topic::IdentityLinked { issuer } => (
            "Another way into your account",
            vec![
                hello,
                Part::Text(format!(
                    "Since {when} an account at {issuer} lets you in at Taskledger: it bears your e-mail address, and {issuer} \
                     says that it was verified."
                )),
                text(
                    "If that was not you, set a new password now, which ends all sessions, and remove the identity from your \
                     account:",
                ),
                Part::Link { label: "Set a new password", url },
            ],
        ),
        Topic::WebhookFailing { at } => (
            "A webhook takes nothing",
            vec![
                hello,
                Part::Text(format!(
                    "Since {when} nothing that was sent to the webhook at {at} has got through."
                )),
                text(
                    "It is tried again, more and more seldom. After five days without success it is disabled; its place is kept, \
                     and when it is resumed, events go on from there.",
                ),
                Part::Link { label: "What was tried", url: format!("{url}/attempts") },
            ],
        ),
        Topic::WebhookDisabled { at, reason } => {
            let why = match reason {
                DisabledReason::Failing => "nothing that was sent to it had got through for five days",
                DisabledReason::Gone => "it answered that it is gone (410)",
            };
            (
                "A webhook was disabled",
                vec![
                    hello,
                    Part::Text(format!("The webhook at {at} was disabled at {when}: {why}.")),
                    text(
                        "Its place is kept. When it is resumed, what waited is sent, and events go on from there.",
                    ),
                    Part::Link { label: "The webhook", url },
                ],
            )
        }
        Topic::CoreRun(report) => {
            let subject = match report.outcome.as_str() {
                "done" => "The night's run of the core system",
                _ => "The night's run of the core system was stopped",
            };
            let ended = match report.outcome.as_str() {
                "failing" => " It was stopped because most of them failed.",
                "silent" => " It was stopped because the core system let nothing come back.",
                _ => "",
            };
            let mut parts = vec![
                hello,
                Part::Text(format!(
                    "In the run of {when}, {} changes of tasks were told to the core system again: {} were taken, {} were refused for \
                     good, {} failed.{ended} {} wait for the next night.",
                    report.tried, report.delivered, report.rejected, report.failed, report.waiting
                )),
            ];
            if !report.failures.is_empty() {
                parts.push(text("The first of those that were not taken (task, position, state, the core system's words):"));
            }
            parts.extend(report.failures.iter().map(|failure| Part::Text(failure.line())));
            if let Some(checksum) = &report.checksum {
                if let Some(reason) = &checksum.reason {
                    parts.push(Part::Text(format!(
                        "Whether it knows all tasks as it was told could not be seen: {}.",
                        reason
                    )));
                }
                if checksum.differences > 0 {
                    parts.push(Part::Text(format!("The core system knows {} of {} tasks differently than it was told (task: told / known):", checksum.differences, checksum.tasks)));
                }
                parts.extend(checksum.named.iter().map(|one| Part::Text(one.line())));
            }
            parts.push(Part::Link { label: "How the core system stands", url });
            (subject, parts)
        }
    };
    Words { subject: subject.to_owned(), parts }
}
