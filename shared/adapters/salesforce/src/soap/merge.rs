//! Merges records: one stays, up to two become part of it.

use shared::ids::{ObjectName, SalesforceId};
use shared::model::{FieldValue, Fields};
use shared::{PortError, PortErrorKind};

use super::element::Element;
use super::envelope::{is_carried, push, record_result};
use crate::client::{PLATFORM, SalesforceClient, WriteOptions};
use crate::error::SalesforceFault;

/// The most records that one takes in. Source: SOAP API guide, "merge".
const MAX_LOSERS: usize = 2;

/// What is to be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRequest {
    /// The object: accounts, contacts, leads, and cases where the org allows it.
    pub object: ObjectName,
    /// The record that stays.
    pub winner: SalesforceId,
    /// The records that become part of it, one or two.
    pub losers: Vec<SalesforceId>,
    /// Fields of the record that stays which are to be written as well.
    pub fields: Fields,
}

/// What a merge did. Records that belonged to a loser belong to the winner now, and no event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The record that stays.
    pub winner: SalesforceId,
    /// The records that are part of it now.
    pub losers: Vec<SalesforceId>,
    /// The records that belong to it now.
    pub moved: Vec<SalesforceId>,
}

/// A merge that no org takes.
#[derive(Debug, thiserror::Error)]
enum BadMerge {
    #[error("{n_losers} records are to become part of another: write 1 or {MAX_LOSERS}")]
    Size { n_losers: usize },
    #[error("`{field}` holds characters that XML cannot carry: take them out")]
    NotCarried { field: String },
    #[error("the answer has no result")]
    NoResult,
}

impl SalesforceClient {
    /// Merges records of one object. A call whose answer is lost may have merged them: read the losers,
    /// whose `MasterRecordId` tells.
    ///
    /// # Errors
    ///
    /// `Rejected` for what no org takes, else as the org answers to the whole. A merge that the org
    /// refuses is an answer.
    pub async fn merge(
        &self,
        request: &MergeRequest,
        options: &WriteOptions,
    ) -> Result<Result<Merged, SalesforceFault>, PortError> {
        let subject = request.object.as_str();
        let error =
            |kind, cause| PortError::new(kind, PLATFORM, "merge", subject).with_source(cause);
        let body = body(request).map_err(|cause| error(PortErrorKind::Rejected, cause))?;
        let answer = self.soap("merge", subject, "merge", &body, options).await?;
        let result = answer
            .child("result")
            .ok_or_else(|| error(PortErrorKind::Unavailable, BadMerge::NoResult))?;
        Ok(record_result(result).map(|written| Merged {
            winner: written.id,
            losers: ids(result, "mergedRecordIds"),
            moved: ids(result, "updatedRelatedIds"),
        }))
    }
}

fn ids(result: &Element, name: &str) -> Vec<SalesforceId> {
    result.all(name).filter_map(|it| SalesforceId::parse(it.text.trim()).ok()).collect()
}

fn body(request: &MergeRequest) -> Result<String, BadMerge> {
    let n_losers = request.losers.len();
    if n_losers == 0 || n_losers > MAX_LOSERS {
        return Err(BadMerge::Size { n_losers });
    }
    let mut body = String::from("<merge><request><masterRecord>");
    push(&mut body, "ens:type", request.object.as_str());
    // Source: partner WSDL: the fields to empty stand before the id.
    for (name, _) in request.fields.iter().filter(|(_, value)| value.is_null()) {
        push(&mut body, "ens:fieldsToNull", name);
    }
    push(&mut body, "ens:Id", request.winner.as_str());
    for (name, value) in &request.fields {
        let text = match value {
            FieldValue::Null => continue,
            value => value.to_string(),
        };
        if !is_carried(&text) || ObjectName::parse(name.as_str()).is_err() {
            return Err(BadMerge::NotCarried { field: name.into() });
        }
        push(&mut body, &format!("ens:{name}"), &text);
    }
    body.push_str("</masterRecord>");
    for id in &request.losers {
        push(&mut body, "recordToMergeIds", id.as_str());
    }
    body.push_str("</request></merge>");
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SalesforceId {
        SalesforceId::parse(text).unwrap()
    }

    fn request(fields: &[(&str, FieldValue)]) -> MergeRequest {
        MergeRequest {
            object: ObjectName::parse("Contact").unwrap(),
            winner: id("0035f00002J9YYE"),
            losers: vec![id("0035f00002J9YYF")],
            fields: fields.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect(),
        }
    }

    #[test]
    fn fields_are_escaped_and_empty_ones_are_named() {
        let body =
            body(&request(&[("Title", FieldValue::text("<b>&")), ("Phone", FieldValue::Null)]))
                .unwrap();
        let root = Element::parse(&body).unwrap();
        let master = root.child("request").unwrap().child("masterRecord").unwrap();
        assert_eq!(master.text_of("Title"), Some("<b>&"));
        assert_eq!(master.text_of("fieldsToNull"), Some("Phone"));
        assert!(master.child("Phone").is_none());
    }

    #[test]
    fn what_xml_cannot_carry_names_its_field() {
        for (name, value) in [("Title", "a\u{1}"), ("Title><x", "a")] {
            let error = body(&request(&[(name, FieldValue::text(value))])).unwrap_err();
            assert!(error.to_string().contains("Title"), "{error}");
        }
    }
}
