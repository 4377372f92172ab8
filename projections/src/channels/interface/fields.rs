//! Which members of a change's `data` are told.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

use serde_json::value::RawValue;

/// All members, or these only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Option<Vec<String>>);

impl Fields {
    /// The envelope with what may be told of it; byte for byte as published if that is everything.
    pub(super) fn cut<'a>(&self, envelope: &'a [u8]) -> serde_json::Result<Cow<'a, [u8]>> {
        let Some(told) = &self.0 else { return Ok(Cow::Borrowed(envelope)) };
        let mut members: BTreeMap<&str, &RawValue> = serde_json::from_slice(envelope)?;
        let Some(data) = members.get("data") else { return Ok(Cow::Borrowed(envelope)) };
        let mut data: BTreeMap<&str, &RawValue> = serde_json::from_str(data.get())?;
        data.retain(|member, _| told.iter().any(|name| name == member));
        let data = serde_json::value::to_raw_value(&data)?;
        members.insert("data", &data);
        Ok(Cow::Owned(serde_json::to_vec(&members)?))
    }
}

impl FromStr for Fields {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
        let good = |name: &String| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !names.iter().all(good) {
            return Err("expected names of members such as from,to,title");
        }
        Ok(Self(Some(names)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"specversion":"1.0","type":"task.created.v1","data":{"title":"a \"b\"","due":null,"priority":"high"}}"#;

    #[test]
    fn what_is_not_cut_stays_as_it_was_published() {
        assert_eq!(Fields::default().cut(ENVELOPE.as_bytes()).unwrap(), ENVELOPE.as_bytes());
    }

    #[test]
    fn members_are_cut() {
        let fields: Fields = "priority, title,unheard_of".parse().unwrap();
        let cut = fields.cut(ENVELOPE.as_bytes()).unwrap();
        let cut: serde_json::Value = serde_json::from_slice(&cut).unwrap();
        let expected = serde_json::json!({"specversion": "1.0", "type": "task.created.v1",
            "data": {"title": "a \"b\"", "priority": "high"}});
        assert_eq!(cut, expected);
        let none: Fields = "nothing".parse().unwrap();
        assert!(none.cut(ENVELOPE.as_bytes()).unwrap().ends_with(br#""type":"task.created.v1"}"#));
        assert!("from,,to".parse::<Fields>().is_err() && "From".parse::<Fields>().is_err());
    }
}
