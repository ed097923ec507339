//! Bodies of requests that change rows, decide conflicts and operate the sync.

use shared::ids::{ConnectionId, EntityId, ObjectName};
use shared::model::FieldValue;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Values by our field names.
pub(crate) struct RowRequest;

impl ToSchema for RowRequest {}

impl PartialSchema for RowRequest {
    fn schema() -> RefOr<Schema> {
        let value = AdditionalProperties::RefOr(FieldValue::schema());
        let object = ObjectBuilder::new()
            .additional_properties(Some(value))
            .min_properties(Some(1))
            .max_properties(Some(200));
        RefOr::T(Schema::Object(object.build()))
    }
}

/// Which row stays when two are merged.
pub(crate) struct MergeRequest;

impl ToSchema for MergeRequest {}

impl PartialSchema for MergeRequest {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .property("into", EntityId::schema())
            .required("into")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}

fn side() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["local", "remote"]))
}

/// What is decided, by our field names.
pub(crate) struct ResolveRequest;

impl ToSchema for ResolveRequest {}

impl PartialSchema for ResolveRequest {
    fn schema() -> RefOr<Schema> {
        let other = ObjectBuilder::new()
            .property("value", FieldValue::schema())
            .required("value")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        let choice = OneOfBuilder::new().item(side().build()).item(other.build()).build();
        let choice = AdditionalProperties::RefOr(RefOr::T(Schema::OneOf(choice)));
        let object =
            ObjectBuilder::new().additional_properties(Some(choice)).min_properties(Some(1));
        RefOr::T(Schema::Object(object.build()))
    }
}

/// Which conflicts are decided, and for which side.
pub(crate) struct BulkResolveRequest;

impl ToSchema for BulkResolveRequest {}

impl PartialSchema for BulkResolveRequest {
    fn schema() -> RefOr<Schema> {
        let form = || {
            let before = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
            ObjectBuilder::new()
                .property("choice", side())
                .required("choice")
                .property("before", before)
                .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        };
        let all = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true]));
        let forms = OneOfBuilder::new()
            .item(form().property("all", all).required("all").build())
            .item(
                form()
                    .property("connection", ConnectionId::schema())
                    .required("connection")
                    .property("object", ObjectName::schema())
                    .build(),
            )
            .item(form().property("object", ObjectName::schema()).required("object").build());
        RefOr::T(Schema::OneOf(forms.build()))
    }
}

/// Whose deletions are let through.
pub(crate) struct AllowDeletesRequest;

impl ToSchema for AllowDeletesRequest {}

impl PartialSchema for AllowDeletesRequest {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .property("connection", ConnectionId::schema())
            .required("connection")
            .property("object", ObjectName::schema())
            .required("object")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}
