//! What clients get: one type per resource, made by queries, rendered as it stands.

mod announcement;
mod audit;
mod comment;
mod consumer_group;
mod delivery;
mod dry_run;
mod event;
mod history;
mod integrity;
mod interface;
mod notice;
mod page;
mod personal;
mod process;
mod projection;
mod revision;
mod schedule;
mod schema;
mod sync;
mod task;
mod trace;
mod user;
mod webhook;

pub use announcement::{
    Announcement, AnnouncementAudience, AnnouncementOutcome, AnnouncementSchedule, ChannelOutcome,
};
pub use audit::{
    AuditRecord, RecordActor, RecordAuth, RecordChange, RecordSeal, RecordSource, RecordTarget, RoleHolder,
};
pub use comment::Comment;
pub use consumer_group::{
    ConsumerGroup, ConsumerGroupRequest, GroupInterest, ParkedGroupEvent, ReplayRequest, SeekRequest,
    SettledEvents, SkipRequest,
};
pub use delivery::{Attempt, Delivery, DeliveryWithAttempts};
pub use dry_run::{DryAudience, DryRule, DryRun, DryRunRequest, WouldTell};
pub use event::{Event, EventPage};
pub use history::{Actor, FieldChange, HistoryEntry};
pub use integrity::{EventProof, FirstBad, IntegrityReport, SealJwk, SealKeys};
pub use interface::{Breaker, InterfaceRun, InterfaceStatus};
pub use notice::{
    Inbox, Notice, NoticeAlert, NoticeAnnouncement, NoticeTask, NotificationRule, NotificationWishes, Quiet,
    RuleRecipients,
};
pub use page::{Count, CountedPage, Counts, Label, Page};
pub use personal::Personal;
pub use process::Process;
pub use projection::{Lane, ParkedEvent, ProjectionStatus};
pub use revision::{Difference, Revision, RevisionRef, UserRevision};
pub use schedule::{Schedule, ScheduleRun};
pub use sync::{SyncComment, SyncPage, Tombstone};
pub use task::{ChecklistItem, Person, Task};
pub use trace::{Trace, TraceCause, TraceEntry, TracedAggregate};
pub use user::{PrivateFields, User};
pub use webhook::{Webhook, WebhookAttempt};
