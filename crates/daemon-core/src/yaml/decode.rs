//! Reads a tree into a type with serde. The check against the schema reads the same tree, so both see the same values;
//! what a schema cannot describe is an error here, with its line and key. Text is parsed elsewhere.

use std::fmt;
use std::slice::Iter;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Key, Node, Scalar, Value};

/// Why a tree is not a value of the type.
#[derive(Debug)]
pub(super) struct DecodeError {
    /// Where the innermost value starts that was being read.
    line: Option<usize>,
    /// The innermost key above it.
    key: Option<String>,
    message: String,
}

/// The tree as a `T`, or a line and what is wrong there.
pub(super) fn decode<'de, T: Deserialize<'de>>(root: &'de Node) -> Result<T, (usize, String)> {
    T::deserialize(root).map_err(|error| (error.line.unwrap_or(root.line), error.to_string()))
}

impl DecodeError {
    /// Adds what an error inside this value does not say yet.
    fn inside(self, line: usize, key: Option<&Key>) -> DecodeError {
        let key = self.key.or_else(|| key.map(|key| key.text.clone()));
        DecodeError { line: self.line.or(Some(line)), key, message: self.message }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "`{key}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> DecodeError {
        DecodeError { line: None, key: None, message: message.to_string() }
    }
}

/// The items of a list that are still to be read.
struct Items<'de>(Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|error| error.inside(node.line, None))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The entries of a mapping that are still to be read.
struct Entries<'de> {
    rest: Iter<'de, (Key, Node)>,
    /// The one whose key was read last.
    current: Option<&'de (Key, Node)>,
}

impl<'de> Entries<'de> {
    fn of(entries: &'de [(Key, Node)]) -> Entries<'de> {
        Entries { rest: entries.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        self.current = self.rest.next();
        let Some((key, _)) = self.current else { return Ok(None) };
        let read = seed.deserialize(BorrowedStrDeserializer::new(&key.text)).map(Some);
        read.map_err(|error: DecodeError| error.inside(key.line, None))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let (key, node) =
            self.current.ok_or_else(|| DecodeError::custom("a value is read before its key"))?;
        seed.deserialize(node).map_err(|error| error.inside(node.line, Some(key)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A tuple leaves the items of a longer list unread.
fn list<'de, V: Visitor<'de>>(items: &'de [Node], visitor: V) -> Result<V::Value, DecodeError> {
    let mut rest = Items(items.iter());
    let value = visitor.visit_seq(&mut rest)?;
    match (items.len(), rest.0.len()) {
        (_, 0) => Ok(value),
        (all, unread) => Err(DecodeError::custom(format!("must have {} items, found {all}", all - unread))),
    }
}

/// A whole number of more than 64 bits fits only where a fraction is wanted.
fn integer<'de, V: Visitor<'de>>(value: i128, visitor: V) -> Result<V::Value, DecodeError> {
    if let Ok(value) = u64::try_from(value) {
        visitor.visit_u64(value)
    } else if let Ok(value) = i64::try_from(value) {
        visitor.visit_i64(value)
    } else {
        visitor.visit_f64(value as f64)
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::Scalar(Scalar::Null) => visitor.visit_unit(),
            Value::Scalar(Scalar::Bool(value)) => visitor.visit_bool(*value),
            Value::Scalar(Scalar::Integer(value)) => integer(*value, visitor),
            Value::Scalar(Scalar::Float(value)) => visitor.visit_f64(*value),
            Value::Scalar(Scalar::Text(text)) => visitor.visit_borrowed_str(text),
            Value::List(items) => list(items, visitor),
            Value::Mapping(entries) => visitor.visit_map(Entries::of(entries)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::Scalar(Scalar::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    /// A list is not read as a struct's fields by position.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::List(_) => Err(DecodeError::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    /// A word, or a mapping with the word as its only key.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::Scalar(Scalar::Text(word)) => visitor.visit_enum(BorrowedStrDeserializer::new(word)),
            Value::Mapping(entries) if entries.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries::of(entries)))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, DecodeError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests;
