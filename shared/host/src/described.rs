//! What each metric means, for whoever reads the page.

use metrics::{describe_counter, describe_gauge, describe_histogram};

const COUNTERS: [(&str, &str); 39] = [
    ("dispatch_changes_total", "Changes that were taken as flow files."),
    ("http_requests_total", "Requests answered, by route, method and status."),
    ("http_requests_shed_total", "Requests turned away because too many were in hand."),
    ("intake_events_total", "Events taken from webhooks, by endpoint and outcome."),
    ("intake_webhooks_total", "Webhooks answered, by endpoint and outcome."),
    ("lake_commits_total", "Commits to the lake, by kind and outcome."),
    ("lake_rows_total", "Changes that became part of the lake, by table."),
    ("load_records_total", "Records read as a whole object, by outcome."),
    ("oauth_renewals_total", "Tokens of platforms renewed, by outcome."),
    ("pipeline_partitions_total", "Partitions of pipelines that ended, by state."),
    ("pipeline_rows_total", "Rows of pipelines, by pipeline and outcome."),
    ("pipeline_runs_total", "Runs of pipelines that ended, by state."),
    ("platform_calls_total", "Attempts to call a platform, by operation and outcome."),
    ("platform_hedges_total", "Reads asked a second time because the first was late."),
    ("platform_retries_total", "Calls to a platform that were tried again."),
    ("poller_rows_queued_total", "Rows read by the poller that the queue had not seen."),
    ("poller_rows_read_total", "Rows read by the poller."),
    ("port_calls_total", "Calls of a port's method, by outcome."),
    ("pubsub_changes_total", "Changes made of events, by object and outcome."),
    ("pubsub_events_total", "Events that came over a stream, by outcome."),
    ("pubsub_gaps_total", "Times that events were lost to a stream."),
    ("pubsub_signs_of_life_total", "Empty answers that keep a quiet stream alive."),
    ("pubsub_stream_ends_total", "Streams that ended, by reason."),
    ("queries_total", "Questions to the lake, by outcome."),
    ("query_bytes_read_total", "Bytes that answers read of the lake."),
    ("query_bytes_spilled_total", "Bytes that answers put aside on disk."),
    ("query_cache_total", "Answers that were kept, awaited by another, or worked out."),
    ("queue_messages_total", "Messages handled, by outcome."),
    ("relay_records_total", "Records taken from the outbox, by outcome."),
    ("report_deliveries_total", "News of reports sent, by receiver and outcome."),
    ("reports_total", "Reports that ended, by state."),
    ("schedule_runs_total", "Runs of a schedule, by outcome."),
    ("sign_ins_total", "Sign-ins, by outcome."),
    ("sync_differences_total", "Records that differed between both sides."),
    ("sync_events_total", "Change events merged, by object and outcome."),
    ("sync_records_read_total", "Records read from a platform to settle a merge, by reason."),
    ("trace_spans_total", "Spans sent to the collector, refused by it, or dropped before."),
    ("warehouse_rejects_total", "Rows that a warehouse refused, by table."),
    ("warehouse_rows_total", "Changes that became part of a warehouse, by table."),
];

const GAUGES: [(&str, &str); 28] = [
    ("audit_chain_broken", "1 when the last verification found the audit log altered."),
    ("cost_budget_used_ratio", "The used part of a budget: 1 is all of it."),
    ("data_disk_free_bytes", "Free space on the disk of the data folder."),
    ("data_disk_size_bytes", "Size of the disk of the data folder."),
    (
        "dispatch_changes_behind",
        "Changes that were not sent as flow files yet, at the end of a run.",
    ),
    ("http_requests_in_flight", "Requests in hand."),
    ("lake_changes_behind", "Changes that are not in the lake yet, at the end of a run."),
    ("moodbridge_change_followers", "Streams of live changes that are open."),
    ("outbox_records", "Records that wait to be sent, or for a person."),
    ("platform_breaker_state", "A breaker: 0 closed, 1 half open, 2 open."),
    ("platform_calls_left", "Calls left as the platform says."),
    ("platform_quota_left", "Calls left of the quota that all workers share."),
    ("platform_quota_limit", "The quota that all workers share."),
    ("pubsub_event_age_seconds", "Time since an event came over a stream."),
    ("pubsub_replayable_seconds", "Time until events that were not fetched are forgotten."),
    ("pubsub_silence_seconds", "Time since anything came over a stream."),
    ("query_cache_bytes", "Memory of answers that are kept."),
    ("queue_messages", "Messages a queue holds, by state."),
    ("queue_messages_in_flight", "Messages in this process's hands."),
    ("queue_oldest_message_seconds", "How long the oldest message that is not dead has waited."),
    ("ready_check_ok", "1 when a dependency can be used."),
    ("salesforce_api_calls_allowed", "Calls a day that the org allows."),
    ("salesforce_api_calls_used", "Calls that the org counted today."),
    ("sync_accuracy_ratio", "The share of records that were equal at the last comparison."),
    ("sync_broken_fields", "Mapped fields that the platform took away or changed."),
    ("sync_records", "Records at the last comparison, by side."),
    ("sync_unrepaired_records", "Records that differed and were not put right."),
    ("warehouse_files_waiting", "Files of the lake that a warehouse has not loaded yet, by table."),
];

const HISTOGRAMS: [(&str, &str); 9] = [
    ("http_request_duration_seconds", "Time until a response began."),
    ("pipeline_partition_seconds", "Time of one try of a partition, by pipeline."),
    ("platform_call_seconds", "Time of one attempt to call a platform."),
    ("port_call_seconds", "Time in one call of a port's method."),
    ("query_seconds", "Time from a question to the lake to its answer."),
    ("queue_message_duration_seconds", "Time in the handler of a message."),
    ("relay_lag_seconds", "Time from a change here to its commit over there."),
    ("report_build_seconds", "Time of building a report, by definition."),
    ("sync_lag_seconds", "Time from an event's arrival to its commit."),
];

/// Describes every metric to the recorder of this process.
pub(crate) fn describe() {
    COUNTERS.iter().for_each(|(name, help)| describe_counter!(*name, *help));
    GAUGES.iter().for_each(|(name, help)| describe_gauge!(*name, *help));
    HISTOGRAMS.iter().for_each(|(name, help)| describe_histogram!(*name, *help));
}
