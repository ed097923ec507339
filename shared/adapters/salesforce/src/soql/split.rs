//! One question in several queries, where the platform's bounds do not take it in one.

use std::iter::Peekable;

use super::bounds::{BoundFault, MAX_CHARACTERS, MAX_FIELDS_RECORDS, Transport, encoded_bytes};
use super::condition::Condition;
use super::literal::Literal;
use super::name::FieldPath;
use super::query::{FieldSet, Query, SelectItem};
use super::write::push_item;

/// What stands between two members of a list.
const SEPARATOR: &str = ", ";

/// A query that cannot be cut into several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitFault {
    /// Even the shortest part breaks a bound.
    #[error("even a part of the query breaks a bound")]
    Bound(#[source] BoundFault),
    /// The parts together would not answer what the whole asks.
    #[error("query with {what} cannot be cut into parts: {fix}")]
    Inseparable {
        /// What hinders it.
        what: &'static str,
        /// What to do instead.
        fix: &'static str,
    },
}

impl From<BoundFault> for SplitFault {
    fn from(fault: BoundFault) -> Self {
        Self::Bound(fault)
    }
}

/// What is left of the bounds for a list.
#[derive(Clone, Copy, Debug)]
struct Room {
    n_characters: usize,
    n_bytes: Option<usize>,
}

impl Room {
    /// Measures what `soql`, the statement without its list, leaves.
    fn beside(soql: &str, transport: Transport) -> Self {
        Self {
            n_characters: MAX_CHARACTERS.saturating_sub(soql.chars().count()),
            n_bytes: transport.max_encoded_bytes().map(|it| it.saturating_sub(encoded_bytes(soql))),
        }
    }

    /// Returns what is left behind `text`, the first of a list; `None` when it does not fit.
    fn without(self, text: &str) -> Option<Self> {
        let n_bytes = match self.n_bytes {
            None => None,
            Some(left) => Some(left.checked_sub(encoded_bytes(text))?),
        };
        let n_characters = self.n_characters.checked_sub(text.chars().count())?;
        Some(Self { n_characters, n_bytes })
    }

    /// Returns what is left behind `text`, which follows another; `None` when it does not fit.
    fn without_next(self, text: &str) -> Option<Self> {
        self.without(SEPARATOR)?.without(text)
    }
}

/// Queries that together ask for records with one of many values; every value stands in exactly one
/// of them. Values are taken as they are needed, so there may be any number.
///
/// A value too long for a query of its own stands alone in one that cannot be written.
#[derive(Debug)]
pub struct ValueQueries<I: Iterator<Item = Literal>> {
    base: Query,
    field: FieldPath,
    values: Peekable<I>,
    room: Room,
    max_values: usize,
}

impl<I: Iterator<Item = Literal>> Iterator for ValueQueries<I> {
    type Item = Query;

    fn next(&mut self) -> Option<Query> {
        let mut list = vec![self.values.next()?];
        let mut text = String::new();
        if let Some(first) = list.first() {
            first.write(&mut text);
        }
        let mut room = self.room.without(&text);
        while let Some(left) = room
            && list.len() < self.max_values
            && let Some(value) = self.values.peek()
        {
            text.clear();
            value.write(&mut text);
            room = left.without_next(&text);
            if room.is_some() {
                list.extend(self.values.next());
            }
        }
        Some(self.base.clone().with_condition(Condition::is_in(self.field.clone(), list)))
    }
}

impl Query {
    /// Asks for those records whose `field` has one of `values`, in as many queries as `transport`
    /// takes. The values should differ: a record is found by each query that holds its value.
    ///
    /// # Errors
    /// [`SplitFault`] when the query has a limit, an offset or groups, which mean something else in
    /// parts, or when there is no room for values beside it.
    pub fn split_by_values<I>(
        self,
        field: FieldPath,
        values: I,
        transport: Transport,
    ) -> Result<ValueQueries<I::IntoIter>, SplitFault>
    where
        I: IntoIterator<Item = Literal>,
    {
        self.check_separable("read it once for each group of values")?;
        let none: [Literal; 1] = [Literal::Null];
        let smallest = self.clone().with_condition(Condition::is_in(field.clone(), none));
        let soql = smallest.to_soql_for(transport)?.replacen("(null)", "()", 1);
        let needs_few_records = |item: &SelectItem| {
            matches!(item, SelectItem::Fields(FieldSet::All | FieldSet::Custom))
        };
        let is_bounded = self.items.iter().any(needs_few_records);
        Ok(ValueQueries {
            room: Room::beside(&soql, transport),
            max_values: if is_bounded { MAX_FIELDS_RECORDS } else { usize::MAX },
            base: self,
            field,
            values: values.into_iter().peekable(),
        })
    }

    /// Asks for the same records in several queries, each with `keys` and some of the other items,
    /// when one is too long for `transport`. The answers are joined by the keys.
    ///
    /// The parts are read one after another: name `Id` and `SystemModstamp` as keys, so that a
    /// record that changed in between is noticed.
    ///
    /// # Errors
    /// [`SplitFault`] when more than one part is needed of a query with a limit, an offset or
    /// groups, or when the rest of the query leaves no room for fields.
    pub fn split_by_fields(
        &self,
        keys: &[FieldPath],
        transport: Transport,
    ) -> Result<Vec<Self>, SplitFault> {
        match self.to_soql_for(transport) {
            Ok(_) => return Ok(vec![self.clone()]),
            Err(BoundFault::TooLong { .. } | BoundFault::AddressTooLong { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        self.check_separable("read it by Bulk query")?;
        let part = |items: Vec<SelectItem>| Self { items, ..self.clone() };
        let key_items: Vec<SelectItem> = keys.iter().cloned().map(Into::into).collect();
        let soql = part(key_items.clone()).to_soql_for(transport)?;
        let whole = Room::beside(&soql, transport);
        let is_key = |item: &SelectItem| matches!(item, SelectItem::Field(field) if keys.iter().any(|it| it.is_same(field)));
        let mut parts = Vec::new();
        let mut items = key_items.clone();
        let mut room = whole;
        for item in self.items.iter().filter(|it| !is_key(it)) {
            let mut text = String::new();
            push_item(&mut text, item);
            let left = match room.without_next(&text) {
                Some(left) => left,
                None => {
                    parts.push(part(std::mem::replace(&mut items, key_items.clone())));
                    // Alone and still too long: writing the part tells which bound it breaks.
                    whole.without_next(&text).unwrap_or(whole)
                }
            };
            items.push(item.clone());
            room = left;
        }
        parts.push(part(items));
        parts.retain(|it| it.items.len() > key_items.len());
        for it in &parts {
            it.to_soql_for(transport)?;
        }
        Ok(parts)
    }

    fn check_separable(&self, fix: &'static str) -> Result<(), SplitFault> {
        let inseparable = |what| Err(SplitFault::Inseparable { what, fix });
        let is_count = |it: &SelectItem| matches!(it, SelectItem::CountRecords);
        if self.limit.is_some() {
            inseparable("LIMIT")
        } else if self.offset.is_some() {
            inseparable("OFFSET")
        } else if self.is_grouped() || self.items.iter().any(is_count) {
            inseparable("groups or counts")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
