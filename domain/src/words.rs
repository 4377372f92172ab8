//! Closed sets of wire words (status, priority, roles …) as enums, and sets of them.

/// Makes an enum whose variants are wire words: serde, `as_str`, `ALL`, `Display`, `FromStr`.
macro_rules! words {
    ($(#[$attribute:meta])* $name:ident { $($(#[$variant_attribute:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_attribute])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Every wire word, in the order of declaration.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The wire word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::violation::Violation;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::violation::Violation::UnknownValue { allowed: Self::WORDS }),
                }
            }
        }
    };
}

pub(crate) use words;

/// Makes a set of the words of an enum with at most eight variants: on the wire a list of words.
macro_rules! word_set {
    ($(#[$attribute:meta])* $name:ident of $word:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name(u8);

        impl $name {
            /// Nothing at all.
            pub const EMPTY: Self = Self(0);
            /// Everything there is.
            pub const ALL: Self = Self::of($word::ALL);

            const fn bit(word: $word) -> u8 {
                1 << word as u8
            }

            /// The set of these.
            pub const fn of(words: &[$word]) -> Self {
                let (mut bits, mut index) = (0, 0);
                while index < words.len() {
                    bits |= Self::bit(words[index]);
                    index += 1;
                }
                Self(bits)
            }

            /// Whether it is in the set.
            pub const fn has(self, word: $word) -> bool {
                self.0 & Self::bit(word) != 0
            }

            /// Whether any of the others is in the set.
            pub const fn has_any(self, others: Self) -> bool {
                self.0 & others.0 != 0
            }

            /// The set with this one.
            pub const fn with(self, word: $word) -> Self {
                Self(self.0 | Self::bit(word))
            }

            /// The set without this one.
            pub const fn without(self, word: $word) -> Self {
                Self(self.0 & !Self::bit(word))
            }

            /// Whether there is nothing in it.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// What is in it, in the order of declaration.
            pub fn iter(self) -> impl Iterator<Item = $word> {
                $word::ALL.iter().copied().filter(move |word| self.has(*word))
            }
        }

        impl FromIterator<$word> for $name {
            fn from_iter<I: IntoIterator<Item = $word>>(words: I) -> Self {
                words.into_iter().fold(Self::EMPTY, Self::with)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.iter().map($word::as_str)).finish()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Vec::<$word>::deserialize(deserializer).map(Self::from_iter)
            }
        }

        #[cfg(feature = "schemas")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <std::collections::BTreeSet<$word>>::json_schema(generator)
            }
        }
    };
}

pub(crate) use word_set;
