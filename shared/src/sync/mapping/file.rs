//! A mapping as it is written: one YAML file an object.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::{
    CUSTOM_PREFIX, ConflictPolicy, Conversion, DeleteRules, Direction, FieldKind, FieldMapping,
    Filter, Mask, ObjectMapping, ObjectRules, Side, Step, Test,
};
use crate::ids::ObjectName;
use crate::model::{Entity, FieldValue};

/// The longest file taken, in bytes.
const MAX_BYTES: usize = 1_048_576;

/// What is wrong with a mapping, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFault {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when it is about the whole.
    pub line: u64,
    /// The setting, such as `fields.Status.direction`.
    pub path: String,
    /// What is wrong, and the way out.
    pub text: String,
}

impl fmt::Display for MappingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, path, text } = self;
        f.write_str(file)?;
        if *line > 0 {
            write!(f, ":{line}")?;
        }
        if !path.is_empty() {
            write!(f, ": {path}")?;
        }
        write!(f, ": {text}")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    object: String,
    entity: Entity,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    merged_into: Option<String>,
    #[serde(default)]
    system_of_record: Side,
    #[serde(default)]
    conflicts: ConflictPolicy,
    #[serde(default)]
    deletes: WrittenDeletes,
    #[serde(default)]
    filters: Vec<WrittenFilter>,
    fields: Vec<WrittenField>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDeletes {
    #[serde(default)]
    direction: Option<Direction>,
    #[serde(default)]
    conflicts: Option<ConflictPolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFilter {
    field: String,
    #[serde(default)]
    is: Option<Vec<Value>>,
    #[serde(default)]
    is_not: Option<Vec<Value>>,
    #[serde(default)]
    is_set: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    remote: String,
    local: String,
    #[serde(default, rename = "type")]
    kind: Option<Kind>,
    #[serde(default)]
    references: Option<String>,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    conflicts: Option<ConflictPolicy>,
    #[serde(default)]
    convert: Vec<Step>,
    #[serde(default)]
    mask: Option<Mask>,
    #[serde(default)]
    max_chars: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
    Bool,
    Number,
    Date,
    Datetime,
    Reference,
}

/// Reads the mapping that `text` holds; `file` names it in faults.
///
/// # Errors
///
/// Every fault, each with its place and the way out.
pub fn read_mapping(file: &str, text: &str) -> Result<ObjectMapping, Vec<MappingFault>> {
    let mut faults = Faults { file, list: Vec::new() };
    if text.len() > MAX_BYTES {
        faults.add("", format!("is longer than {MAX_BYTES} bytes"));
        return Err(faults.list);
    }
    let written: Written = match serde_saphyr::from_str(text) {
        Ok(written) => written,
        Err(error) => {
            let line = error.location().map_or(0, |it| it.line());
            let text = error.without_snippet().to_string();
            let (file, path) = (file.to_owned(), String::new());
            return Err(vec![MappingFault { file, line, path, text }]);
        }
    };
    let mapping = written.check(&mut faults);
    match mapping {
        Some(mapping) if faults.list.is_empty() => Ok(mapping),
        _ => Err(faults.list),
    }
}

struct Faults<'a> {
    file: &'a str,
    list: Vec<MappingFault>,
}

impl Faults<'_> {
    fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        let (file, path, text) = (self.file.to_owned(), path.into(), text.into());
        self.list.push(MappingFault { file, line: 0, path, text });
    }
}

impl Written {
    fn check(self, faults: &mut Faults<'_>) -> Option<ObjectMapping> {
        let Self { object, entity, external_id, merged_into, conflicts, deletes, .. } = self;
        let parsed = ObjectName::parse(object);
        if let Err(error) = &parsed {
            faults.add("object", error.to_string());
        }
        for (path, name) in [("external_id", &external_id), ("merged_into", &merged_into)] {
            if let Some(name) = name
                && !is_field_name(name)
            {
                faults.add(path, NOT_A_NAME);
            }
        }
        let (mut remote, mut local) = (BTreeSet::new(), BTreeSet::new());
        let mut fields = Vec::with_capacity(self.fields.len());
        for field in self.fields {
            let path = format!("fields.{}", field.remote);
            if !remote.insert(field.remote.clone()) {
                faults.add(&path, "is mapped twice: keep one");
            }
            if !local.insert(field.local.clone()) {
                faults.add(format!("{path}.local"), "another field has it already: keep one");
            }
            fields.extend(field.check(entity, conflicts, &path, faults));
        }
        if fields.is_empty() && faults.list.is_empty() {
            faults.add("fields", "is empty: map a field, or remove the file");
        }
        let filters = self.filters.into_iter().filter_map(|it| it.check(faults)).collect();
        let rules = ObjectRules {
            external_id,
            merged_into,
            system_of_record: self.system_of_record,
            deletes: DeleteRules {
                direction: deletes.direction.unwrap_or_default(),
                conflicts: deletes.conflicts.unwrap_or_else(|| DeleteRules::default().conflicts),
            },
            filters,
        };
        Some(ObjectMapping { object: parsed.ok()?, entity, fields, rules })
    }
}

