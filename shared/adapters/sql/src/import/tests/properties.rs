//! Whatever the file holds, it comes out as it went in, once and again.

use proptest::prelude::*;

use super::original::{Desk, LATER, TABLES};

/// A literal of SQL that any column may hold.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("NULL".to_owned()),
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(|it| format!("{it:e}")),
        "[^\0]{0,20}".prop_map(|it| format!("'{}'", it.replace('\'', "''"))),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| {
            let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
            format!("x'{hex}'")
        }),
    ]
}

fn row() -> impl Strategy<Value = String> {
    let day = prop_oneof![
        4 => (1900..2100_u32, 1..=12_u32, 1..=28_u32)
            .prop_map(|(year, month, day)| format!("'{year}-{month:02}-{day:02}'")),
        1 => value().prop_map(|it| if it == "NULL" { "''".to_owned() } else { it }),
    ];
    (0..5_usize, day, value(), value(), value()).prop_map(|(table, day, a, b, c)| {
        let (table, columns) = [
            ("placement_denials", "denied_date, duration_hours, denial_reason, ai_analysis"),
            ("timeline_events", "event_date, importance_level, event_description, event_type"),
            ("exhibits", "document_name, file_size_bytes, hash_sha256, created_at"),
            ("communications", "communication_date, related_to_placement, subject, ai_summary"),
            ("violations", "violation_date, placement_denial_id, impact_score, description"),
        ][table];
        if table == "timeline_events" {
            return format!(
                "INSERT INTO {table} ({columns}, event_title) VALUES ({day}, {a}, {b}, {c}, 't');"
            );
        }
        format!("INSERT INTO {table} ({columns}) VALUES ({day}, {a}, {b}, {c});")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_file_ends_verified_and_the_second_time_nothing_is_written(
        rows in proptest::collection::vec(row(), 0..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let desk = Desk::new().await;
            let matter = "INSERT INTO case_info (docket_number, case_title, court) \
                          VALUES ('1', 'a', 'b');";
            desk.write(&format!("{TABLES}{LATER}{matter}{}", rows.concat())).await;

            let first = desk.import().await.unwrap();
            let again = desk.import().await.unwrap();

            assert!(first.is_verified(), "{first:#?}");
            assert!(again.is_verified() && again.tables.iter().all(|it| !it.tally.writes()));
            let digests = |it: &crate::import::FileReport| -> Vec<_> {
                it.tables.iter().map(|it| (it.n_refused, it.read.clone(), it.stored.clone())).collect()
            };
            assert_eq!(digests(&first), digests(&again));
            let n_rows: u64 = first.tables.iter().map(|it| it.n_read + it.n_refused).sum();
            assert_eq!(n_rows, rows.len() as u64 + 1);
        });
    }
}
