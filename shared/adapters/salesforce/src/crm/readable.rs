//! Which of the fields that are asked for the org shows, and what they hold.

use shared::ids::ObjectName;
use shared::ports::RemoteRecord;
use shared::{PortError, PortErrorKind};

use super::SalesforceCrm;
use crate::bulk::{BulkFault, ColumnKind};
use crate::error::{ErrorClass, Replan, SalesforceFault};
use crate::rest::FieldShape;

/// The fields of a reading. One that does not exist or is hidden says nothing of its value, so that
/// it is left out and named, and the others are read nonetheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Readable {
    /// Those that can be read, each with what it holds.
    pub(super) shown: Vec<(String, ColumnKind)>,
    /// The others.
    pub(super) unread: Vec<String>,
}

impl Readable {
    /// Returns the names of those that can be read.
    pub(super) fn names(&self) -> Vec<String> {
        self.shown.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Says in a record what was not read of it.
    pub(super) fn mark(&self, mut record: RemoteRecord) -> RemoteRecord {
        record.unread.clone_from(&self.unread);
        record
    }
}

/// Tells whether a field that was asked for is not there any more, or hidden since.
pub(super) fn is_about_a_field(error: &PortError) -> bool {
    fault_of(error).is_some_and(|it| it.class == ErrorClass::Replan(Replan::DescribeAnew))
}

/// Returns what the org gave as the cause, of a call or of a job.
pub(super) fn fault_of(error: &PortError) -> Option<&SalesforceFault> {
    let source = std::error::Error::source(error)?;
    match source.downcast_ref() {
        Some(BulkFault::JobFailed { fault, .. }) => Some(fault),
        _ => source.downcast_ref(),
    }
}

impl SalesforceCrm {
    /// Finds out which of `fields` can be read of `object`, by describes of the last hour.
    pub(super) async fn readable(
        &self,
        object: &ObjectName,
        fields: &[String],
    ) -> Result<Readable, PortError> {
        let mut readable = Readable { shown: Vec::new(), unread: Vec::new() };
        for field in fields {
            match self.kind_of(object, field).await? {
                Some(kind) => readable.shown.push((field.clone(), kind)),
                None => readable.unread.push(field.clone()),
            }
        }
        Ok(readable)
    }

    /// The same by describes of this moment.
    pub(super) async fn readable_now(
        &self,
        object: &ObjectName,
        fields: &[String],
    ) -> Result<Readable, PortError> {
        self.client.describe_anew(object).await?;
        self.readable(object, fields).await
    }

    /// Finds the field at `path`, such as `Subject` or `Account.Name`; `None` when it cannot be read.
    async fn kind_of(
        &self,
        object: &ObjectName,
        path: &str,
    ) -> Result<Option<ColumnKind>, PortError> {
        let mut place = object.clone();
        let mut segments = path.split('.').peekable();
        while let Some(segment) = segments.next() {
            let described = match self.client.describe(&place).await {
                Ok(described) => described,
                // A parent that the user may not see.
                Err(error) if error.kind() == PortErrorKind::NotFound && place != *object => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let Some(shape) = described.shape() else { return Ok(None) };
            if segments.peek().is_none() {
                let field = shape.field(segment).filter(|it| it.is_in_columns());
                return Ok(field.map(FieldShape::column_kind));
            }
            let Some(reference) = shape.reference(segment) else { return Ok(None) };
            match reference.reference_to.as_slice() {
                [parent] => match ObjectName::parse(parent.as_str()) {
                    Ok(parent) => place = parent,
                    Err(_) => return Ok(None),
                },
                // What is common to parents of several objects is text. Source: SOQL reference,
                // "Polymorphic relationships", the object `Name`.
                _ => return Ok(Some(ColumnKind::Text)),
            }
        }
        Ok(None)
    }
}
