//! A large file in little memory.

use super::original::{Desk, MATTER, TABLES};

/// More than the rows take when they are read one by one, less than they take together.
const MAX_GROWTH_KIB: u64 = 64 * 1024;

/// Returns the most memory this process ever had, in KiB; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|it| it.starts_with("VmHWM:"));
    line.and_then(|it| it.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn memory_does_not_grow_with_two_hundred_thousand_rows() {
    let desk = Desk::new().await;
    desk.write(&format!(
        "{TABLES}{MATTER} INSERT INTO communications (communication_date, sender, message_content) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
         SELECT '2024-01-01', 'J. Doe', printf('%.500c', 'x') || i FROM n;"
    ))
    .await;
    let before = peak_kib();

    let report = desk.import().await.unwrap();

    assert!(report.is_verified());
    assert_eq!(report.tables[4].tally.n_new, 200_001);
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < MAX_GROWTH_KIB, "memory grew by {grown} KiB");
}
