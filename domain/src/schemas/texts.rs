//! Values whose stored form is a text of their own making.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    filter::Filter,
    ids::TaskKey,
    notification::ClockTime,
    time::{TimeZone, Timestamp},
    webhook::values::{Moment, Start},
};

macro_rules! texts {
    ($($name:ident = { $($keyword:literal: $value:literal),+ })+) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $($keyword: $value),+ })
            }
        }
    )+};
}

texts! {
    Timestamp = { "description": "An instant in UTC, to the microsecond.", "format": "date-time" }
    TimeZone = { "description": "A time zone of the IANA database: `Asia/Seoul`." }
    TaskKey = { "description": "The short name of a task: `T-123`.", "pattern": "^T-[1-9][0-9]{0,17}$" }
    ClockTime = { "description": "A time of the day to the minute.", "pattern": "^[0-2][0-9]:[0-5][0-9]$" }
    Filter = { "description": "An expression over events and their tasks, as it was written." }
    Moment = { "description": "A position in the log, or a time: the first event then or after." }
    Start = { "description": "`now`, `beginning`, a position, or a time." }
}
