//! What each row becomes.

use shared::ids::{ConnectionId, EntityId, InvalidId, ObjectName, RecordId};
use shared::ports::{
    ImportedCommunication, ImportedDocument, ImportedEvent, ItemBody, ItemDetails, MatterItem,
};

use super::row::{Fault, SourceRow};

/// The matter that rows belong to, as far as their ids need it.
pub(super) struct Owner {
    pub(super) connection: ConnectionId,
    /// The id of the matter's record.
    pub(super) record: RecordId,
}

impl Owner {
    /// Derives our id of row `row` of `table`.
    pub(super) fn id(&self, table: &str, row: i64) -> Result<EntityId, InvalidId> {
        let object = ObjectName::parse(table)?;
        let record = RecordId::parse(format!("{}.{row}", self.record))?;
        Ok(EntityId::derive(&self.connection, &object, &record))
    }
}

/// Returns the name under which the rows of `table` are kept.
pub(super) fn source(table: &str) -> String {
    format!("moodbridge/{table}")
}

/// Turns row number `id` of `table` into an item.
///
/// `is_linked` tells whether the denial that a violation names is there.
///
/// # Errors
///
/// A [`Fault`] when the row cannot be taken.
pub(super) fn item(
    owner: &Owner,
    table: &str,
    id: i64,
    row: &mut SourceRow,
    is_linked: bool,
) -> Result<MatterItem, Fault> {
    let body = match table {
        "placement_denials" => ItemBody::Event(denial(row)?),
        "timeline_events" => ItemBody::Event(event(row)?),
        "violations" => ItemBody::Event(violation(owner, row, is_linked)?),
        "exhibits" => ItemBody::Document(exhibit(row)?),
        _ => ItemBody::Communication(communication(row)?),
    };
    Ok(MatterItem {
        id: owner.id(table, id).map_err(|error| error.to_string())?,
        source: source(table),
        created_at: row.created_at(),
        details: ItemDetails::new(&row.fields),
        body,
    })
}

fn denial(row: &mut SourceRow) -> Result<ImportedEvent, Fault> {
    let reason = row.text("denial_reason")?;
    let from = row.text("requested_start_time")?;
    let until = row.text("requested_end_time")?;
    let requested = match (from, until) {
        (Some(from), Some(until)) => Some(format!("Requested from {from} to {until}")),
        (Some(from), None) => Some(format!("Requested from {from}")),
        (None, Some(until)) => Some(format!("Requested until {until}")),
        (None, None) => None,
    };
    let evidence = row.text("evidence_attached")?.map(|it| format!("Evidence: {it}"));
    let lines: Vec<String> = [requested, evidence].into_iter().flatten().collect();
    Ok(ImportedEvent {
        occurred_at: row.instant("denied_date")?,
        event_type: "placement_denial".to_owned(),
        title: reason
            .map_or_else(|| "Placement denied".to_owned(), |it| format!("Placement denied: {it}")),
        description: (!lines.is_empty()).then(|| lines.join("\n")),
        importance: 4,
        category: row.text("violation_category")?,
        hours: row.number("duration_hours"),
        related_id: None,
    })
}

fn event(row: &mut SourceRow) -> Result<ImportedEvent, Fault> {
    Ok(ImportedEvent {
        occurred_at: row.instant("event_date")?,
        event_type: row.text("event_type")?.unwrap_or_else(|| "event".to_owned()),
        title: row.text("event_title")?.unwrap_or_else(|| "Event".to_owned()),
        description: row.text("event_description")?,
        importance: importance(row, "importance_level", 3),
        category: None,
        hours: None,
        related_id: None,
    })
}

fn violation(owner: &Owner, row: &mut SourceRow, is_linked: bool) -> Result<ImportedEvent, Fault> {
    let kind = row.text("violation_type")?;
    let denial = row.whole("placement_denial_id");
    if let (Some(denial), false) = (denial, is_linked) {
        let what = format!(
            "`placement_denial_id` names denial {denial}, which is not there: it is kept without a link"
        );
        row.findings.push(what);
    }
    let related_id = denial.filter(|_| is_linked).map(|it| owner.id("placement_denials", it));
    Ok(ImportedEvent {
        occurred_at: row.instant("violation_date")?,
        event_type: "violation".to_owned(),
        title: kind.clone().unwrap_or_else(|| "Violation".to_owned()),
        description: row.text("description")?,
        importance: importance(row, "impact_score", 1),
        category: kind,
        hours: None,
        related_id: related_id.transpose().map_err(|error| error.to_string())?,
    })
}

fn importance(row: &mut SourceRow, column: &str, default: u8) -> u8 {
    let Some(score) = row.whole(column) else { return default };
    let within = score.clamp(1, 5);
    if within != score {
        row.findings.push(format!("`{column}` is not 1 to 5: it counts as {within}"));
    }
    u8::try_from(within).unwrap_or(default)
}

fn exhibit(row: &mut SourceRow) -> Result<ImportedDocument, Fault> {
    let size_bytes = row.whole("file_size_bytes").map(u64::try_from);
    if matches!(size_bytes, Some(Err(_))) {
        row.findings.push("`file_size_bytes` is below zero: it is not taken over".to_owned());
    }
    let sha256 = row.text("hash_sha256")?.map(|it| it.to_ascii_lowercase());
    let is_digest = |it: &str| it.len() == 64 && it.bytes().all(|b| b.is_ascii_hexdigit());
    if sha256.as_deref().is_some_and(|it| !is_digest(it)) {
        row.findings
            .push("`hash_sha256` is not a SHA-256 of 64 hex digits: it is not taken over".into());
    }
    Ok(ImportedDocument {
        exhibit_label: row.text("exhibit_label")?,
        name: row.needed("document_name")?,
        media_type: row.text("media_type")?,
        size_bytes: size_bytes.and_then(Result::ok).filter(|it| *it <= i64::MAX.unsigned_abs()),
        sha256: sha256.filter(|it| is_digest(it)),
        category: row.text("category")?,
        description: row.text("description")?,
    })
}

fn communication(row: &mut SourceRow) -> Result<ImportedCommunication, Fault> {
    Ok(ImportedCommunication {
        occurred_at: row.instant("communication_date")?,
        sender: row.text("sender")?,
        recipient: row.text("recipient")?,
        medium: row.text("medium")?,
        subject: row.text("subject")?,
        content: row.text("message_content")?,
        related_to_placement: row.flag("related_to_placement"),
    })
}
