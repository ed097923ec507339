//! Bodies of requests that send documents.

use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::documents::MAX_SIZE_BYTES;
use crate::documents::complete::MAX_PARTS;
use crate::documents::links::MAX_LINKS;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn sha256() -> ObjectBuilder {
    text().pattern(Some("^[0-9a-fA-F]{64}$"))
}

fn line(max_chars: usize) -> ObjectBuilder {
    text()
        .min_length(Some(1))
        .max_length(Some(max_chars))
        .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]+$"))
}

fn closed(object: ObjectBuilder) -> RefOr<Schema> {
    let object = object.additional_properties(Some(AdditionalProperties::FreeForm(false)));
    RefOr::T(Schema::Object(object.build()))
}

/// Which document is to be sent.
pub(crate) struct DocumentRequest;

impl ToSchema for DocumentRequest {}

impl PartialSchema for DocumentRequest {
    fn schema() -> RefOr<Schema> {
        let name = text().min_length(Some(1)).max_length(Some(255));
        // Neither `.` nor `..`, in words that every reader of patterns knows.
        let name = name.pattern(Some(
            r"^([^./\\\x00-\x1f\x7f-\x9f]|\.[^./\\\x00-\x1f\x7f-\x9f]|\.\.[^/\\\x00-\x1f\x7f-\x9f])[^/\\\x00-\x1f\x7f-\x9f]*$",
        ));
        let media_type = text().max_length(Some(255));
        let media_type = media_type.pattern(Some(r"^[A-Za-z0-9][ -.0-~]*/[A-Za-z0-9][ -~]*$"));
        let size = ObjectBuilder::new().schema_type(Type::Integer);
        let size = size.minimum(Some(0)).maximum(Some(MAX_SIZE_BYTES));
        let object = ObjectBuilder::new()
            .property("name", name)
            .required("name")
            .property("media_type", media_type)
            .property("size_bytes", size)
            .required("size_bytes")
            .property("sha256", sha256())
            .required("sha256")
            .property("exhibit_label", line(64))
            .property("category", line(100))
            .property("description", line(500));
        closed(object)
    }
}

/// Which parts are to be sent.
pub(crate) struct PartLinksRequest;

impl ToSchema for PartLinksRequest {}

impl PartialSchema for PartLinksRequest {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        let number = number.minimum(Some(0)).maximum(Some(u32::MAX));
        let part = ObjectBuilder::new()
            .property("number", number)
            .required("number")
            .property("sha256", sha256())
            .required("sha256");
        let parts = ArrayBuilder::new().items(closed(part)).max_items(Some(MAX_LINKS));
        closed(ObjectBuilder::new().property("parts", parts).required("parts"))
    }
}

/// The parts that were sent.
pub(crate) struct CompleteRequest;

impl ToSchema for CompleteRequest {}

impl PartialSchema for CompleteRequest {
    fn schema() -> RefOr<Schema> {
        let part = ObjectBuilder::new()
            .property("etag", text().min_length(Some(1)))
            .required("etag")
            .property("sha256", sha256())
            .required("sha256");
        let parts = ArrayBuilder::new().items(closed(part)).max_items(Some(MAX_PARTS));
        closed(ObjectBuilder::new().property("parts", parts).required("parts"))
    }
}
