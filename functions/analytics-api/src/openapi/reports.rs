//! The body of an order of a report.

use shared::ports::ReportFormat;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Which report, of what, over which period, and in which forms.
pub(crate) struct OrderReportRequest;

impl ToSchema for OrderReportRequest {}

impl PartialSchema for OrderReportRequest {
    fn schema() -> RefOr<Schema> {
        let text = |n_most: usize| {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(n_most))
        };
        let words = ReportFormat::ALL.map(ReportFormat::as_str);
        let format = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        let formats =
            ArrayBuilder::new().items(format.build()).max_items(Some(words.len())).build();
        let object = ObjectBuilder::new()
            .property("report", text(80).build())
            .required("report")
            .property("subject", text(255).build())
            .property("period", text(16).build())
            .property("formats", Schema::Array(formats))
            .property("idempotency_key", text(255).build())
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}
