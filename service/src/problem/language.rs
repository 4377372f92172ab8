//! Which of our languages a client reads.

/// A language that titles and details exist in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, also for everyone who asked for neither.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Language {
    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The best of ours for an `Accept-Language` value; malformed parts count as absent.
    pub fn negotiate(accept_language: &str) -> Self {
        let korean = quality_of(accept_language, "ko");
        let english = quality_of(accept_language, "en");
        if korean > english { Self::Ko } else { Self::En }
    }
}

/// The client's weight for a language in thousandths; a named language wins over `*`.
fn quality_of(accept_language: &str, wanted: &str) -> u16 {
    let mut named = None;
    let mut any = 0;
    for range in accept_language.split(',').take(32) {
        let (tag, quality) = weighted(range);
        let primary = tag.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case(wanted) {
            named = named.max(Some(quality));
        } else if tag == "*" {
            any = quality;
        }
    }
    named.unwrap_or(any)
}

/// Splits `ko;q=0.8` into the value and its weight in thousandths.
pub(crate) fn weighted(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let value = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (value, quality.map_or(1000, thousandths))
}

fn thousandths(text: &str) -> u16 {
    match text.parse::<f32>() {
        Ok(quality) if (0.0..=1.0).contains(&quality) => (quality * 1000.0).round() as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavier_language_wins() {
        for (header, expected) in [
            ("", Language::En),
            ("ko", Language::Ko),
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Language::Ko),
            ("en-US,en;q=0.9,ko;q=0.8", Language::En),
            ("fr, ko;q=0.1", Language::Ko),
            ("ko;q=0, *", Language::En),
            ("*", Language::En),
            ("KO-kr;q=0.5, en;q=0.4", Language::Ko),
            ("ko;q=banana, en;q=0.1", Language::En),
            (";;;,,,q=1", Language::En),
        ] {
            assert_eq!(Language::negotiate(header), expected, "{header}");
        }
    }
}
