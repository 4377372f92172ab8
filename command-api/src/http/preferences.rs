//! What somebody wants to be told, by what ways, and when.

use domain::{
    notification::{Category, Channel, ClockTime, Mode, Preferences, QuietHours},
    policy::Action,
    time::TimeZone,
    user::UserCommand,
};
use serde_json::{Map, Value, json};
use service::{json::Fields, problem::Problem};

use super::{exchange::Exchange, ops::rule, problems::problem, schemas, tasks::Handled};
use crate::commands::{Answer, Reply, UserDone, UserUnit};

/// Say what one wants to be told, by what ways, and when.
///
/// All at once: what is absent is as by default. Mails about the security of one's account come always.
#[utoipa::path(put, path = "/v1/notification-preferences", tag = "notifications",
    operation_id = "set_notification_preferences", request_body = schemas::NotificationPreferences,
    responses((status = 200, body = schemas::NotificationPreferencesReply)),
    extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn set(exchange: Exchange) -> Handled {
    exchange.permitted(Action::UserEdit, Exchange::set_preferences).await
}

impl Exchange {
    async fn set_preferences(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let modes = fields.optional_object("channels", |categories| {
            let read = |category: &Category| Some((*category, channels(categories, *category)?));
            Some(Category::ALL.iter().filter_map(read).collect())
        });
        let quiet_hours = fields.nullable_object("quiet_hours", quiet_hours).value();
        let time_zone = fields.nullable("time_zone", rule(TimeZone::parse)).value();
        let digest_time = fields.nullable("digest_time", rule(ClockTime::parse)).value();
        fields.finish()?;
        let wishes = Preferences { modes: modes.unwrap_or_default(), quiet_hours, time_zone, digest_time };
        let unit = UserUnit {
            precondition: self.precondition(None)?,
            key: self.key(),
            ..UserUnit::new(self.user, UserCommand::SetPreferences(wishes))
        };
        self.app.commands.users(&self.caller, &unit, reply).await.map_err(problem)
    }
}

fn channels(
    categories: &mut Fields<'_>,
    category: Category,
) -> Option<std::collections::BTreeMap<Channel, Mode>> {
    categories.optional_object(category.as_str(), |modes| {
        let mode =
            |channel: &Channel| Some((*channel, modes.optional(channel.as_str(), rule(str::parse::<Mode>))?));
        Some(Channel::ALL.iter().filter_map(mode).collect())
    })
}

fn quiet_hours(fields: &mut Fields<'_>) -> Option<QuietHours> {
    let from = fields.required("from", rule(ClockTime::parse));
    let to = fields.required("to", rule(ClockTime::parse));
    Some(QuietHours { from: from?, to: to? })
}

/// With what is by default, so that nobody has to know it.
fn reply(done: &UserDone) -> Reply {
    let wishes = &done.user.preferences;
    let channels = |category: &Category| -> Map<String, Value> {
        let mode = |channel: &Channel| (channel.to_string(), json!(wishes.mode(*category, *channel)));
        Channel::ALL.iter().map(mode).collect()
    };
    let all: Map<String, Value> =
        Category::ALL.iter().map(|category| (category.to_string(), channels(category).into())).collect();
    let version = done.user.version;
    let body = json!({
        "id": done.id,
        "version": version,
        "channels": all,
        "quiet_hours": wishes.quiet_hours,
        "time_zone": wishes.time_zone.or(done.user.time_zone),
        "digest_time": wishes.digest_time.unwrap_or(ClockTime::EIGHT),
    });
    Reply { status: 200, body: body.to_string(), etag: Some(format!("\"{version}\"")), location: None }
}
