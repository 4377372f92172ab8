//! Handing mails to a server over SMTP.
//!
//! Connections are kept between mails. One that an attempt was cut off on is never used again: what the server says next
//! would be taken for the answer to something else.

use std::{
    fs, io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        extension::ClientId,
        response::Response,
    },
};
use service::config::ConfigError;
use tokio::net::TcpStream;
use url::Url;

use super::{
    EmailArgs, SmtpUrl,
    compose::Mail,
    message::{message, message_id},
    server::Security,
};
use crate::deliveries::{Attempted, Job, Outcome};

/// The server wants another login, not another mail: none of them is the mail's fault.
const LOGIN: [u16; 4] = [530, 534, 535, 538];

/// A server, and the connections to it that nobody uses now.
pub(super) struct Smtp {
    server: SmtpUrl,
    tls: TlsParameters,
    hello: ClientId,
    from: Mailbox,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

/// Where it went wrong.
enum Setback {
    /// There is nobody.
    Unreachable(io::Error),
    /// Before the mail was offered.
    Connection(Error),
    /// The mail was not taken.
    Mail(Error),
}

impl Smtp {
    pub(super) fn new(server: &SmtpUrl, args: &EmailArgs, public_url: &str) -> Result<Self, ConfigError> {
        let from = args.mail_from.clone().ok_or(ConfigError::Missing("MAIL_FROM"))?.0;
        let tls = tls(server, args.smtp_ca_file.as_deref())?;
        let name = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        Ok(Self {
            server: server.clone(),
            tls,
            hello: ClientId::Domain(name.unwrap_or_else(|| "localhost".to_owned())),
            from,
            idle: Mutex::default(),
        })
    }

    /// One attempt.
    pub(super) async fn carry(&self, job: &Job, mail: &Mail) -> Attempted {
        let Ok(to) = mail.address.parse::<Address>() else {
            return Attempted::rejected("the address is none that mails can go to");
        };
        let id = message_id(job.id, &self.from);
        let request = format!("Message-ID: {id}\nSubject: {}", mail.subject);
        let message = match message(&self.from, to, id, mail) {
            Ok(message) => message,
            Err(error) => return Attempted::rejected(&error.to_string()),
        };
        let answered = match self.send(message.envelope(), &message.formatted()).await {
            Ok(response) => accepted(&response),
            Err(setback) => refused(&setback),
        };
        // The server may repeat the address, which stands nowhere in clear.
        let response = answered.response.map(|text| text.replace(&mail.address, "…"));
        let outcome = match answered.outcome {
            Outcome::Rejected { reason } => {
                Outcome::Rejected { reason: reason.replace(&mail.address, "…") }
            }
            other => other,
        };
        Attempted { outcome, request: Some(request), response, code: answered.code }
    }

    async fn send(&self, envelope: &lettre::address::Envelope, mail: &[u8]) -> Result<Response, Setback> {
        let mut connection = match self.at_hand().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let response = connection.send(envelope, mail).await.map_err(Setback::Mail)?;
        self.idle().push(connection);
        Ok(response)
    }

    /// A connection that the server has not closed meanwhile.
    async fn at_hand(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut connection = self.idle().pop()?;
            if connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Setback> {
        let server = (self.server.host.as_str(), self.server.port);
        let connected = if self.server.security == Security::Wrapped {
            let tls = Some(self.tls.clone());
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, tls, None).await
        } else {
            let stream = TcpStream::connect(server).await.map_err(Setback::Unreachable)?;
            // The end of a mail is written by itself, and would wait for the other side to acknowledge the mail.
            stream.set_nodelay(true).map_err(Setback::Unreachable)?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await
        };
        self.log_in(connected.map_err(Setback::Connection)?).await.map_err(Setback::Connection)
    }

    /// What comes before the first mail.
    async fn log_in(&self, mut connection: AsyncSmtpConnection) -> Result<AsyncSmtpConnection, Error> {
        let upgrade = match self.server.security {
            Security::Wrapped | Security::Plain => false,
            Security::Required => true,
            Security::Opportunistic => connection.can_starttls(),
        };
        if upgrade {
            connection.starttls(self.tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = &self.server.credentials {
            let credentials = Credentials::new(user.clone(), password.expose().clone());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    /// Never held across an await.
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<AsyncSmtpConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tls(server: &SmtpUrl, trusted: Option<&Path>) -> Result<TlsParameters, ConfigError> {
    let builder = TlsParameters::builder(server.host.clone());
    let builder = match trusted {
        Some(path) => builder.add_root_certificate(certificate(path)?),
        None => builder,
    };
    builder.build().map_err(|error| ConfigError::Invalid(format!("TLS for SMTP_URL: {error}")))
}

fn certificate(path: &Path) -> Result<Certificate, ConfigError> {
    let wrong = |reason: String| ConfigError::Invalid(format!("SMTP_CA_FILE {}: {reason}", path.display()));
    let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    if !text.windows(27).any(|part| part == b"-----BEGIN CERTIFICATE-----") {
        return Err(wrong("no certificate in it".to_owned()));
    }
    Certificate::from_pem(&text).map_err(|error| wrong(error.to_string()))
}

fn accepted(response: &Response) -> Attempted {
    let text = response.message().collect::<Vec<_>>().join("\n");
    let code = Some(response.code().to_string());
    Attempted { code, response: Some(text), ..Attempted::new(Outcome::Delivered) }
}

/// Only what the server says for good, and of the mail itself, is for good.
fn refused(setback: &Setback) -> Attempted {
    let error = match setback {
        Setback::Unreachable(error) => return Attempted::failed(error),
        Setback::Connection(error) | Setback::Mail(error) => error,
    };
    let code = error.status().map(u16::from);
    let for_good = matches!(setback, Setback::Mail(_))
        && error.is_permanent()
        && !code.is_some_and(|code| LOGIN.contains(&code));
    let attempted = match for_good {
        true => Attempted { response: Some(error.to_string()), ..Attempted::rejected(&error.to_string()) },
        false => Attempted::failed(error),
    };
    Attempted { code: code.map(|code| code.to_string()), ..attempted }
}
