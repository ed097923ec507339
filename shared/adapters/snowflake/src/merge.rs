//! Merges: the look at what there is to merge, and the `MERGE` that is sent.
//! Source: Snowflake, "MERGE", "QUALIFY".

use shared::ports::warehouse::{Column, Identifier, Merge, ValueKind, WarehouseValue};

use crate::sql;

/// What there is to merge.
pub(crate) struct Bounds {
    pub(crate) n_rows: u64,
    pub(crate) n_without_key: u64,
    /// The lowest and the highest value of the first key column, where they bound it.
    pub(crate) first_key: Option<(WarehouseValue, WarehouseValue)>,
}

/// A statement and the values that it binds.
pub(crate) struct Bound {
    pub(crate) text: String,
    pub(crate) binds: Vec<WarehouseValue>,
}

/// Rows of the staging table without a key, which no merge can find again.
#[derive(Debug, thiserror::Error)]
#[error("{n_rows} rows of `{table}` have no value in a key column ({columns})")]
pub(crate) struct RowsWithoutKey {
    pub(crate) n_rows: u64,
    pub(crate) table: String,
    pub(crate) columns: String,
}

/// Asks how many rows there are, how many of them lack a key, and between what keys they lie.
pub(crate) fn look(merge: &Merge) -> Bound {
    let first = first_key(merge);
    let no_key = sql::list(merge.key(), " OR ", |it| format!("{it} IS NULL"));
    let (condition, binds) = batch(merge);
    let text = format!(
        "SELECT COUNT(*), COUNT(CASE WHEN {no_key} THEN 1 END), MIN({first}), MAX({first}) FROM {staging}{condition}",
        staging = sql::table(merge.staging()),
    );
    Bound { text, binds }
}

/// Reads the answer to [`look`]; `None` when it is not one.
pub(crate) fn bounds(columns: &[Column], row: &[WarehouseValue]) -> Option<Bounds> {
    let [n_rows, n_without_key, lowest, highest] = row else { return None };
    let count = |value: &WarehouseValue| u64::try_from(value.as_i64()?).ok();
    // Only of these types it is certain that the order of keys is the order of their bounds.
    let is_ordered = columns.get(2).is_some_and(|it| {
        matches!(it.kind, ValueKind::Decimal | ValueKind::Text | ValueKind::Date | ValueKind::Local)
    });
    let has_both =
        !matches!(lowest, WarehouseValue::Null) && !matches!(highest, WarehouseValue::Null);
    Some(Bounds {
        n_rows: count(n_rows)?,
        n_without_key: count(n_without_key)?,
        first_key: (is_ordered && has_both).then(|| (lowest.clone(), highest.clone())),
    })
}

/// Writes the merge. Source and target are both held between the bounds: a row that came to the
/// staging table since is left to the next merge, and the target is read only there.
pub(crate) fn statement(merge: &Merge, bounds: &Bounds) -> Bound {
    let first = first_key(merge);
    let (mut condition, mut binds) = batch(merge);
    let mut on = sql::list(merge.key(), " AND ", |it| format!("t.{it} = s.{it}"));
    if let Some((lowest, highest)) = &bounds.first_key {
        condition.push_str(if condition.is_empty() { " WHERE " } else { " AND " });
        condition.push_str(&format!("{first} BETWEEN ? AND ?"));
        on.push_str(&format!(" AND t.{first} BETWEEN ? AND ?"));
        for _ in 0..2 {
            binds.extend([lowest.clone(), highest.clone()]);
        }
    }
    let key = sql::list(merge.key(), ", ", str::to_owned);
    let newest = sql::list(merge.version(), ", ", |it| format!("{it} DESC NULLS LAST"));
    let rest: Vec<_> = merge.version().iter().chain(merge.columns()).cloned().collect();
    let all: Vec<_> = merge.key().iter().chain(&rest).cloned().collect();
    let text = format!(
        "MERGE INTO {target} t USING (SELECT {columns} FROM {staging}{condition} \
         QUALIFY ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {newest}) = 1) s ON {on} \
         WHEN MATCHED AND {newer} THEN UPDATE SET {set} \
         WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})",
        target = sql::table(merge.target()),
        staging = sql::table(merge.staging()),
        columns = sql::list(&all, ", ", str::to_owned),
        newer = newer(merge.version()),
        set = sql::list(&rest, ", ", |it| format!("{it} = s.{it}")),
        values = sql::list(&all, ", ", |it| format!("s.{it}")),
    );
    Bound { text, binds }
}

