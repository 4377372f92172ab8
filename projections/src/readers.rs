//! Who is written to about what runs here, rather than about tasks or their own account.

use domain::personal::Sealed;
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody with an address, sealed as it stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) user: Uuid,
    pub(crate) email: Sealed,
    pub(crate) name: Sealed,
    /// Their language, with a region perhaps.
    pub(crate) locale: String,
}

macro_rules! readers {
    ($who:literal) => {
        concat!(
            "SELECT p.user_id, p.email, p.name, p.locale FROM people AS p ",
            "JOIN read_model.users AS u ON u.id = p.user_id WHERE u.state = 'active' AND NOT u.erased AND ",
            $who
        )
    };
}

/// Those who can do something about it, by their roles as the read model knows them now.
pub(crate) async fn operators(tables: &mut PgConnection) -> sqlx::Result<Vec<Reader>> {
    const SQL: &str = readers!("u.roles && ARRAY['admin', 'operator']");
    sqlx::query_as(SQL).fetch_all(tables).await.map(read)
}

/// Whose it is. Programs have no address, and who has left reads nothing: the operators do then.
pub(crate) async fn owner(tables: &mut PgConnection, owner: Uuid) -> sqlx::Result<Vec<Reader>> {
    const SQL: &str = readers!("u.id = $1");
    let found = sqlx::query_as(SQL).bind(owner).fetch_all(&mut *tables).await.map(read)?;
    if found.is_empty() { operators(tables).await } else { Ok(found) }
}

fn read(rows: Vec<(Uuid, String, String, String)>) -> Vec<Reader> {
    let reader =
        |(user, email, name, locale)| Reader { user, email: Sealed(email), name: Sealed(name), locale };
    rows.into_iter().map(reader).collect()
}
