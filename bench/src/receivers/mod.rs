//! Who gets what goes out: a server of HTTP for webhooks and the core system, one of SMTP for mails.

mod arrivals;
mod http;
mod smtp;

pub(crate) use self::{arrivals::Arrivals, http::Http, smtp::Smtp};
