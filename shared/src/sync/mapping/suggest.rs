//! Proposes a mapping file for an object, out of what the platform tells about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{CUSTOM_PREFIX, Direction, FieldMapping, Mappings, ObjectMapping};
use crate::ids::ObjectName;
use crate::model::Entity;
use crate::sync::remote_schema::{RemoteField, RemoteKind, RemoteObject};

/// The longest name of a custom field behind its prefix.
const MAX_NAME: usize = 60;

/// What a proposal is made from.
#[derive(Clone, Copy, Debug)]
pub struct Suggestion<'a> {
    /// The object as the platform tells it.
    pub object: &'a RemoteObject,
    /// Our table.
    pub entity: Entity,
    /// The mapping that this build carries for the object; its columns come first.
    pub standard: Option<&'a ObjectMapping>,
    /// What else is mapped: references to other objects mean nothing here.
    pub mapped: &'a Mappings,
    /// The remote field that holds our ids, where an org was prepared.
    pub external_id: &'a str,
    /// Remote fields that say nothing of the record itself, such as when somebody last looked at it.
    pub left_out: &'a [&'a str],
}

/// What a remote field holds, as mappings write it; `references` goes with `reference`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Text,
    Bool,
    Number,
    Date,
    DateTime,
    Reference(ObjectName),
}

/// Tells whether a field is a column.
type Likeness<'f> = dyn Fn(&RemoteField, &str) -> bool + 'f;

/// One proposed line.
struct Line<'a> {
    field: &'a RemoteField,
    local: String,
    held: Held,
    standard: Option<&'a FieldMapping>,
    note: Option<&'static str>,
}

