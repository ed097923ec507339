//! Bodies of requests for runs of pipelines.

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Type,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

fn text(n_most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(n_most))
}

/// Which partitions are run, and what the order is called.
pub(crate) struct StartRunRequest;

impl ToSchema for StartRunRequest {}

impl PartialSchema for StartRunRequest {
    fn schema() -> RefOr<Schema> {
        let partitions =
            ArrayBuilder::new().items(text(1024).build()).max_items(Some(1000)).build();
        let object = ObjectBuilder::new()
            .property("partitions", Schema::Array(partitions))
            .property("idempotency_key", text(255).build())
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}

/// Rows that were put right, and which partition they are of.
pub(crate) struct ReplayRowsRequest;

impl ToSchema for ReplayRowsRequest {}

impl PartialSchema for ReplayRowsRequest {
    fn schema() -> RefOr<Schema> {
        let scalar = |kind| ObjectBuilder::new().schema_type(kind).build();
        let value = OneOfBuilder::new()
            .item(scalar(Type::String))
            .item(scalar(Type::Number))
            .item(scalar(Type::Boolean))
            .item(scalar(Type::Null))
            .build();
        let values = AdditionalProperties::RefOr(RefOr::T(Schema::OneOf(value)));
        let values = ObjectBuilder::new().additional_properties(Some(values)).build();
        let line = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
        let row = ObjectBuilder::new()
            .property("line", line)
            .required("line")
            .property("row", values)
            .required("row")
            .build();
        let rows = ArrayBuilder::new().items(row).min_items(Some(1)).max_items(Some(1000)).build();
        let object = ObjectBuilder::new()
            .property("rows", Schema::Array(rows))
            .required("rows")
            .property("partition", text(1024).build())
            .property("idempotency_key", text(255).build())
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}
