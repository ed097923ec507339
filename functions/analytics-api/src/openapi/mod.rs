//! `GET /v1/openapi.json`: the API in OpenAPI 3.1, made from the routes themselves.

pub(crate) mod document;
mod documents;
mod pipelines;
mod reports;
mod requests;
mod schemas;

pub(crate) use documents::{CompleteRequest, DocumentRequest, PartLinksRequest};
pub(crate) use pipelines::{ReplayRowsRequest, StartRunRequest};
pub(crate) use reports::OrderReportRequest;
pub(crate) use requests::{
    AllowDeletesRequest, BulkResolveRequest, MergeRequest, ResolveRequest, RowRequest,
};
pub(crate) use schemas::{
    DayOrInstant, Problems, ReplayRequest, SettingsRequest, UndoRequest, WallRequest,
};
