//! Imported items, as both engines write and compare them: the columns, and the statements.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::ports::{
    INCIDENT_SOURCE, ImportTallies, ImportTally, Incident, IncidentFigures, ItemBatch, ItemBody,
    MatterItem, StoreDigest,
};
use shared::sync::DigestSum;

use super::batch::TextForm;
use super::decode::count;
use super::sight::shown_cases;

/// What the two engines spell differently.
pub(super) struct Dialect {
    /// A name of the engine's rows of JSON, given the argument with the lines.
    pub(super) lines: &'static str,
    /// The expression of one line.
    pub(super) line: &'static str,
    /// Whether a value of JSON has to be cast to its column's type.
    pub(super) casts: bool,
    /// The month of `occurred_at` in UTC.
    pub(super) month: &'static str,
}

/// A column of a table of items: its name, and its type where values are cast.
type Column = (&'static str, &'static str);

/// A table that items of one kind stand in.
pub(super) struct ItemTable {
    name: &'static str,
    /// What makes a row the one that is given.
    conflict: &'static str,
    /// The columns behind `id`, `created_at` and the instant of the import.
    columns: &'static [Column],
    has_updated_at: bool,
}

const EVENTS: ItemTable = ItemTable {
    name: "timeline_events",
    conflict: "(id) WHERE source IS NOT NULL",
    columns: &[
        ("case_id", "text"),
        ("source", "text"),
        ("details", "json"),
        ("occurred_at", "bigint"),
        ("event_type", "text"),
        ("title", "text"),
        ("description", "text"),
        ("importance", "smallint"),
        ("category", "text"),
        ("hours", "double precision"),
        ("related_id", "text"),
    ],
    has_updated_at: false,
};

const DOCUMENTS: ItemTable = ItemTable {
    name: "documents",
    conflict: "(id)",
    columns: &[
        ("case_id", "text"),
        ("source", "text"),
        ("details", "json"),
        ("exhibit_label", "text"),
        ("name", "text"),
        ("media_type", "text"),
        ("size_bytes", "bigint"),
        ("sha256", "text"),
        ("category", "text"),
        ("description", "text"),
    ],
    has_updated_at: true,
};

const COMMUNICATIONS: ItemTable = ItemTable {
    name: "communications",
    conflict: "(id)",
    columns: &[
        ("case_id", "text"),
        ("source", "text"),
        ("details", "json"),
        ("occurred_at", "bigint"),
        ("sender", "text"),
        ("recipient", "text"),
        ("medium", "text"),
        ("subject", "text"),
        ("content", "text"),
        ("related_to_placement", "boolean"),
    ],
    has_updated_at: false,
};

/// The tables that may hold imported items.
pub(super) const TABLES: [&str; 3] = [EVENTS.name, DOCUMENTS.name, COMMUNICATIONS.name];

/// The items of one source, ready for its table.
pub(super) struct PreparedItems {
    pub(super) source: String,
    pub(super) table: &'static ItemTable,
    pub(super) n_items: u64,
    /// An array of JSON of arrays.
    pub(super) lines: String,
}

