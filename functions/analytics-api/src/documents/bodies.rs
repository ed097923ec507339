//! Reads what requests about documents carry.

use serde_json::{Map, Value};
use shared::ids::EntityId;
use shared::ports::{DocumentDraft, DocumentName, MediaType, Sha256Digest, document_id};

use super::MAX_SIZE_BYTES;
use crate::body::refuse_unknown;
use crate::problem::{Fault, Problem};
use crate::query::shorten;

/// A member of the body, and its longest text in characters.
pub(super) type Line = (&'static str, usize);

/// The label of an exhibit.
pub(super) const EXHIBIT_LABEL: Line = ("exhibit_label", 64);
/// By what a document is sorted.
pub(super) const CATEGORY: Line = ("category", 100);
/// What a document shows.
pub(super) const DESCRIPTION: Line = ("description", 500);

const FORM: &str = "`{\"name\": \"Petition.pdf\", \"media_type\": \"application/pdf\", \
     \"size_bytes\": 48112, \"sha256\": \"…\"}`";

/// Tells whether `text` is one line of 1 to `max_chars` characters.
pub(super) fn is_line(text: &str, max_chars: usize) -> bool {
    (1..=max_chars).contains(&text.chars().count()) && !text.contains(char::is_control)
}

/// Reads the document that is to be sent to `case`.
///
/// # Errors
///
/// [`Problem`] naming every member that is wrong.
pub(super) fn read_draft(
    members: &Map<String, Value>,
    case: &EntityId,
) -> Result<DocumentDraft, Problem> {
    let mut faults = Vec::new();
    let name = text_as(members, "name", &mut faults, DocumentName::parse);
    let media_type = match members.contains_key("media_type") {
        true => text_as(members, "media_type", &mut faults, MediaType::parse),
        false => Some(MediaType::default()),
    };
    let sha256 = text_as(members, "sha256", &mut faults, |it| Sha256Digest::parse(&it));
    let size_bytes = members.get("size_bytes").and_then(Value::as_u64);
    let size_bytes = size_bytes.filter(|it| *it <= MAX_SIZE_BYTES);
    if size_bytes.is_none() {
        let message = format!("it is needed: a whole number from 0 to {MAX_SIZE_BYTES}");
        faults.push(Fault::new("size_bytes", message));
    }
    let exhibit_label = line(members, EXHIBIT_LABEL, &mut faults);
    let category = line(members, CATEGORY, &mut faults);
    let description = line(members, DESCRIPTION, &mut faults);
    let known =
        ["name", "media_type", "size_bytes", "sha256", "exhibit_label", "category", "description"];
    refuse_unknown(members, &known, FORM, &mut faults);
    match (name, media_type, size_bytes, sha256) {
        (Some(name), Some(media_type), Some(size_bytes), Some(sha256)) if faults.is_empty() => {
            Ok(DocumentDraft {
                id: document_id(case, &sha256),
                case_id: case.clone(),
                name,
                media_type,
                size_bytes,
                sha256,
                exhibit_label,
                category,
                description,
            })
        }
        _ => Err(Problem::invalid(faults)),
    }
}

fn text_as<T, E: std::fmt::Display>(
    members: &Map<String, Value>,
    name: &str,
    faults: &mut Vec<Fault>,
    read: impl Fn(String) -> Result<T, E>,
) -> Option<T> {
    let Some(given) = members.get(name).and_then(Value::as_str) else {
        faults.push(Fault::new(name, format!("it is needed, as text: send {FORM}")));
        return None;
    };
    // What is wrong is said by the rule, and what was given is cut.
    match (read(given.to_owned()), read(shorten(given))) {
        (Ok(found), _) => Some(found),
        (Err(_), Err(fault)) => {
            faults.push(Fault::new(name, fault.to_string()));
            None
        }
        (Err(_), Ok(_)) => {
            faults.push(Fault::new(name, format!("`{}` is too long", shorten(given))));
            None
        }
    }
}

fn line(
    members: &Map<String, Value>,
    (name, max_chars): Line,
    faults: &mut Vec<Fault>,
) -> Option<String> {
    let given = members.get(name)?;
    let text = given.as_str().filter(|it| is_line(it, max_chars));
    if text.is_none() {
        let message = format!("it is not one line of 1 to {max_chars} characters: leave it out");
        faults.push(Fault::new(name, message));
    }
    text.map(str::to_owned)
}

/// Reads the member `parts`: a list of at most `max` objects that `read` reads; it names the members
/// that are wrong.
///
/// # Errors
///
/// [`Problem`] naming the first part that is wrong.
pub(super) fn read_parts<T>(
    members: &Map<String, Value>,
    max: usize,
    form: &str,
    read: impl Fn(&Map<String, Value>) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    let mut faults = Vec::new();
    refuse_unknown(members, &["parts"], form, &mut faults);
    let list = members.get("parts").and_then(Value::as_array).filter(|it| it.len() <= max);
    let Some(list) = list else {
        let message = format!("it is not a list of at most {max} parts: send {form}");
        faults.push(Fault::new("parts", message));
        return Err(Problem::invalid(faults));
    };
    let mut found = Vec::with_capacity(list.len());
    for (place, part) in list.iter().enumerate() {
        match part.as_object().and_then(&read) {
            Some(part) => found.push(part),
            None => {
                let message = format!("it is not such a part: send {form}");
                faults.push(Fault::new(format!("parts[{place}]"), message));
                break;
            }
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(Problem::invalid(faults)) }
}

/// Reads the digest of a part.
pub(super) fn read_sha256(part: &Map<String, Value>) -> Option<Sha256Digest> {
    Sha256Digest::parse(part.get("sha256")?.as_str()?).ok()
}
