//! An independent judge of equality: the sum that the org computes over its rows is computed here
//! over ours, from the tables and by nothing that the sync compares with.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shared::sync::{FieldKind, Mappings, ObjectMapping};
use shared::time::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Row};

use super::kinds::{CONNECTION, KINDS, Kind};
use super::world::World;
use crate::place::Place;

/// Fields of a record, by name.
type Fields = BTreeMap<String, Value>;

/// The sum of the hashes of all rows modulo 2^256, big endian, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    n_records: u64,
    sum: [u8; 32],
}

impl Sum {
    /// Adds a row: `["main","Case","500…",false,{"A":1}]`, its fields by name, those without a value
    /// left out.
    fn add(&mut self, object: &str, record_id: &str, fields: &Fields) {
        let line = json!([CONNECTION, object, record_id, false, fields]).to_string();
        let mut carry = 0_u16;
        for (total, byte) in self.sum.iter_mut().zip(Sha256::digest(line)).rev() {
            let both = u16::from(*total) + u16::from(byte) + carry;
            *total = (both & 0xff) as u8;
            carry = both >> 8;
        }
        self.n_records += 1;
    }

    fn hex(&self) -> String {
        self.sum.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The tables of the case store.
enum Tables {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Tables {
    async fn open(place: &Place) -> Self {
        match place.addresses() {
            Some((address, _)) => {
                let options: PgConnectOptions = address.as_str().parse().unwrap();
                Self::Postgres(PgPool::connect_with(options).await.unwrap())
            }
            None => {
                let file = Path::new(".moodbridge").join("cases.db");
                let options = SqliteConnectOptions::new().filename(place.path().join(file));
                Self::Sqlite(SqlitePool::connect_with(options.read_only(true)).await.unwrap())
            }
        }
    }

    /// Reads `columns` of the rows that are not deleted, each row as one JSON object.
    fn rows(&self, table: &str, columns: &[&str]) -> BoxStream<'_, Value> {
        let pairs: Vec<_> = columns.iter().map(|it| format!("'{it}', {it}")).collect();
        let pairs = pairs.join(", ");
        // The text is made of the names of the mapping alone.
        let json = |row: Result<String, sqlx::Error>| serde_json::from_str(&row.unwrap()).unwrap();
        match self {
            Self::Sqlite(pool) => {
                let sql = format!("SELECT json_object({pairs}) FROM {table} WHERE is_deleted = 0");
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch(pool);
                rows.map(move |row| json(row.map(|it| it.get(0)))).boxed()
            }
            Self::Postgres(pool) => {
                let sql = format!(
                    "SELECT json_build_object({pairs})::text FROM moodbridge.{table} \
                     WHERE NOT is_deleted"
                );
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch(pool);
                rows.map(move |row| json(row.map(|it| it.get(0)))).boxed()
            }
        }
    }
}

/// Lets go what processes that are dead have taken out of the outbox.
pub(super) async fn end_leases(place: &Place) {
    let sql = "UPDATE outbox SET leased_by = NULL, leased_until = 0";
    match place.addresses() {
        Some((address, _)) => {
            let options: PgConnectOptions = address.as_str().parse().unwrap();
            let pool = PgPool::connect_with(options).await.unwrap();
            let sql = sql.replace("outbox", "moodbridge.outbox");
            sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        }
        None => {
            let file = place.path().join(".moodbridge").join("cases.db");
            let options = SqliteConnectOptions::new().filename(file);
            let pool = SqlitePool::connect_with(options).await.unwrap();
            sqlx::query(sql).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

/// The records that rows stand for, by kind of record and id of the row.
type Names = HashMap<String, String>;

/// Compares rows of the case store with an org.
pub(super) struct Judge {
    tables: Tables,
    mappings: Mappings,
    /// The records that accounts and contacts stand for: cases refer to them.
    names: Names,
}

impl Judge {
    /// Opens the case store of `world`.
    pub(super) async fn of(world: &World) -> Self {
        let mappings = wiring::connecting::standard_mappings().unwrap();
        let tables = Tables::open(&world.place).await;
        let mut names = Names::new();
        for table in ["accounts", "contacts"] {
            let mut rows = tables.rows_with_deleted(table).await;
            names.extend(rows.drain(..));
        }
        Self { tables, mappings, names }
    }

    /// Sums up all rows of a kind that are not deleted.
    pub(super) async fn sum_here(&self, kind: &Kind) -> Sum {
        let mapping = mapping_of(&self.mappings, kind);
        let columns = mapping.fields.iter().map(|it| it.local.as_str());
        let columns: Vec<_> = columns.chain(["id", "record_id"]).collect();
        let mut rows = self.tables.rows(kind.collection, &columns);
        let mut sum = Sum::default();
        while let Some(row) = rows.next().await {
            let record_id = row["record_id"].as_str().unwrap();
            sum.add(kind.object, record_id, &record_of(kind, mapping, &row, &self.names));
        }
        sum
    }

    /// Asks the org for its own sum over the same fields.
    pub(super) async fn sum_there(&self, world: &World, kind: &Kind) -> (u64, String) {
        let mapping = mapping_of(&self.mappings, kind);
        let external_id = mapping.rules.external_id.as_deref().unwrap();
        let fields: Vec<_> = mapping.fields.iter().map(|it| it.remote.as_str()).collect();
        let fields = fields.join(",");
        let path = format!(
            "digest?connection={CONNECTION}&object={}&fields={fields},{external_id}",
            kind.object
        );
        let told: Value =
            serde_json::from_str(&world.switch(Method::GET, &path, &json!({})).await).unwrap();
        (told["n_records"].as_u64().unwrap(), told["sum"].as_str().unwrap().to_owned())
    }

    /// Asserts that both sides hold the same records with the same values, and that one changed value
    /// over there would be noticed.
    pub(super) async fn assert_equal(&self, world: &World) {
        for kind in KINDS {
            let here = self.sum_here(kind).await;
            let there = self.sum_there(world, kind).await;
            assert!(here.n_records > 0, "no rows of {}", kind.object);
            assert_eq!((here.n_records, here.hex()), there, "{} differs", kind.object);
        }
        for kind in KINDS {
            let (_, remote, _) = kind.fields[2];
            let id = world.herds.of(kind).seeded.last().unwrap();
            let update = json!({"update": {"id": id, "fields": {remote: "one more"}}});
            assert_eq!(world.commit(&[update]).await.len(), 1);
            let (here, there) = (self.sum_here(kind).await, self.sum_there(world, kind).await);
            assert_eq!(here.n_records, there.0);
            assert_ne!(here.hex(), there.1, "a changed {} goes unnoticed", kind.object);
        }
    }
}

impl Tables {
    /// Reads which records the rows of a table stand for, deleted ones too.
    async fn rows_with_deleted(&self, table: &str) -> Vec<(String, String)> {
        match self {
            Self::Sqlite(pool) => {
                let sql = format!("SELECT id, record_id FROM {table}");
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap();
                rows.iter().map(|it| (it.get(0), it.get(1))).collect()
            }
            Self::Postgres(pool) => {
                let sql = format!("SELECT id, record_id FROM moodbridge.{table}");
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap();
                rows.iter().map(|it| (it.get(0), it.get(1))).collect()
            }
        }
    }
}

fn mapping_of<'m>(mappings: &'m Mappings, kind: &Kind) -> &'m ObjectMapping {
    mappings.get(&shared::ids::ObjectName::parse(kind.object).unwrap()).unwrap()
}

/// Turns a row into the record that it should be over there.
fn record_of(kind: &Kind, mapping: &ObjectMapping, row: &Value, names: &Names) -> Fields {
    let mut record = Fields::new();
    for field in &mapping.fields {
        let value = match (&row[&field.local], &field.kind) {
            (Value::Null, _) => continue,
            (value, FieldKind::Bool) => json!(*value == json!(true) || *value == json!(1)),
            (value, FieldKind::DateTime) => {
                json!(Timestamp::from_millis(value.as_i64().unwrap()).to_string())
            }
            (value, FieldKind::Reference(_)) => {
                let id = value.as_str().unwrap();
                json!(names.get(id).unwrap_or_else(|| panic!("{} refers to {id}", row["id"])))
            }
            (value, _) => value.clone(),
        };
        record.insert(field.remote.clone(), value);
    }
    // A record that was made for a row carries the row's id.
    let (id, record_id) = (row["id"].as_str().unwrap(), row["record_id"].as_str().unwrap());
    if kind.row_id(record_id) != id {
        let external_id = mapping.rules.external_id.clone().unwrap();
        record.insert(external_id, json!(id));
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(fields: &Value) -> Sum {
        let mut sum = Sum::default();
        let fields = serde_json::from_value(fields.clone()).unwrap();
        sum.add("Case", "500ak00000OQTieAAH", &fields);
        sum
    }

    #[test]
    fn one_record_is_the_hash_of_its_line_and_one_changed_value_changes_it() {
        let line = r#"["main","Case","500ak00000OQTieAAH",false,{"A":"x","B":true}]"#;
        let hash: String = Sha256::digest(line).iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(sum(&json!({"B": true, "A": "x"})).hex(), hash);
        assert_ne!(sum(&json!({"A": "x", "B": false})).hex(), hash);
    }

    #[test]
    fn row_becomes_the_record_it_should_be() {
        let mappings = wiring::connecting::standard_mappings().unwrap();
        let (kind, account) = (super::super::kinds::CASE, "001ak00000OQTieAAH");
        let names = Names::from([("a-1".to_owned(), account.to_owned())]);
        let row = json!({
            "id": "made here", "record_id": "500ak00000OQTieAAH", "account_id": "a-1",
            "title": "Doe v. Roe", "court": null, "is_closed": 0, "opened_at": 1_767_261_600_000_i64,
        });
        let record = record_of(kind, mapping_of(&mappings, kind), &row, &names);
        let wanted = json!({
            "AccountId": account, "Subject": "Doe v. Roe", "IsClosed": false,
            "CreatedDate": "2026-01-01T10:00:00.000Z", "MoodBridge_Id__c": "made here",
        });
        assert_eq!(json!(record), wanted);
    }
}
