//! Files as an existing MoodBridge makes them.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// The tables that are imported, as they were first made.
pub const MATTER_TABLES: &str = "
    CREATE TABLE case_info (id INTEGER PRIMARY KEY, docket_number TEXT UNIQUE NOT NULL,
        case_title TEXT NOT NULL, court TEXT NOT NULL, status TEXT,
        created_at TEXT DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE placement_denials (id INTEGER PRIMARY KEY, denied_date TEXT NOT NULL,
        requested_start_time TEXT, requested_end_time TEXT, duration_hours REAL,
        denial_reason TEXT, violation_category TEXT, evidence_attached TEXT,
        created_at TEXT DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE timeline_events (id INTEGER PRIMARY KEY, event_date TEXT NOT NULL,
        event_type TEXT, event_title TEXT NOT NULL, event_description TEXT,
        importance_level INTEGER DEFAULT 3, created_at TEXT DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE exhibits (id INTEGER PRIMARY KEY, exhibit_label TEXT,
        document_name TEXT NOT NULL, file_path TEXT, file_size_bytes INTEGER, media_type TEXT,
        hash_sha256 TEXT, description TEXT, category TEXT,
        created_at TEXT DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE communications (id INTEGER PRIMARY KEY, communication_date TEXT NOT NULL,
        sender TEXT, recipient TEXT, medium TEXT, subject TEXT, message_content TEXT,
        related_to_placement BOOLEAN DEFAULT 0, created_at TEXT DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE violations (id INTEGER PRIMARY KEY, violation_date TEXT NOT NULL,
        violation_type TEXT, description TEXT, stipulation_reference TEXT,
        impact_score INTEGER DEFAULT 1,
        placement_denial_id INTEGER REFERENCES placement_denials(id),
        created_at TEXT DEFAULT CURRENT_TIMESTAMP);
";

/// What later versions added.
pub const MATTER_LATER: &str = "
    ALTER TABLE placement_denials ADD COLUMN ai_risk_score REAL DEFAULT 0.0;
    ALTER TABLE placement_denials ADD COLUMN ai_analysis TEXT;
    ALTER TABLE timeline_events ADD COLUMN ai_generated BOOLEAN DEFAULT 0;
    ALTER TABLE timeline_events ADD COLUMN ai_confidence REAL DEFAULT 0.0;
    ALTER TABLE communications ADD COLUMN sentiment_score REAL DEFAULT 0.0;
    ALTER TABLE communications ADD COLUMN ai_summary TEXT;
    ALTER TABLE exhibits ADD COLUMN ai_extracted_text TEXT;
    ALTER TABLE exhibits ADD COLUMN ai_content_type TEXT;
    ALTER TABLE exhibits ADD COLUMN processing_status TEXT DEFAULT 'pending';
    CREATE TABLE legal_patterns (id INTEGER PRIMARY KEY, pattern_name TEXT);
    INSERT INTO legal_patterns VALUES (1, 'Recurring Denial Pattern');
    CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
";

/// A matter with some of everything, beside the one that every new file comes with.
pub const MATTER: &str = "
    INSERT INTO case_info (docket_number, case_title, court, status, created_at) VALUES
        ('DEMO-2024-001', 'Anonymous v. Anonymous', 'Demo County Circuit Court', 'Active',
         '2024-01-01 00:00:00'),
        ('24/CV 7', 'Doe v. Roe', 'Superior Court', 'Active', '2024-02-01 08:00:00');
    INSERT INTO placement_denials (denied_date, requested_start_time, requested_end_time,
        duration_hours, denial_reason, violation_category, evidence_attached) VALUES
        ('2024-05-12', '08:00', '20:00', 12.0, 'Mother''s Day denied', 'Holiday Violation', 'Text'),
        ('2024-06-02 13:45:00', NULL, NULL, 0.1, NULL, NULL, NULL);
    INSERT INTO timeline_events (event_date, event_type, event_title, importance_level) VALUES
        ('2024-03-01', 'hearing', 'First hearing', 5), ('2024-03-02', NULL, 'Call', 9);
    INSERT INTO exhibits (exhibit_label, document_name, file_path, file_size_bytes, hash_sha256)
        VALUES ('A-1', 'Petition.pdf', 'exhibits/a1.pdf', 5,
        '2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824');
    INSERT INTO communications (communication_date, sender, message_content, related_to_placement)
        VALUES ('2024-04-01', 'J. Doe', 'See you', 1);
    INSERT INTO violations (violation_date, violation_type, impact_score, placement_denial_id)
        VALUES ('2024-05-12', 'Holiday', 4, 1), ('2024-05-13', NULL, 1, 99);
";

/// Runs `sql` on the file at `path`, as MoodBridge would; makes the file where it is missing.
///
/// # Panics
///
/// When a statement fails.
pub async fn write_matter(path: &Path, mode: SqliteJournalMode, sql: &str) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(false)
        .journal_mode(mode);
    let mut connection = options.connect().await.expect("file opens");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("statements run");
    connection.close().await.expect("file closes");
}

/// Makes a file with [`MATTER`] at `path`.
///
/// # Panics
///
/// When it cannot be made.
pub async fn sample_matter(path: &Path) {
    let sql = format!("{MATTER_TABLES}{MATTER_LATER}{MATTER}");
    write_matter(path, SqliteJournalMode::Delete, &sql).await;
}
