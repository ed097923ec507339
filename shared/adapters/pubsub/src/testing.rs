//! An encoder for tests: the reverse of [`Reader`](crate::avro::Reader), straight from a schema's
//! JSON. The sandbox has one of its own, and the sample under `events/` was written by a library.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

/// The event of the guide, as a library wrote it.
pub(crate) struct Sample {
    pub(crate) schema: Json,
    pub(crate) payload: Vec<u8>,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let text = include_str!("../../../../events/salesforce/pub-sub-account-update.json");
    let sample: Json = serde_json::from_str(text).unwrap();
    let payload = STANDARD.decode(sample["payload"].as_str().unwrap()).unwrap();
    Sample { schema: sample["schema"].clone(), payload }
});

/// Returns the sample of an Account's update.
pub(crate) fn sample() -> &'static Sample {
    &SAMPLE
}

/// Returns an event of the sample's schema: an update of one account, changed by `change`.
pub(crate) fn event(change: impl FnOnce(&mut Json)) -> Json {
    let mut event = json!({
        "ChangeEventHeader": {
            "entityName": "Account", "recordIds": ["0015f00002JUXA8AAP"], "changeType": "UPDATE",
            "changeOrigin": "", "transactionKey": "00006bf0-edfd-6e54-a3f9-e8cefdb2c2b7",
            "sequenceNumber": 1, "commitTimestamp": 1_714_156_703_250_i64,
            "commitNumber": 1_100_671_026_205_i64, "commitUser": "0055f000005mc66AAA",
            "nulledFields": [], "diffFields": [], "changedFields": ["0x400000"],
        },
        "LastModifiedDate": 1_714_156_702_000_i64,
    });
    change(&mut event);
    event
}

/// Writes `value` as `schema` says; a field that is missing is written as `null`.
pub(crate) fn encode(schema: &Json, value: &Json) -> Vec<u8> {
    let mut writer = Writer { records: Vec::new(), bytes: Vec::new() };
    writer.write(schema, value);
    writer.bytes
}

struct Writer<'a> {
    records: Vec<(&'a str, &'a Json)>,
    bytes: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest > 0x7f {
            self.bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        self.bytes.push(u8::try_from(rest).unwrap());
    }

    fn length(&mut self, n: usize) {
        self.long(i64::try_from(n).unwrap());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend(text.as_bytes());
    }

    fn write(&mut self, schema: &'a Json, value: &Json) {
        match schema {
            Json::Array(branches) => {
                let fits = |it: &&Json| match it.as_str() {
                    Some("null") => value.is_null(),
                    Some("string") => value.is_string(),
                    Some("int" | "long" | "double") => value.is_number(),
                    Some("boolean") => value.is_boolean(),
                    _ => value.is_object(),
                };
                let place = branches.iter().position(|it| fits(&it)).unwrap();
                self.length(place);
                self.write(&branches[place], value);
            }
            Json::String(name) => self.named(name, value),
            _ => self.declared(schema, value),
        }
    }

    fn named(&mut self, name: &str, value: &Json) {
        match name {
            "null" => {}
            "boolean" => self.bytes.push(u8::from(value.as_bool().unwrap())),
            "int" | "long" => self.long(value.as_i64().unwrap()),
            "double" => self.bytes.extend(value.as_f64().unwrap().to_le_bytes()),
            "string" => self.text(value.as_str().unwrap()),
            name => {
                let record = self.records.iter().find(|it| it.0 == name).unwrap().1;
                self.write(record, value);
            }
        }
    }

    fn declared(&mut self, schema: &'a Json, value: &Json) {
        match schema["type"].as_str().unwrap() {
            "record" => {
                self.records.push((schema["name"].as_str().unwrap(), schema));
                for field in schema["fields"].as_array().unwrap() {
                    self.write(&field["type"], &value[field["name"].as_str().unwrap()]);
                }
            }
            "array" => {
                let items = value.as_array().unwrap();
                if !items.is_empty() {
                    self.length(items.len());
                    items.iter().for_each(|it| self.write(&schema["items"], it));
                }
                self.length(0);
            }
            "enum" => {
                let symbols = schema["symbols"].as_array().unwrap();
                self.length(symbols.iter().position(|it| it == value).unwrap());
            }
            other => panic!("`{other}` is not in any sample"),
        }
    }
}
