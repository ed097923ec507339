//! What each call does.

use super::element::Element;
use super::envelope::{Fault, put};
use super::records::{Told, error, read, result};
use crate::ids::RecordId;
use crate::org::{Author, Change, instant_text};
use crate::sandbox::State;

/// Most records of one call. Source: SOAP API guide, API limits.
const MAX_RECORDS: usize = 200;

/// A call that is being answered.
pub(super) struct Call<'a> {
    pub(super) state: &'a State,
    pub(super) author: Author,
    pub(super) all_or_none: bool,
    /// The element of the call, its arguments inside.
    pub(super) element: &'a Element,
}

impl Call<'_> {
    /// Answers the call: the results inside its answer.
    pub(super) fn answer(&self) -> Result<String, Fault> {
        match self.element.name.as_str() {
            "getServerTimestamp" => Ok(self.timestamp()),
            "getUserInfo" => Ok(self.user()),
            "create" => self.save(|record| {
                (Change::Create { object: record.object, fields: record.fields }, Told::Plain)
            }),
            "update" => self.save(|record| {
                let id = record.id.unwrap_or_default();
                let object = Some(record.object);
                (Change::Update { object, id, fields: record.fields }, Told::Plain)
            }),
            "upsert" => self.upsert(),
            "delete" => self.each_id(|id| Change::Delete { id }),
            "undelete" => self.each_id(|id| Change::Undelete { id }),
            "emptyRecycleBin" => self.each_id(|id| Change::Empty { id }),
            "merge" => self.merge(),
            name => Err(Fault::client(format!(
                "No operation available for request {{urn:partner.soap.sforce.com}}{name}"
            ))),
        }
    }

    fn timestamp(&self) -> String {
        let now = self.state.clock().now_ms().div_euclid(1000);
        format!("<result><timestamp>{}</timestamp></result>", instant_text(now, "Z"))
    }

    fn user(&self) -> String {
        let state = self.state;
        let mut xml = String::from("<result>");
        put(&mut xml, "organizationId", &state.org_id.to_string());
        put(&mut xml, "organizationName", "Sandbox");
        put(&mut xml, "userId", &self.author.user.to_string());
        put(&mut xml, "userName", &state.settings.username);
        put(&mut xml, "userTimeZone", "GMT");
        put(&mut xml, "userType", "Standard");
        xml.push_str("</result>");
        xml
    }

    fn check_count(n: usize) -> Result<(), Fault> {
        if n > MAX_RECORDS {
            let message = format!(
                "record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
            );
            return Err(Fault::platform("EXCEEDED_ID_LIMIT", &message, "InvalidIdFault"));
        }
        Ok(())
    }

    /// Saves the records of the call.
    fn save(
        &self,
        change: impl Fn(super::records::SoapRecord) -> (Change, Told),
    ) -> Result<String, Fault> {
        let records: Vec<_> = self.element.all("sObjects").map(read).collect();
        Self::check_count(records.len())?;
        let (changes, told): (Vec<Change>, Vec<Told>) = records.into_iter().map(change).unzip();
        let rows: Vec<Option<RecordId>> = changes.iter().map(Change::row).collect();
        let settled = self.state.commit(&self.author, changes, self.all_or_none);
        let each = settled.iter().zip(rows).zip(told);
        Ok(each.map(|((one, row), told)| result(one, row, told)).collect())
    }

    fn upsert(&self) -> Result<String, Fault> {
        // The guide says `externalIDFieldName`; clients are of two minds about its letters.
        let named = |child: &&Element| child.name.eq_ignore_ascii_case("externalIDFieldName");
        let key = self.element.children.iter().find(named);
        let key = key.map(|key| key.text.trim().to_owned()).unwrap_or_default();
        self.save(|mut record| {
            let name = record.fields.keys().find(|name| name.eq_ignore_ascii_case(&key)).cloned();
            let value = name.and_then(|name| record.fields.remove(&name));
            let text = value.as_ref().and_then(serde_json::Value::as_str).map(str::to_owned);
            let value = if key.eq_ignore_ascii_case("Id") { record.id } else { text };
            let change = Change::Upsert {
                object: record.object,
                key: key.clone(),
                value: value.unwrap_or_default(),
                fields: record.fields,
            };
            (change, Told::Created)
        })
    }

    /// Makes a change of each id of the call.
    fn each_id(&self, change: impl Fn(String) -> Change) -> Result<String, Fault> {
        let ids: Vec<String> =
            self.element.all("ids").map(|id| id.text.trim().to_owned()).collect();
        Self::check_count(ids.len())?;
        let rows: Vec<Option<RecordId>> = ids.iter().map(|id| RecordId::parse(id)).collect();
        let changes = ids.into_iter().map(change).collect();
        let settled = self.state.commit(&self.author, changes, self.all_or_none);
        Ok(settled.iter().zip(rows).map(|(one, row)| result(one, row, Told::Plain)).collect())
    }

    fn merge(&self) -> Result<String, Fault> {
        // The guide says `request`, jsforce `mergeRequests`.
        let requests: Vec<&Element> = self
            .element
            .children
            .iter()
            .filter(|child| child.child("masterRecord").is_some())
            .collect();
        Self::check_count(requests.len())?;
        Ok(requests.into_iter().map(|request| self.merge_one(request)).collect())
    }

    fn merge_one(&self, request: &Element) -> String {
        let master = request.child("masterRecord").map(read).unwrap_or_default();
        let losers: Vec<String> =
            request.all("recordToMergeIds").map(|id| id.text.trim().to_owned()).collect();
        let gone: Vec<RecordId> = losers.iter().filter_map(|id| RecordId::parse(id)).collect();
        let moved: Vec<RecordId> = {
            let org = self.state.org();
            gone.iter().flat_map(|id| org.related(*id)).map(|(_, id)| id).collect()
        };
        let change = Change::Merge {
            object: master.object,
            master: master.id.unwrap_or_default(),
            losers,
            fields: master.fields,
        };
        let settled = self.state.commit(&self.author, vec![change], false);
        let mut xml = String::from("<result>");
        match settled.first() {
            Some(Ok(done)) => {
                put(&mut xml, "id", &done.id.to_string());
                for id in gone {
                    put(&mut xml, "mergedRecordIds", &id.to_string());
                }
                put(&mut xml, "success", "true");
                for id in moved {
                    put(&mut xml, "updatedRelatedIds", &id.to_string());
                }
            }
            Some(Err(refusal)) => {
                error(&mut xml, refusal);
                xml.push_str("<id xsi:nil=\"true\"/>");
                put(&mut xml, "success", "false");
            }
            None => put(&mut xml, "success", "false"),
        }
        xml.push_str("</result>");
        xml
    }
}
