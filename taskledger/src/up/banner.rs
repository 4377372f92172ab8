//! What is printed when everything is ready.

use service::http::RateLimits;

use crate::admin::FirstAdmin;

/// What to open and what to try; the last line says how to stop.
pub(super) fn text(url: &str, admin: &FirstAdmin, rates: &RateLimits, mailbox: bool) -> String {
    let (email, password, note) = match admin {
        FirstAdmin::Invented { email, password } => {
            (email.as_str(), password.as_str(), format!(", password {password} (shown only now)"))
        }
        FirstAdmin::Given { email } => {
            (email.as_str(), "...", ", with the password that you gave".to_owned())
        }
        FirstAdmin::Known { email } => (email.as_str(), "...", String::new()),
        FirstAdmin::Other => ("...", "...", " (made at an earlier start, under another address)".to_owned()),
    };
    let mailbox = if mailbox { format!("\n  mails               {url}/dev/mailbox") } else { String::new() };
    format!(
        r#"
Taskledger is ready at {url}

  API documentation   {url}/docs{mailbox}
  first admin         {email}{note}
  rate limits         {rates}

Try:
  TOKEN=$(curl -s {url}/v1/auth/login -H 'Content-Type: application/json' \
    -d '{{"email": "{email}", "password": "{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  POSITION=$(curl -s {url}/v1/tasks -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{{"title": "Try Taskledger"}}' | sed 's/.*"position":\([0-9]*\).*/\1/')
  curl -s "{url}/v1/tasks?min_position=$POSITION" -H "Authorization: Bearer $TOKEN"

ctrl-c stops everything that was started."#
    )
}
