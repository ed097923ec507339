//! What conditions may hold.

use shared::time::Timestamp;

use super::super::condition::{Condition, Operand};
use super::super::literal::{Literal, push_escaped};
use super::super::name::FieldPath;
use super::super::query::{Grouping, Query, SelectItem};
use super::fault::BoundFault;

/// Deepest nesting of conditions: our own bound, so that neither side runs out of stack.
pub(super) const MAX_NESTING: usize = 20;

/// Longest text in a condition, as it is written, in characters. Source: SOQL and SOSL limits.
const MAX_TEXT: usize = 4_000;

/// Which clause a condition stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Where,
    Having,
}

/// What stands above a condition.
#[derive(Clone, Copy)]
struct Above {
    depth: usize,
    /// The word that a query inside IN must not stand below.
    forbids_query: Option<&'static str>,
}

/// Walks one condition, handing every field it reads and every query inside IN to `visit`.
pub(super) fn check<'a>(
    query: &'a Query,
    clause: Clause,
    condition: &'a Condition,
    visit: &mut dyn FnMut(Visited<'a>) -> Result<(), BoundFault>,
) -> Result<(), BoundFault> {
    let forbids_query = (clause == Clause::Having).then_some("cannot stand in HAVING");
    Walk { query, clause, visit }.condition(condition, Above { depth: 1, forbids_query })
}

/// What a walk comes by.
pub(super) enum Visited<'a> {
    /// A field.
    Field(&'a FieldPath),
    /// A query inside IN, and the field on its left.
    SemiJoin(&'a FieldPath, &'a Query),
}

struct Walk<'a, 'b> {
    query: &'a Query,
    clause: Clause,
    visit: &'b mut dyn FnMut(Visited<'a>) -> Result<(), BoundFault>,
}

impl<'a> Walk<'a, '_> {
    fn condition(&mut self, condition: &'a Condition, above: Above) -> Result<(), BoundFault> {
        if above.depth > MAX_NESTING {
            return Err(BoundFault::TooDeep { what: "conditions", max: MAX_NESTING });
        }
        let below = Above { depth: above.depth + 1, ..above };
        match condition {
            Condition::All(group) => {
                group.conditions().iter().try_for_each(|it| self.condition(it, below))
            }
            Condition::Any(group) => {
                let below = Above { forbids_query: Some("cannot stand under OR"), ..below };
                group.conditions().iter().try_for_each(|it| self.condition(it, below))
            }
            Condition::Not(inner) => {
                let rule = "cannot stand under NOT: write NOT IN, or IN";
                self.condition(inner, Above { forbids_query: Some(rule), ..below })
            }
            Condition::Compare(operand, _, value) => {
                self.operand(operand)?;
                check_literal(operand.field(), value)
            }
            Condition::Like(operand, pattern) => {
                self.operand(operand)?;
                let mut text = String::new();
                pattern.write(&mut text);
                check_written(operand.field(), text.chars().count().saturating_sub(2))
            }
            Condition::Member(field, _, values) => {
                self.field(field)?;
                if values.is_empty() {
                    return Err(BoundFault::Empty { what: "an IN list" });
                }
                values.iter().try_for_each(|value| check_literal(field, value))
            }
            Condition::MemberOf(field, _, inner) => {
                self.field(field)?;
                let rule = above.forbids_query.or_else(|| broken_rule(self.query, inner));
                if let Some(rule) = rule {
                    return Err(BoundFault::SemiJoin { field: field.to_string(), rule });
                }
                (self.visit)(Visited::SemiJoin(field, inner))
            }
            Condition::Picklist(field, _, sets) => {
                self.field(field)?;
                if sets.is_empty() {
                    return Err(BoundFault::Empty { what: "an INCLUDES list" });
                }
                sets.iter().try_for_each(|set| check_text(field, &set.joined()))
            }
        }
    }

    fn operand(&mut self, operand: &'a Operand) -> Result<(), BoundFault> {
        match operand {
            Operand::Field(field) => self.field(field),
            Operand::Aggregate(function, field) if self.clause == Clause::Where => {
                Err(BoundFault::AggregateOfRecords {
                    function: function.name(),
                    field: field.to_string(),
                    clause: "WHERE",
                })
            }
            Operand::Aggregate(_, field) => (self.visit)(Visited::Field(field)),
        }
    }

    fn field(&mut self, field: &'a FieldPath) -> Result<(), BoundFault> {
        if self.clause == Clause::Having {
            let grouped: &[FieldPath] = self.query.grouping.as_ref().map_or(&[], Grouping::fields);
            let own = self.query.own_names();
            let wanted = field.without_own(&own);
            if !grouped.iter().any(|it| it.without_own(&own).eq_ignore_ascii_case(wanted)) {
                return Err(BoundFault::NotGrouped { field: field.to_string() });
            }
        }
        (self.visit)(Visited::Field(field))
    }
}

/// Returns what a query inside IN of `outer` breaks.
fn broken_rule(outer: &Query, inner: &Query) -> Option<&'static str> {
    if !matches!(inner.items.as_slice(), [SelectItem::Field(_)]) {
        Some("must select one field: an Id or a reference")
    } else if inner.source.object.as_str().eq_ignore_ascii_case(outer.source.object.as_str()) {
        Some("must not ask the same object: put its condition into the outer query")
    } else if !inner.order.is_empty() || inner.limit.is_some() || inner.offset.is_some() {
        Some("must have no ORDER BY, LIMIT or OFFSET")
    } else if inner.grouping.is_some()
        || inner.having.is_some()
        || inner.scope.is_some()
        || inner.access.is_some()
        || inner.recency.is_some()
        || inner.tracking.is_some()
        || inner.is_locking
        || !inner.source.joined.is_empty()
    {
        Some("must have no clause but WHERE")
    } else {
        None
    }
}

fn check_literal(field: &FieldPath, value: &Literal) -> Result<(), BoundFault> {
    match value {
        Literal::Text(text) => check_text(field, text),
        Literal::Instant(at) if Timestamp::from_foreign_millis(at.as_millis()).is_none() => {
            Err(BoundFault::InstantOutOfRange { field: field.to_string() })
        }
        _ => Ok(()),
    }
}

fn check_text(field: &FieldPath, text: &str) -> Result<(), BoundFault> {
    // Most texts are short: what cannot be too long even if each byte were escaped needs no look.
    if text.len() <= MAX_TEXT / 6 {
        return Ok(());
    }
    let mut written = String::with_capacity(text.len());
    push_escaped(&mut written, text);
    check_written(field, written.chars().count())
}

fn check_written(field: &FieldPath, n_characters: usize) -> Result<(), BoundFault> {
    if n_characters > MAX_TEXT {
        Err(BoundFault::TextTooLong { field: field.to_string(), n_characters, max: MAX_TEXT })
    } else {
        Ok(())
    }
}
