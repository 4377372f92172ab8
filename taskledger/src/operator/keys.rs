use clap::{Args, Subcommand};
use command_api::auth::{KeyState, KeyView, SigningKeys};
use event_store::{Role, connect_options};
use sqlx::postgres::PgPoolOptions;

use super::target::Target;
use crate::{error::Failure, say};

/// Settings of `keys`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Keys {
    #[command(subcommand)]
    wish: Wish,
}

/// What is to be done with the keys.
#[derive(Clone, Debug, Subcommand)]
enum Wish {
    /// Show the keys that are published.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Make the next key now; it signs when it has been published for a day.
    Rotate {
        #[command(flatten)]
        target: Target,
    },
    /// In an emergency: refuse all tokens that this key has signed, and sign with another one.
    Drop {
        /// The name of the key, as `list` shows it.
        kid: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Shows or changes the keys that sign access tokens; running services take it up by themselves.
pub(crate) async fn keys(arguments: Keys) -> Result<(), Failure> {
    let (Wish::List { target } | Wish::Rotate { target } | Wish::Drop { target, .. }) = &arguments.wish;
    let keys = open(target.clone()).await?;
    let now = chrono::Utc::now();
    match &arguments.wish {
        Wish::List { .. } => {}
        Wish::Rotate { .. } => keys.rotate(now).await?,
        Wish::Drop { kid, .. } => keys.drop_key(kid, now).await?,
    }
    for key in keys.list(now).await? {
        say::text(&line(&key));
    }
    Ok(())
}

async fn open(target: Target) -> Result<SigningKeys, Failure> {
    let target = target.resolve()?;
    let options = connect_options(target.event_store.url()?.expose(), Role::Command)?;
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    Ok(SigningKeys::load(&pool, &target.secret_key.read()?).await?)
}

fn line(key: &KeyView) -> String {
    let since = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M:%SZ");
    let kid = &key.kid;
    match (key.state, key.retired_at) {
        (KeyState::Next, _) => format!("{kid} signs from {}", since(key.use_from)),
        (KeyState::Retiring, Some(until)) => format!("{kid} signs no more, published until {}", since(until)),
        (KeyState::Current | KeyState::Retiring, _) => {
            format!("{kid} signs, made {}", since(key.created_at))
        }
    }
}
