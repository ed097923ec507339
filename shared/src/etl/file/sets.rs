//! Steps that look at many rows, as they are written.

use super::places;
use crate::etl::fault::Faults;
use crate::etl::sets::{Aggregate, Deduplicate, History, Join, JoinKind, Keep, OrderBy};
use crate::etl::yaml::{At, Content};

const KINDS: &[(&str, JoinKind)] = &[
    ("inner", JoinKind::Inner),
    ("left", JoinKind::Left),
    ("semi", JoinKind::Semi),
    ("anti", JoinKind::Anti),
];
const KEEPS: &[(&str, Keep)] = &[("first", Keep::First), ("last", Keep::Last)];

/// Reads a join.
pub(super) fn join(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Join> {
    at.keys(&["with", "kind", "on", "take", "lookup"], faults);
    let with = at.need("with", faults).and_then(|it| places::source(&it, faults));
    let kind = at.need("kind", faults).and_then(|it| it.word(KINDS, faults));
    let on = at.need("on", faults).and_then(|it| pairs(&it, "contact_id: id", faults));
    let take = at.get("take").map(|it| take(&it, faults));
    let is_lookup = at.get("lookup").map(|it| it.flag(faults));
    Some(Join {
        with: with?,
        kind: kind?,
        on: on?,
        take: match take {
            Some(take) => Some(take?),
            None => None,
        },
        is_lookup: is_lookup.unwrap_or(Some(false))?,
    })
}

/// Reads the columns that are taken: `[name]` or `{new: old}`.
fn take(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Vec<(String, String)>> {
    if matches!(at.node.content, Content::Map(_)) {
        let named = pairs(at, "contact_email: email", faults)?;
        return Some(named.into_iter().map(|(new, old)| (old, new)).collect());
    }
    let names = at.texts(faults)?;
    Some(names.into_iter().map(|it| (it.clone(), it)).collect())
}

/// Reads texts by name, in order.
fn pairs(at: &At<'_>, example: &str, faults: &mut Faults<'_>) -> Option<Vec<(String, String)>> {
    if !matches!(at.node.content, Content::Map(_)) {
        at.fault(faults, format!("write such as `{{{example}}}`"));
        return None;
    }
    at.entries().map(|(name, it)| Some((name.to_owned(), it.text(faults)?))).collect()
}

/// Reads an aggregate.
pub(super) fn aggregate(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Aggregate> {
    at.keys(&["by", "make"], faults);
    let by = at.get("by").map(|it| it.texts(faults));
    let make = at.need("make", faults).and_then(|it| pairs(&it, "n: count(*)", faults));
    Some(Aggregate { by: by.unwrap_or(Some(Vec::new()))?, make: make? })
}

/// Reads a removal of duplicates.
pub(super) fn deduplicate(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Deduplicate> {
    at.keys(&["by", "keep", "order"], faults);
    let by = at.need("by", faults).and_then(|it| it.texts(faults));
    let keep = at.need("keep", faults).and_then(|it| it.word(KEEPS, faults));
    let order = at.get("order").map(|it| order(&it, faults));
    Some(Deduplicate { by: by?, keep: keep?, order: order.unwrap_or(Some(Vec::new()))? })
}

/// Reads an order: names of columns, or `{column, descending}`.
pub(super) fn order(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Vec<OrderBy>> {
    let items = at.items();
    if items.is_empty() {
        at.fault(faults, "is empty: write at least one column");
        return None;
    }
    let one = |it: &At<'_>, faults: &mut Faults<'_>| {
        if !matches!(it.node.content, Content::Map(_)) {
            return Some(OrderBy::ascending(it.text(faults)?));
        }
        it.keys(&["column", "descending"], faults);
        let column = it.need("column", faults)?.text(faults)?;
        let is_descending = it.get("descending").map_or(Some(false), |it| it.flag(faults))?;
        Some(OrderBy { column, is_descending })
    };
    items.iter().map(|it| one(it, faults)).collect()
}

/// Reads a history.
pub(super) fn history(at: &At<'_>, faults: &mut Faults<'_>) -> Option<History> {
    at.keys(&["key", "compare", "valid_from", "against"], faults);
    let key = at.need("key", faults).and_then(|it| it.texts(faults));
    let compare = at.need("compare", faults).and_then(|it| it.texts(faults));
    let valid_from = at.need("valid_from", faults).and_then(|it| it.text(faults));
    let against = at.need("against", faults).and_then(|it| places::sink(&it, faults));
    Some(History { key: key?, compare: compare?, valid_from: valid_from?, against: against? })
}
