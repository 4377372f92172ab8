//! Announcements: what somebody tells many at a time.

mod aggregate;
mod audience;
mod events;
pub mod values;

pub use aggregate::{Announcement, AnnouncementCommand, AnnouncementEdit};
pub use audience::Announced;
pub use events::{
    AnnouncementCancelled, AnnouncementContent, AnnouncementDrafted, AnnouncementEvent,
    AnnouncementScheduled, AnnouncementSent,
};
