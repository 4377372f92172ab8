//! Reading a filter from left to right, each step bounded.

use super::{Condition, Expression, FilterFault, FilterField, FilterOver, MAX_CONDITIONS, MAX_DEPTH, Order};
use crate::violation::Violation;

/// A value as written.
pub(super) struct Value {
    pub(super) text: String,
    quoted: bool,
}

impl Value {
    /// Whether the word `none` stands there; in quotes it is a text like any other.
    pub(super) fn is_none(&self) -> bool {
        !self.quoted && self.text == "none"
    }
}

/// Understands all of the text.
pub(super) fn parse(text: &str, over: FilterOver) -> Result<Expression, Violation> {
    let mut reader = Reader { text, at: 0, over, conditions: 0 };
    reader.all().map_err(|Fault { at, fault }| {
        let position = text[..at].chars().count();
        Violation::Filter { position, fault: Box::new(fault) }
    })
}

struct Fault {
    at: usize,
    fault: FilterFault,
}

type Read<T> = Result<T, Fault>;

struct Reader<'a> {
    text: &'a str,
    /// In bytes, always at the start of a character.
    at: usize,
    over: FilterOver,
    conditions: usize,
}

impl<'a> Reader<'a> {
    fn all(&mut self) -> Read<Expression> {
        let expression = self.expression(0)?;
        if self.rest().is_empty() { Ok(expression) } else { Err(self.expected("AND, OR or the end")) }
    }

    fn expression(&mut self, depth: usize) -> Read<Expression> {
        self.joined("AND", Expression::And, |reader| {
            reader.joined("OR", Expression::Or, |reader| reader.term(depth))
        })
    }

    /// Parts with this word between them; a single one is itself.
    fn joined(
        &mut self,
        word: &str,
        join: fn(Vec<Expression>) -> Expression,
        mut part: impl FnMut(&mut Self) -> Read<Expression>,
    ) -> Read<Expression> {
        let first = part(self)?;
        let mut others = Vec::new();
        while self.take_word(word) {
            others.push(part(self)?);
        }
        if others.is_empty() {
            return Ok(first);
        }
        others.insert(0, first);
        Ok(join(others))
    }

    fn term(&mut self, depth: usize) -> Read<Expression> {
        self.skip_space();
        if depth > MAX_DEPTH {
            return Err(self.fault(FilterFault::TooDeep));
        }
        if self.take("-") || self.take_word("NOT") {
            return Ok(Expression::Not(Box::new(self.term(depth + 1)?)));
        }
        if !self.take("(") {
            return self.condition();
        }
        let inner = self.expression(depth + 1)?;
        self.skip_space();
        if self.take(")") { Ok(inner) } else { Err(self.expected("AND, OR or )")) }
    }

    fn condition(&mut self) -> Read<Expression> {
        if self.conditions == MAX_CONDITIONS {
            return Err(self.fault(FilterFault::TooMany));
        }
        self.conditions += 1;
        let field = self.field()?;
        let (order, negated) = self.comparison()?;
        self.skip_space();
        let at = self.at;
        let value = self.value()?;
        let condition = field.condition(order, &value, self.over);
        let is: fn(Condition) -> Expression = Expression::Is;
        let is = condition.map(is).map_err(|fault| Fault { at, fault })?;
        Ok(if negated { Expression::Not(Box::new(is)) } else { is })
    }

    fn field(&mut self) -> Read<FilterField> {
        let word = self.word();
        if word.is_empty() {
            return Err(self.expected("a field, NOT or ("));
        }
        let found = word.parse::<FilterField>().ok().filter(|field| field.is_of(self.over));
        let field = found.ok_or_else(|| {
            let fields = FilterField::ALL.iter().filter(|field| field.is_of(self.over));
            self.fault(FilterFault::UnknownField { allowed: fields.map(|field| field.as_str()).collect() })
        })?;
        self.at += word.len();
        Ok(field)
    }

    /// How the value is compared, and whether the opposite is asked for.
    fn comparison(&mut self) -> Read<(Order, bool)> {
        const ALL: [(&str, Order, bool); 7] = [
            ("!=", Order::Equal, true),
            ("<=", Order::AtMost, false),
            (">=", Order::AtLeast, false),
            ("=", Order::Equal, false),
            (":", Order::Equal, false),
            ("<", Order::Less, false),
            (">", Order::More, false),
        ];
        self.skip_space();
        let found = ALL.into_iter().find(|(sign, ..)| self.take(sign));
        let (_, order, negated) = found.ok_or_else(|| self.expected("=, !=, :, <, <=, > or >="))?;
        Ok((order, negated))
    }

    fn value(&mut self) -> Read<Value> {
        if let Some(quote) = self.rest().chars().next().filter(|first| matches!(first, '"' | '\'')) {
            return self.quoted(quote);
        }
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\'' | '=' | '<' | '>' | '!');
        let length = rest.find(ends).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.expected("a value"));
        }
        self.at += length;
        Ok(Value { text: rest[..length].to_owned(), quoted: false })
    }

    /// A text in quotes; `\` takes the next character as it is.
    fn quoted(&mut self, quote: char) -> Read<Value> {
        let mut text = String::new();
        let rest = self.rest();
        let mut characters = rest.char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                end if end == quote => {
                    self.at += index + end.len_utf8();
                    return Ok(Value { text, quoted: true });
                }
                plain => text.push(plain),
            }
        }
        self.at += rest.len();
        Err(self.expected("a quotation mark"))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = self.rest().starts_with(sign);
        self.at += if there { sign.len() } else { 0 };
        there
    }

    /// The word that begins here; nothing if none does.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..length]
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        self.word() == word && self.take(word)
    }

    fn expected(&self, what: &'static str) -> Fault {
        self.fault(FilterFault::Expected(what))
    }

    fn fault(&self, fault: FilterFault) -> Fault {
        Fault { at: self.at, fault }
    }
}