impl<'a> Suggestion<'a> {
    /// Writes the file: known columns first, then every other field as a custom one.
    pub fn to_yaml(&self) -> String {
        let mut left_out = Vec::new();
        let mut fields = Vec::new();
        for field in &self.object.fields {
            match self.why_not(field) {
                Some(why) => left_out.push((field, why)),
                None => fields.push(field),
            }
        }
        let columns = self.columns(&fields);
        let mut names: BTreeSet<String> = columns.values().map(|it| (*it).to_owned()).collect();
        let mut lines: Vec<Line<'a>> = Vec::with_capacity(fields.len());
        for field in fields {
            let local = match columns.get(field.name.as_str()) {
                Some(column) => (*column).to_owned(),
                None => free_name(&field.name, &mut names),
            };
            lines.push(self.line(field, local));
        }
        let place = |it: &Line<'_>| {
            let columns = self.entity.columns();
            columns.iter().position(|column| *column == it.local).unwrap_or(columns.len())
        };
        lines.sort_by_key(place);
        self.written(&lines, &left_out)
    }

    /// Says why a field is not proposed.
    fn why_not(&self, field: &RemoteField) -> Option<&'static str> {
        let is_called = |name: &str| field.name.eq_ignore_ascii_case(name);
        match &field.kind {
            RemoteKind::Id => Some("the id of the record itself"),
            RemoteKind::Compound => Some("its parts are mapped"),
            RemoteKind::Binary => Some("bytes"),
            RemoteKind::Other { .. } => Some("its kind is not known"),
            _ if is_called(self.external_id) => Some("named as `external_id`"),
            _ if self.merged_into().is_some_and(is_called) => Some("named as `merged_into`"),
            _ if self.left_out.iter().any(|it| is_called(it)) => {
                Some("says nothing of the record itself")
            }
            _ => None,
        }
    }

    fn merged_into(&self) -> Option<&'a str> {
        let name = self.standard?.rules.merged_into.as_deref()?;
        self.object.field(name).map(|_| name)
    }

    fn standard_of(&self, field: &RemoteField) -> Option<&'a FieldMapping> {
        let mut fields = self.standard?.fields.iter();
        fields.find(|it| it.remote.eq_ignore_ascii_case(&field.name))
    }

    /// Finds which field is which column: by the standard mapping, then by its name, then by its
    /// label. Each column is taken once.
    fn columns(&self, fields: &[&'a RemoteField]) -> BTreeMap<&'a str, &'static str> {
        let mut free: Vec<&'static str> = self.entity.columns().to_vec();
        let mut taken: BTreeMap<&'a str, &'static str> = BTreeMap::new();
        let by_standard = |field: &RemoteField, column: &str| {
            self.standard_of(field).is_some_and(|it| it.local == column)
        };
        let by_name =
            |field: &RemoteField, column: &str| squeezed(stem(&field.name)) == squeezed(column);
        let by_label =
            |field: &RemoteField, column: &str| squeezed(&field.label) == squeezed(column);
        let ways: [&Likeness<'_>; 3] = [&by_standard, &by_name, &by_label];
        for is_it in ways {
            for field in
                fields.iter().filter(|it| it.is_writable() || self.standard_of(it).is_some())
            {
                if taken.contains_key(field.name.as_str()) {
                    continue;
                }
                let held = self.held(field, true);
                let found = free.iter().position(|it| is_it(field, it) && fits(it, &held));
                if let Some(at) = found {
                    taken.insert(&field.name, free.remove(at));
                }
            }
        }
        taken
    }

    /// Tells what is written as the kind of a field. A custom reference leads to a mapped object, or
    /// it is kept as the id that it is.
    fn held(&self, field: &RemoteField, is_column: bool) -> Held {
        match &field.kind {
            RemoteKind::Bool => Held::Bool,
            RemoteKind::Int
            | RemoteKind::Decimal { .. }
            | RemoteKind::Currency { .. }
            | RemoteKind::Percent { .. } => Held::Number,
            RemoteKind::Date => Held::Date,
            RemoteKind::DateTime => Held::DateTime,
            RemoteKind::Reference { to, is_polymorphic } => {
                let is_known =
                    |it: &&ObjectName| **it == self.object.name || self.mapped.get(it).is_some();
                let target = to.iter().find(is_known).or(to.first().filter(|_| is_column));
                match target {
                    Some(target) if is_column || !is_polymorphic => Held::Reference(target.clone()),
                    _ => Held::Text,
                }
            }
            _ => Held::Text,
        }
    }

    fn line(&self, field: &'a RemoteField, local: String) -> Line<'a> {
        let is_column = !local.starts_with(CUSTOM_PREFIX);
        let held = self.held(field, is_column);
        let is_foreign_id = field.kind.targets().is_some() && held == Held::Text;
        let note = is_foreign_id.then_some("the id of a record that is not mapped");
        Line { field, local, held, standard: self.standard_of(field), note }
    }

    fn written(&self, lines: &[Line<'_>], left_out: &[(&RemoteField, &str)]) -> String {
        let mut text = String::new();
        let Self { object, entity, external_id, .. } = self;
        // Writing into text never fails.
        let _ = writeln!(
            text,
            "# {}: a proposal out of what the platform tells. Read every line before it is used.",
            plain(&object.label)
        );
        let _ = writeln!(text, "object: {}\nentity: {entity}", object.name);
        match object.field(external_id) {
            Some(field) => drop(writeln!(text, "external_id: {}", field.name)),
            None => drop(writeln!(
                text,
                "# Without this field rows that are made here cannot be sent: `moodbridge setup` \
                 makes it.\n# external_id: {external_id}"
            )),
        }
        if let Some(name) = self.merged_into() {
            let _ = writeln!(text, "merged_into: {name}");
        }
        text.push_str("system_of_record: remote\nconflicts: newest_wins\n");
        text.push_str("deletes: { direction: both, conflicts: manual }\nfields:\n");
        for line in lines {
            line.write(&mut text);
        }
        for (field, why) in left_out {
            let _ = writeln!(text, "  # left out: {} ({why})", field.name);
        }
        text
    }
}

impl Line<'_> {
    fn write(&self, text: &mut String) {
        let Self { field, local, held, standard, note } = self;
        let is_column = !local.starts_with(CUSTOM_PREFIX);
        let _ = write!(text, "  - {{ remote: {}, local: {local}", quoted(&field.name));
        let kind = match held {
            Held::Text => None,
            Held::Bool => Some("bool"),
            Held::Number => Some("number"),
            Held::Date => Some("date"),
            Held::DateTime => Some("datetime"),
            Held::Reference(_) => Some("reference"),
        };
        // A column says itself what it holds.
        if let Some(kind) = kind.filter(|_| !is_column) {
            let _ = write!(text, ", type: {kind}");
        }
        if let Held::Reference(object) = held {
            let _ = write!(text, ", references: {object}");
        }
        let is_inward = !self.can_go_out();
        if is_inward {
            text.push_str(", direction: in");
        }
        let longest = field.kind.max_length().or_else(|| standard.and_then(|it| it.max_chars));
        if let Some(longest) = longest.filter(|it| *it > 0 && *held == Held::Text && !is_inward) {
            let _ = write!(text, ", max_chars: {longest}");
        }
        let mask = standard.and_then(|it| serde_json::to_value(it.mask?).ok());
        if let Some(mask) = mask.as_ref().and_then(serde_json::Value::as_str) {
            let _ = write!(text, ", mask: {mask}");
        }
        text.push_str(" }");
        if let Some(note) = note {
            let _ = write!(text, " # {note}");
        }
        text.push('\n');
    }

    /// Tells whether what is written here is taken over there.
    fn can_go_out(&self) -> bool {
        let Self { field, standard, note, .. } = self;
        let is_taken = field.can_update || (field.can_create && field.is_required_on_create);
        let is_readable = !matches!(field.kind, RemoteKind::Encrypted { .. });
        let is_meant = standard.is_none_or(|it| it.direction != Direction::In);
        is_taken && !field.is_calculated && is_readable && is_meant && note.is_none()
    }
}

/// Tells whether a column can hold it.
fn fits(column: &str, held: &Held) -> bool {
    match column {
        "account_id" | "contact_id" => matches!(held, Held::Reference(_)),
        "is_closed" => *held == Held::Bool,
        "opened_at" | "closed_at" => *held == Held::DateTime,
        _ => *held == Held::Text,
    }
}

/// Returns the name without what marks a custom field.
fn stem(name: &str) -> &str {
    name.strip_suffix("__c").unwrap_or(name)
}

/// Returns letters and digits alone, small.
fn squeezed(name: &str) -> String {
    name.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Makes `custom.number_of_employees` of `NumberOfEmployees`; a number follows where it is taken.
fn free_name(remote: &str, names: &mut BTreeSet<String>) -> String {
    let base = snake_case(stem(remote));
    let mut name = format!("{CUSTOM_PREFIX}{base}");
    let mut number = 2;
    while !names.insert(name.clone()) {
        let end = format!("_{number}");
        let room = base.len().min(MAX_NAME.saturating_sub(end.len()));
        name = format!("{CUSTOM_PREFIX}{}{end}", base.get(..room).unwrap_or_default());
        number += 1;
    }
    name
}

fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().filter(char::is_ascii).collect();
    let mut snake = String::with_capacity(name.len() + 8);
    for (idx, letter) in letters.iter().enumerate() {
        let before = idx.checked_sub(1).and_then(|it| letters.get(it));
        let after = letters.get(idx + 1);
        let begins_word = letter.is_ascii_uppercase()
            && (before.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
                || (before.is_some_and(char::is_ascii_uppercase)
                    && after.is_some_and(char::is_ascii_lowercase)));
        if (begins_word || *letter == '_') && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        if *letter != '_' {
            snake.push(letter.to_ascii_lowercase());
        }
    }
    snake.truncate(MAX_NAME);
    snake.trim_end_matches('_').to_owned()
}

/// Quotes a name that YAML would take for something else than text.
fn quoted(name: &str) -> String {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    match words.iter().any(|it| name.eq_ignore_ascii_case(it)) {
        true => format!("\"{name}\""),
        false => name.to_owned(),
    }
}

/// A label that somebody else wrote must stay on its line.
fn plain(label: &str) -> String {
    label.chars().filter(|it| !it.is_control()).collect()
}

#[cfg(test)]
mod tests;
