//! What the derived schemas do not say by themselves.

use std::collections::BTreeMap;

use shared::ports::Stance;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat,
    Type,
};
use utoipa::openapi::{
    Content, HeaderBuilder, RefOr, Response, ResponseBuilder, ResponsesBuilder, Schema,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::audit::MAX_SEQ;
use crate::problem::{PROBLEM_JSON, Problem};

/// The problems that every operation may answer with.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |description: &str| {
            let schema = RefOr::Ref(utoipa::openapi::Ref::from_schema_name(Problem::name()));
            let content = Content::new(Some(schema));
            ResponseBuilder::new().description(description).content(PROBLEM_JSON, content)
        };
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
        let retry_after = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("Try again after this many seconds"))
            .build();
        let unavailable = problem("The store does not answer, or too many clients are connected");
        ResponsesBuilder::new()
            .response("400", problem("The request is wrong; `errors` names each fault and its fix"))
            .response("500", problem("The fault is ours"))
            .response("503", unavailable.header("Retry-After", retry_after))
            .build()
            .into()
    }
}

/// Which dead letters to send again: named ones, or all.
pub(crate) struct ReplayRequest;

impl ToSchema for ReplayRequest {}

impl PartialSchema for ReplayRequest {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).build();
        let ids = ArrayBuilder::new().items(id).min_items(Some(1)).max_items(Some(1000)).build();
        let all = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build();
        let form = |name: &str, schema: Schema| {
            ObjectBuilder::new()
                .property(name, schema)
                .required(name)
                .additional_properties(Some(AdditionalProperties::FreeForm(false)))
                .build()
        };
        let forms = OneOfBuilder::new()
            .item(form("ids", Schema::Array(ids)))
            .item(form("all", Schema::Object(all)));
        RefOr::T(Schema::OneOf(forms.build()))
    }
}

/// One line, and spaces alone are no reason.
fn reason() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(500))
        .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"))
}

fn version(first: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(first)).maximum(Some(MAX_SEQ))
}

/// What to change, why, and which version the author saw.
pub(crate) struct SettingsRequest;

impl ToSchema for SettingsRequest {}

impl PartialSchema for SettingsRequest {
    fn schema() -> RefOr<Schema> {
        let set = ObjectBuilder::new()
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some("The new value of each path; null takes an earlier change back"))
            .build();
        // utoipa writes no `minProperties`.
        let object = ObjectBuilder::new()
            .property("expected_version", version(0))
            .required("expected_version")
            .property("reason", reason())
            .required("reason")
            .property("set", set)
            .required("set")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}

/// Which version to take back, and why.
pub(crate) struct UndoRequest;

impl ToSchema for UndoRequest {}

impl PartialSchema for UndoRequest {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .property("version", version(1))
            .required("version")
            .property("reason", reason())
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}

/// How a person stands to a case from now on, and why.
pub(crate) struct WallRequest;

impl ToSchema for WallRequest {}

impl PartialSchema for WallRequest {
    fn schema() -> RefOr<Schema> {
        let stances = Stance::ALL.map(Stance::as_str);
        let stance = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(stances));
        let object = ObjectBuilder::new()
            .property("stance", stance)
            .required("stance")
            .property("reason", reason())
            .required("reason")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        RefOr::T(Schema::Object(object.build()))
    }
}

/// A day, or an instant.
pub(crate) struct DayOrInstant;

impl ToSchema for DayOrInstant {}

impl PartialSchema for DayOrInstant {
    fn schema() -> RefOr<Schema> {
        let text = |format: KnownFormat| {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(format)))
                .build()
        };
        let forms =
            OneOfBuilder::new().item(text(KnownFormat::Date)).item(text(KnownFormat::DateTime));
        RefOr::T(Schema::OneOf(forms.build()))
    }
}