/// Compares versions column by column, null below everything.
fn newer(version: &[Identifier]) -> String {
    let Some((first, rest)) = version.split_first() else { return "FALSE".to_owned() };
    let it = sql::quoted(first);
    let above = format!("(s.{it} > t.{it} OR (t.{it} IS NULL AND s.{it} IS NOT NULL))");
    match rest {
        [] => above,
        rest => format!("({above} OR (s.{it} IS NOT DISTINCT FROM t.{it} AND {}))", newer(rest)),
    }
}

fn first_key(merge: &Merge) -> String {
    merge.key().first().map(sql::quoted).unwrap_or_default()
}

fn batch(merge: &Merge) -> (String, Vec<WarehouseValue>) {
    match merge.batch() {
        Some((column, value)) => {
            (format!(" WHERE {} = ?", sql::quoted(column)), vec![value.clone()])
        }
        None => (String::new(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use shared::ports::warehouse::{StatementId, TableName};

    use super::*;

    fn name(raw: &str) -> Identifier {
        Identifier::parse(raw).unwrap()
    }

    fn merge() -> Merge {
        let table = |raw| TableName::new(name(raw));
        let tables = (table("S"), table("T"));
        let (key, version) = (vec![name("ID")], vec![name("AT"), name("SEQ")]);
        Merge::new(StatementId::of("x"), tables, key, version, vec![name("a\"b")]).unwrap()
    }

    fn column(kind: ValueKind) -> Column {
        Column {
            name: "MIN".into(),
            kind,
            type_name: "x".into(),
            precision: None,
            scale: None,
            length: None,
            is_nullable: true,
        }
    }

    #[test]
    fn merge_of_a_batch_is_bounded_on_both_sides() {
        let merge = merge().of_batch(name("BATCH"), "b1".into());
        let look = look(&merge);
        assert_eq!(
            look.text,
            "SELECT COUNT(*), COUNT(CASE WHEN \"ID\" IS NULL THEN 1 END), MIN(\"ID\"), MAX(\"ID\") \
             FROM \"S\" WHERE \"BATCH\" = ?"
        );
        assert_eq!(look.binds, ["b1".into()]);
        let columns = [ValueKind::Decimal, ValueKind::Decimal, ValueKind::Text, ValueKind::Text];
        let row = [2_i64.into(), 0_i64.into(), "a".into(), "c".into()];

        let found = bounds(&columns.map(column), &row).unwrap();
        let sent = statement(&merge, &found);

        assert_eq!((found.n_rows, found.n_without_key), (2, 0));
        assert_eq!(
            sent.text,
            "MERGE INTO \"T\" t USING (SELECT \"ID\", \"AT\", \"SEQ\", \"a\"\"b\" FROM \"S\" \
             WHERE \"BATCH\" = ? AND \"ID\" BETWEEN ? AND ? QUALIFY ROW_NUMBER() OVER \
             (PARTITION BY \"ID\" ORDER BY \"AT\" DESC NULLS LAST, \"SEQ\" DESC NULLS LAST) = 1) s \
             ON t.\"ID\" = s.\"ID\" AND t.\"ID\" BETWEEN ? AND ? \
             WHEN MATCHED AND ((s.\"AT\" > t.\"AT\" OR (t.\"AT\" IS NULL AND s.\"AT\" IS NOT NULL)) \
             OR (s.\"AT\" IS NOT DISTINCT FROM t.\"AT\" AND (s.\"SEQ\" > t.\"SEQ\" OR \
             (t.\"SEQ\" IS NULL AND s.\"SEQ\" IS NOT NULL)))) \
             THEN UPDATE SET \"AT\" = s.\"AT\", \"SEQ\" = s.\"SEQ\", \"a\"\"b\" = s.\"a\"\"b\" \
             WHEN NOT MATCHED THEN INSERT (\"ID\", \"AT\", \"SEQ\", \"a\"\"b\") \
             VALUES (s.\"ID\", s.\"AT\", s.\"SEQ\", s.\"a\"\"b\")"
        );
        let expected: Vec<WarehouseValue> =
            ["b1", "a", "c", "a", "c"].into_iter().map(Into::into).collect();
        assert_eq!(sent.binds, expected);
    }

    #[test]
    fn keys_of_other_types_are_not_bounded() {
        let merge = merge();
        let columns = [ValueKind::Decimal, ValueKind::Decimal, ValueKind::Json, ValueKind::Json];
        let row = [2_i64.into(), 1_i64.into(), "a".into(), "c".into()];
        let found = bounds(&columns.map(column), &row).unwrap();
        assert!(found.first_key.is_none());
        let sent = statement(&merge, &found);
        assert!(!sent.text.contains("BETWEEN"), "{}", sent.text);
        assert!(sent.binds.is_empty());
        assert!(bounds(&columns.map(column), &row[..3]).is_none());
    }
}