impl WrittenFilter {
    fn check(self, faults: &mut Faults<'_>) -> Option<Filter> {
        let Self { field, is, is_not, is_set } = self;
        let path = format!("filters.{field}");
        if !is_field_name(&field) {
            faults.add(&path, NOT_A_NAME);
        }
        let mut values = |list: Vec<Value>| {
            let read: Option<Vec<_>> = list.iter().map(FieldValue::from_json).collect();
            if list.is_empty() || read.is_none() {
                faults.add(&path, "needs a list of words, numbers, true or false");
            }
            read
        };
        let test = match (is, is_not, is_set) {
            (Some(list), None, None) => Test::Is(values(list)?),
            (None, Some(list), None) => Test::IsNot(values(list)?),
            (None, None, Some(wanted)) => Test::IsSet(wanted),
            _ => {
                faults.add(&path, "needs exactly one of `is`, `is_not` and `is_set`");
                return None;
            }
        };
        Some(Filter { field, test })
    }
}

impl WrittenField {
    fn check(
        self,
        entity: Entity,
        conflicts: ConflictPolicy,
        path: &str,
        faults: &mut Faults<'_>,
    ) -> Option<FieldMapping> {
        if !is_field_name(&self.remote) {
            faults.add(path, NOT_A_NAME);
        }
        self.check_local(entity, path, faults);
        let kind = self.kind(path, faults)?;
        let conversion = Conversion::new(self.convert);
        if let Some(step) = conversion.one_way_step()
            && self.direction.goes_out()
        {
            let text = format!("`{step}` has no way back: give the field `direction: in`");
            faults.add(format!("{path}.convert"), text);
        }
        if matches!(kind, FieldKind::Reference(_)) && !conversion.is_identity() {
            faults.add(format!("{path}.convert"), "a record id is not converted: remove it");
        }
        if self.direction == Direction::None {
            faults.add(format!("{path}.direction"), "`none`: remove the field instead");
        }
        Some(FieldMapping {
            remote: self.remote,
            local: self.local,
            kind,
            conflicts: match self.direction {
                // What travels one way is decided by that.
                Direction::In | Direction::None => ConflictPolicy::RemoteWins,
                Direction::Out => ConflictPolicy::LocalWins,
                Direction::Both => self.conflicts.unwrap_or(conflicts),
            },
            direction: self.direction,
            conversion,
            mask: self.mask,
            max_chars: self.max_chars,
        })
    }

    fn check_local(&self, entity: Entity, path: &str, faults: &mut Faults<'_>) {
        let path = format!("{path}.local");
        match self.local.strip_prefix(CUSTOM_PREFIX) {
            Some(name) if is_custom_name(name) => {}
            Some(_) => {
                faults.add(path, "a custom field has a name of small letters, digits and `_`");
            }
            None if entity.columns().contains(&self.local.as_str()) => {}
            None => {
                let columns = entity.columns().join("`, `");
                let text = format!(
                    "`{}` is no column of `{entity}`: write `{CUSTOM_PREFIX}NAME`, or one of `{columns}`",
                    self.local
                );
                faults.add(path, text);
            }
        }
    }

    fn kind(&self, path: &str, faults: &mut Faults<'_>) -> Option<FieldKind> {
        let by_column = match self.local.as_str() {
            "account_id" | "contact_id" => Some(Kind::Reference),
            "is_closed" => Some(Kind::Bool),
            "opened_at" | "closed_at" => Some(Kind::Datetime),
            local if local.starts_with(CUSTOM_PREFIX) => None,
            _ => Some(Kind::Text),
        };
        let path = format!("{path}.type");
        if let (Some(wanted), Some(given)) = (by_column, self.kind)
            && wanted != given
            && self.convert.is_empty()
        {
            let text = format!("the column `{}` holds {}: leave it out", self.local, wanted.name());
            faults.add(&path, text);
        }
        Some(match self.kind.or(by_column).unwrap_or(Kind::Text) {
            Kind::Text => FieldKind::Text,
            Kind::Bool => FieldKind::Bool,
            Kind::Number => FieldKind::Number,
            Kind::Date => FieldKind::Date,
            Kind::Datetime => FieldKind::DateTime,
            Kind::Reference => {
                let object = self.references.as_deref().map(ObjectName::parse);
                let Some(Ok(object)) = object else {
                    faults.add(path, "a reference says `references:` and the object it points to");
                    return None;
                };
                FieldKind::Reference(object)
            }
        })
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "a bool",
            Self::Number => "a number",
            Self::Date => "a date",
            Self::Datetime => "a datetime",
            Self::Reference => "a reference",
        }
    }
}

const NOT_A_NAME: &str =
    "is not the API name of a field: letters, digits and `_`, such as `Status`";

/// Tells whether `name` is a field, or a path of up to five parents and a field.
fn is_field_name(name: &str) -> bool {
    name.split('.').count() <= 6 && name.split('.').all(|part| ObjectName::parse(part).is_ok())
}

fn is_custom_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 60
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests;
