//! The tables of an existing MoodBridge: which are imported, and which columns are known.

/// A table that is imported.
pub(super) struct Layout {
    pub(super) table: &'static str,
    /// The columns that a file must have for its rows to mean anything.
    pub(super) needed: &'static [&'static str],
    /// The other ones that MoodBridge knows; any of them may be missing.
    pub(super) known: &'static [&'static str],
}

/// The row of the matter itself.
pub(super) const CASE_INFO: Layout = Layout {
    table: "case_info",
    needed: &["id", "docket_number"],
    known: &["case_title", "court", "status", "created_at"],
};

/// What hangs on the matter, in the order of import: denials before the violations that name them.
pub(super) const ITEMS: [Layout; 5] = [
    Layout {
        table: "placement_denials",
        needed: &["id", "denied_date"],
        known: &[
            "requested_start_time",
            "requested_end_time",
            "duration_hours",
            "denial_reason",
            "violation_category",
            "evidence_attached",
            "created_at",
            "ai_risk_score",
            "ai_analysis",
        ],
    },
    Layout {
        table: "timeline_events",
        needed: &["id", "event_date"],
        known: &[
            "event_type",
            "event_title",
            "event_description",
            "importance_level",
            "created_at",
            "ai_generated",
            "ai_confidence",
        ],
    },
    Layout {
        table: "exhibits",
        needed: &["id", "document_name"],
        known: &[
            "exhibit_label",
            "file_path",
            "file_size_bytes",
            "media_type",
            "hash_sha256",
            "description",
            "category",
            "created_at",
            "ai_extracted_text",
            "ai_content_type",
            "processing_status",
        ],
    },
    Layout {
        table: "communications",
        needed: &["id", "communication_date"],
        known: &[
            "sender",
            "recipient",
            "medium",
            "subject",
            "message_content",
            "related_to_placement",
            "created_at",
            "sentiment_score",
            "ai_summary",
        ],
    },
    Layout {
        table: "violations",
        needed: &["id", "violation_date"],
        known: &[
            "violation_type",
            "description",
            "stipulation_reference",
            "impact_score",
            "placement_denial_id",
            "created_at",
        ],
    },
];

/// Tables that MoodBridge has and that are not imported, and why.
pub(super) const LEFT_OUT: [(&str, &str); 9] = [
    ("ai_insights", DERIVED),
    ("document_vectors", DERIVED),
    ("ai_analysis_logs", DERIVED),
    ("legal_patterns", DERIVED),
    ("projects", PLANNING),
    ("tasks", PLANNING),
    ("milestones", PLANNING),
    ("project_dependencies", PLANNING),
    ("work_sessions", PLANNING),
];

const DERIVED: &str = "derived data, which can be made again";
const PLANNING: &str = "planning of MoodBridge's makers, which belongs to no matter";

/// Why a table that nobody knows is not imported.
pub(super) const UNKNOWN: &str = "unknown table";

/// The matter that every new database comes with.
pub(super) const DEMO_DOCKET: &str = "DEMO-2024-001";

impl Layout {
    /// Tells whether MoodBridge knows `column`.
    pub(super) fn knows(&self, column: &str) -> bool {
        self.needed.contains(&column) || self.known.contains(&column)
    }
}
