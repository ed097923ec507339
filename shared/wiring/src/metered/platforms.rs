//! The ports of a connection, counted.

use shared::ids::{EntityId, ObjectName, RecordId};
use shared::platform::OpenConnection;
use shared::ports::{
    BulkAction, BulkJournal, BulkRead, BulkReadTotals, BulkReader, BulkResults, BulkWriter, Crm,
    CrmWriter, DeltaPage, DeltaQuery, Health, ReadBack, RecordSink, RemoteRecord, RemoteWrite,
    SchemaReader, WriteResult, WriterLimits,
};
use shared::sync::RemoteObject;

use super::port::metered;

metered!(crm, MeteredCrm, Crm, "crm", {
    async fn read(
        object: &ObjectName,
        record_id: &RecordId,
        fields: &[String],
    ) -> Option<RemoteRecord>;
    async fn changes(query: &DeltaQuery) -> DeltaPage;
    async fn more_changes(query: &DeltaQuery, next: &str) -> DeltaPage;
    async fn health() -> Health;
});

metered!(writer, MeteredWriter, CrmWriter, "crm_writer", {
    async fn read_many(
        object: &ObjectName,
        ids: &[RecordId],
        fields: &[String],
    ) -> ReadBack;
    async fn save(
        object: &ObjectName,
        writes: &[RemoteWrite],
        fields: &[String],
    ) -> Vec<WriteResult>;
    async fn delete(object: &ObjectName, ids: &[RecordId]) -> Vec<WriteResult>;
    async fn undelete(object: &ObjectName, ids: &[RecordId]) -> Vec<WriteResult>;
    async fn merge(
        object: &ObjectName,
        winner: &RecordId,
        loser: &RecordId,
    ) -> WriteResult;
    async fn find(
        object: &ObjectName,
        id: &EntityId,
        fields: &[String],
    ) -> Option<RemoteRecord>;
    plain fn limits() -> WriterLimits;
});

metered!(bulk_writer, MeteredBulkWriter, BulkWriter, "bulk_writer", {
    async fn run(
        object: &ObjectName,
        action: BulkAction,
        writes: &[RemoteWrite],
        results: &dyn BulkResults,
        journal: &dyn BulkJournal,
    ) -> ();
    async fn resume(state: &str, results: &dyn BulkResults, journal: &dyn BulkJournal) -> ();
});

metered!(bulk_reader, MeteredBulkReader, BulkReader, "bulk_reader", {
    async fn read_all(
        query: &BulkRead,
        state: Option<&str>,
        sink: &dyn RecordSink,
        journal: &dyn BulkJournal,
    ) -> BulkReadTotals;
    async fn count(object: &ObjectName) -> u64;
});

metered!(schema_reader, MeteredSchemaReader, SchemaReader, "schema_reader", {
    async fn describe(object: &ObjectName) -> RemoteObject;
});

/// Counts and times each call of every port of a connection.
pub(crate) fn connection(opened: OpenConnection) -> OpenConnection {
    let OpenConnection {
        connection,
        crm: reading,
        writer: writing,
        bulk_writer: writing_jobs,
        bulk_reader: reading_jobs,
        schema: describing,
        mappings,
    } = opened;
    OpenConnection {
        connection,
        crm: crm(reading),
        writer: writing.map(writer),
        bulk_writer: writing_jobs.map(bulk_writer),
        bulk_reader: reading_jobs.map(bulk_reader),
        schema: describing.map(schema_reader),
        mappings,
    }
}
