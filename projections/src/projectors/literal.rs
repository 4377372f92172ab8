//! Values as Postgres writes them: elements of array literals, fields of COPY lines.

use std::fmt::{Display, Write};

/// `{a,"b c"}`: one array as a text, since unnest cannot take an array of arrays of different lengths.
pub(super) fn array<T: AsRef<str>>(elements: impl IntoIterator<Item = T>) -> String {
    let mut literal = String::from("{");
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        literal.push('"');
        for c in element.as_ref().chars() {
            if matches!(c, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(c);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

/// Lines for COPY … FROM STDIN in text format.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    started: bool,
}

impl Lines {
    /// Appends a field with nothing in it to escape: numbers, ids, times.
    pub(super) fn plain(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
        self
    }

    /// Appends a text.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        for c in value.chars() {
            match c {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                other => self.text.push(other),
            }
        }
        self
    }

    /// Appends a text, or null.
    pub(super) fn text_or_null(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(text) => self.text(text),
            None => self.plain("\\N"),
        }
    }

    /// Appends a field with nothing in it to escape, or null.
    pub(super) fn plain_or_null(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.plain(value),
            None => self.plain("\\N"),
        }
    }

    /// Ends a line.
    pub(super) fn end(&mut self) {
        self.text.push('\n');
        self.started = false;
    }

    fn separate(&mut self) {
        if self.started {
            self.text.push('\t');
        }
        self.started = true;
    }

    /// Sends the lines to the table named in `copy`; nothing is sent when there are none.
    pub(super) async fn send(self, tables: &mut sqlx::PgConnection, copy: &str) -> sqlx::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let mut sink = tables.copy_in_raw(copy).await?;
        sink.send(self.text.as_bytes()).await?;
        sink.finish().await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, array};

    #[test]
    fn quotes_what_an_array_literal_would_misread() {
        assert_eq!(array(["a", "", "b,c", "d\"e\\f", "NULL"]), r#"{"a","","b,c","d\"e\\f","NULL"}"#);
        assert_eq!(array(Vec::<String>::new()), "{}");
    }

    #[test]
    fn escapes_what_a_copy_line_would_misread() {
        let mut lines = Lines::default();
        lines.text("a\tb\n\\.").plain(7).text_or_null(None).end();
        assert_eq!(lines.text, "a\\tb\\n\\\\.\t7\t\\N\n");
    }
}
