//! From arguments, environment and file to a typed struct, or to one line and exit code 64.

use std::{ffi::OsString, fs, path::PathBuf};

use clap::{Arg, Command, Parser, error::ErrorKind};

/// What a shell gets for a bad setting (`EX_USAGE`).
pub const EXIT_CODE: i32 = 64;
const CONFIG_FLAG: &str = "config";
const CONFIG_ENV: &str = "TASKLEDGER_CONFIG";

/// A setting is missing or wrong; the text is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody has set it.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// It has a value that cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// Not an error: the text that --help or --version prints.
    #[error("{0}")]
    Help(String),
}

/// Reads the settings of this process. Flags win over the environment, both over the file of `--config`.
pub fn load<T: Parser>() -> Result<T, ConfigError> {
    load_from(std::env::args_os())
}

/// Like [`load`], from these arguments (the first is the program's name).
pub fn load_from<T: Parser>(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<T, ConfigError> {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let mut command = T::command().arg(file_arg());
    if let Some(path) = file_of(&arguments) {
        command = with_file(command, &path)?;
    }
    let matches = command.try_get_matches_from_mut(arguments).map_err(|error| one_line(&error))?;
    T::from_arg_matches(&matches).map_err(|error| one_line(&error))
}

/// Ends the process as `error` asks for: the text, then 0 for help, else 64.
pub fn exit(error: &ConfigError) -> ! {
    use std::io::Write;
    // Nothing can be done about a closed stream.
    let _ = match error {
        ConfigError::Help(text) => write!(std::io::stdout(), "{text}"),
        error => writeln!(std::io::stderr(), "error: {error}"),
    };
    std::process::exit(if matches!(error, ConfigError::Help(_)) { 0 } else { EXIT_CODE })
}

fn file_arg() -> Arg {
    Arg::new(CONFIG_FLAG)
        .long(CONFIG_FLAG)
        .env(CONFIG_ENV)
        .value_name("FILE")
        .help("TOML file with settings by their environment name in lower case, `public_url = \"…\"`")
        .value_parser(clap::value_parser!(PathBuf))
        .global(true)
}

/// The file must be known before the other settings are read.
fn file_of(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("--config") => return rest.next().map(PathBuf::from),
            Some(text) if text.starts_with("--config=") => return Some(text["--config=".len()..].into()),
            _ => {}
        }
    }
    std::env::var_os(CONFIG_ENV).map(PathBuf::from)
}

/// Values of the file become the defaults of the settings they name.
fn with_file(mut command: Command, path: &PathBuf) -> Result<Command, ConfigError> {
    let wrong = |reason: String| ConfigError::Invalid(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    for (key, value) in table {
        let value =
            plain(&value).ok_or_else(|| wrong(format!("{key} must be a text, number, boolean or list")))?;
        if !set_default(&mut command, &key, &value) {
            return Err(wrong(format!("unknown setting {key}")));
        }
    }
    Ok(command)
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(value) => Some(value.to_string()),
        toml::Value::Array(items) => Some(items.iter().map(plain).collect::<Option<Vec<_>>>()?.join(",")),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// Sets the default in the command and all its subcommands; false if none has the setting.
fn set_default(command: &mut Command, key: &str, value: &str) -> bool {
    let named = |arg: &&Arg| {
        arg.get_env().and_then(|name| name.to_str()).is_some_and(|name| name.eq_ignore_ascii_case(key))
    };
    let ids: Vec<_> = command.get_arguments().filter(named).map(|arg| arg.get_id().clone()).collect();
    let mut found = !ids.is_empty();
    for id in ids {
        let owned = std::mem::take(command);
        *command = owned.mut_arg(id, |arg| arg.default_value(value.to_owned()));
    }
    for subcommand in command.get_subcommands_mut() {
        found |= set_default(subcommand, key, value);
    }
    found
}

fn one_line(error: &clap::Error) -> ConfigError {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ConfigError::Help(error.to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ConfigError::Invalid("a command is missing; try --help".to_owned())
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            ConfigError::Invalid(line.trim_start_matches("error: ").to_owned())
        }
    }
}
