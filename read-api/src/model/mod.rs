//! What clients get: one type per resource, made by queries, rendered as it stands.

mod comment;
mod delivery;
mod dry_run;
mod history;
mod integrity;
mod interface;
mod notice;
mod page;
mod process;
mod projection;
mod schedule;
mod schema;
mod task;
mod trace;
mod user;
mod webhook;

pub use comment::Comment;
pub use delivery::{Attempt, Delivery, DeliveryWithAttempts};
pub use dry_run::{DryAudience, DryRule, DryRun, DryRunRequest, WouldTell};
pub use history::{Actor, FieldChange, HistoryEntry};
pub use integrity::{EventProof, FirstBad, IntegrityReport, SealJwk, SealKeys};
pub use interface::{InterfaceRun, InterfaceStatus};
pub use notice::{Inbox, Notice, NoticeTask, NotificationRule, NotificationWishes, Quiet, RuleRecipients};
pub use page::{Count, CountedPage, Counts, Label, Page};
pub use process::Process;
pub use projection::{Lane, ParkedEvent, ProjectionStatus};
pub use schedule::{Schedule, ScheduleRun};
pub use task::{ChecklistItem, Person, Task};
pub use trace::{TraceEntry, TracedAggregate};
pub use user::{PrivateFields, User};
pub use webhook::{Webhook, WebhookAttempt};