/// Sorts the items of `batch` by source, in the form of their tables; `at` is the instant of the
/// import, and `form` turns free text into what the engine can hold.
pub(super) fn prepare(
    batch: &ItemBatch,
    at: i64,
    form: TextForm,
) -> Result<Vec<PreparedItems>, sqlx::Error> {
    let mut sources: BTreeMap<&str, (&'static ItemTable, Vec<Value>)> = BTreeMap::new();
    for item in &batch.items {
        let (table, line) = line(&batch.case_id, item, at, form);
        sources.entry(&item.source).or_insert((table, Vec::new())).1.push(line);
    }
    let prepare = |(source, (table, lines)): (&str, (&'static ItemTable, Vec<Value>))| {
        let n_items = lines.len().try_into().unwrap_or(u64::MAX);
        let lines = serde_json::to_string(&lines);
        let lines = lines.map_err(|cause| sqlx::Error::Encode(cause.into()))?;
        Ok(PreparedItems { source: source.to_owned(), table, n_items, lines })
    };
    sources.into_iter().map(prepare).collect()
}

fn line(
    case_id: &EntityId,
    item: &MatterItem,
    at: i64,
    form: TextForm,
) -> (&'static ItemTable, Value) {
    let text = |text: &str| Value::from(Cow::into_owned(form(text)));
    let optional = |it: &Option<String>| it.as_deref().map_or(Value::Null, text);
    let created_at = item.created_at.map_or(at, shared::time::Timestamp::as_millis);
    let mut line = vec![json!(item.id), json!(created_at), json!(at), json!(case_id)];
    line.extend([text(&item.source), Value::from(item.details.as_str())]);
    let table = match &item.body {
        ItemBody::Event(it) => {
            line.push(json!(it.occurred_at.as_millis()));
            line.extend([text(&it.event_type), text(&it.title), optional(&it.description)]);
            line.extend([json!(it.importance), optional(&it.category), json!(it.hours)]);
            line.push(json!(it.related_id));
            &EVENTS
        }
        ItemBody::Document(it) => {
            line.extend([optional(&it.exhibit_label), text(&it.name), optional(&it.media_type)]);
            line.extend([json!(it.size_bytes), json!(it.sha256)]);
            line.extend([optional(&it.category), optional(&it.description)]);
            &DOCUMENTS
        }
        ItemBody::Communication(it) => {
            line.push(json!(it.occurred_at.as_millis()));
            line.extend([&it.sender, &it.recipient, &it.medium].map(optional));
            line.extend([&it.subject, &it.content].map(optional));
            line.push(json!(it.related_to_placement));
            &COMMUNICATIONS
        }
    };
    (table, Value::Array(line))
}

/// How many items stand already, and how many of those say something else.
pub(super) type Standing = (i64, i64);

impl PreparedItems {
    /// Counts items by what was found `standing`.
    pub(super) fn tally(&self, (n_standing, n_changed): Standing) -> ImportTally {
        let (n_standing, n_changed) = (count(n_standing), count(n_changed));
        ImportTally {
            n_new: self.n_items.saturating_sub(n_standing),
            n_changed,
            n_same: n_standing.saturating_sub(n_changed),
        }
    }
}

/// Adds a tally to its source.
pub(super) fn add(tallies: &mut ImportTallies, source: &str, tally: ImportTally) {
    tallies.entry(source.to_owned()).or_default().add(tally);
}

impl ItemTable {
    fn given(&self, dialect: &Dialect) -> String {
        use std::fmt::Write as _;
        let line = dialect.line;
        let first = [("id", "text"), ("created_at", "bigint"), ("imported_at", "bigint")];
        let mut columns = String::new();
        for (place, (name, form)) in first.iter().chain(self.columns).enumerate() {
            let between = if place == 0 { "" } else { ", " };
            let cast = if dialect.casts { format!("::{form}") } else { String::new() };
            let _ = write!(columns, "{between}({line} ->> {place}){cast} AS {name}");
        }
        format!("WITH given AS (SELECT {columns} FROM {})", dialect.lines)
    }

    fn differs(&self, dialect: &Dialect, given: &str) -> String {
        let table = self.name;
        let differences = self.columns.iter().map(|(name, form)| {
            // Values of `json` cannot be compared, their texts can.
            let form = if dialect.casts && *form == "json" { "::text" } else { "" };
            format!("{table}.{name}{form} IS DISTINCT FROM {given}.{name}{form}")
        });
        differences.collect::<Vec<_>>().join(" OR ")
    }

    /// Spells the statement that finds what stands already.
    pub(super) fn compare(&self, dialect: &Dialect) -> String {
        let (given, table) = (self.given(dialect), self.name);
        let differs = self.differs(dialect, "given");
        // An index of imported events alone knows their ids.
        let is_imported =
            if self.name == EVENTS.name { " AND timeline_events.source IS NOT NULL" } else { "" };
        format!(
            "{given} SELECT count(*), \
             coalesce(sum(CASE WHEN {differs} THEN 1 ELSE 0 END), 0) \
             FROM given JOIN {table} ON {table}.id = given.id{is_imported}"
        )
    }

    /// Spells the statement that writes what is new or changed.
    pub(super) fn upsert(&self, dialect: &Dialect) -> String {
        let names: Vec<&str> = self.columns.iter().map(|it| it.0).collect();
        let mut names = format!("id, created_at, {}", names.join(", "));
        let mut values = names.clone();
        let sets = self.columns.iter().map(|(name, _)| format!("{name} = excluded.{name}"));
        let mut sets = sets.collect::<Vec<_>>().join(", ");
        if self.has_updated_at {
            names.push_str(", updated_at");
            values.push_str(", imported_at");
            sets.push_str(", updated_at = excluded.updated_at");
        }
        format!(
            "{} INSERT INTO {} ({names}) SELECT {values} FROM given WHERE true \
             ON CONFLICT {} DO UPDATE SET {sets}, created_at = excluded.created_at WHERE {}",
            self.given(dialect),
            self.name,
            self.conflict,
            self.differs(dialect, "excluded"),
        )
    }
}

/// The imported items of a case in `table`, one of [`TABLES`]: id, source, details.
pub(super) fn imported_of(table: &str, case_id: &str, details: &str) -> String {
    format!(
        "SELECT id, source, {details} FROM {table} WHERE case_id = {case_id} AND source IS NOT NULL"
    )
}

/// Sums imported items up, one at a time.
#[derive(Default)]
pub(super) struct ImportedSums(BTreeMap<String, DigestSum>);

impl ImportedSums {
    /// Adds one.
    pub(super) fn add(&mut self, id: &EntityId, source: &str, details: &str) {
        let sum = self.0.entry(source.to_owned()).or_default();
        sum.add_item(source, id, details);
    }

    /// Returns the digest of each source.
    pub(super) fn finish(self) -> BTreeMap<String, StoreDigest> {
        self.0.into_iter().map(|(source, sum)| (source, sum.finish())).collect()
    }
}

/// The statements of the figures of incidents; $1 is the person.
pub(super) struct IncidentStatements {
    /// How many, hours together, hours on average.
    pub(super) totals: String,
    /// Month and number.
    pub(super) months: String,
    /// Category and number.
    pub(super) categories: String,
    /// Details and hours; $2 is how many.
    pub(super) latest: String,
}

impl IncidentStatements {
    /// Spells them for what `sight` shows.
    pub(super) fn new(sight: &Sight, dialect: &Dialect) -> Self {
        let shown = shown_cases(sight, "timeline_events.case_id", "$1");
        let shown = shown.unwrap_or_else(|| "$1 IS NULL".to_owned());
        let incidents =
            format!("FROM timeline_events WHERE source = '{INCIDENT_SOURCE}' AND {shown}");
        let details = if dialect.casts { "details::text" } else { "details" };
        Self {
            totals: format!(
                "SELECT count(*), coalesce(sum(hours), 0.0), coalesce(avg(hours), 0.0) {incidents}"
            ),
            months: format!(
                "SELECT {} AS month, count(*) {incidents} GROUP BY 1 ORDER BY 1",
                dialect.month
            ),
            categories: format!(
                "SELECT category, count(*) {incidents} GROUP BY category \
                 ORDER BY count(*) DESC, category IS NULL, category"
            ),
            latest: format!(
                "SELECT {details}, hours {incidents} \
                 ORDER BY occurred_at DESC, row_number DESC LIMIT $2"
            ),
        }
    }
}

/// Puts the answers of [`IncidentStatements`] together.
pub(super) fn figures(
    totals: (i64, f64, f64),
    months: Vec<(String, i64)>,
    categories: Vec<(Option<String>, i64)>,
    latest: &[(String, Option<f64>)],
) -> IncidentFigures {
    IncidentFigures {
        n_incidents: count(totals.0),
        hours: totals.1,
        mean_hours: totals.2,
        by_month: months.into_iter().map(|(month, n)| (month, count(n))).collect(),
        by_category: categories.into_iter().map(|(name, n)| (name, count(n))).collect(),
        latest: latest.iter().map(|(details, hours)| Incident::of(details, *hours)).collect(),
    }
}
