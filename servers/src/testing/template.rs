use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// How an empty database becomes one that tests can use.
pub struct Template {
    pub(super) name: String,
    migrate: Arc<dyn Fn(String) -> Outcome + Send + Sync>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.name).finish()
    }
}

impl Template {
    /// `name` (lowercase letters, digits, `_`) stands for what `migrate` does: equal names share one template in a
    /// run. `migrate` takes the owner's URL of an empty database; it runs on a runtime of its own.
    pub fn new<F, Fut, E>(name: &str, migrate: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "name {name:?}"
        );
        let migrate = move |url| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(migrate(url)).map_err(Into::into)
        };
        Self { name: name.to_owned(), migrate: Arc::new(migrate) }
    }

    /// A database with nothing in it.
    pub fn empty() -> Self {
        Self::new("empty", |_url| async { Ok::<(), std::convert::Infallible>(()) })
    }

    pub(super) async fn migrate(&self, url: String) {
        let migrate = self.migrate.clone();
        let outcome = tokio::task::spawn_blocking(move || migrate(url)).await;
        let outcome = outcome.unwrap_or_else(|panic| Err(panic.into()));
        outcome.unwrap_or_else(|error| panic!("cannot migrate the template {}: {error}", self.name));
    }
}
