//! `GET /v1/openapi.json`: the API in OpenAPI 3.1, made from the routes themselves.

pub(crate) mod document;
mod schemas;

pub(crate) use schemas::{
    DayOrInstant, Problems, ReplayRequest, SettingsRequest, UndoRequest, WallRequest,
};
