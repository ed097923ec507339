//! What the org says about itself as rows, so that SOQL can ask: the objects of the Tooling API.

use std::sync::Arc;

use super::channels::STANDARD;
use super::custom_field::data_type;
use crate::ids::RecordId;
use crate::org::{Org, Row, Value};
use crate::sandbox::State;
use crate::schema::{Field, FieldKind, ObjectType, Schema, SchemaError};

/// The objects of the Tooling API, as far as set-up asks for them.
const OBJECTS: &str = "
object EntityDefinition 4ie EntityDefinition EntityDefinitions
  QualifiedApiName   string 70 W
  DeveloperName      string 70 N
  Label              string 80 N
  DurableId          string 70 N
  KeyPrefix          string 3  N
  IsCustomizable     boolean D
  IsQueryable        boolean D
object FieldDefinition 4fd FieldDefinition FieldDefinitions
  EntityDefinitionId reference N to=EntityDefinition as=EntityDefinition children=Fields
  QualifiedApiName   string 70 W
  DeveloperName      string 70 N
  Label              string 80 N
  DurableId          string 140 N
  DataType           string 255 N
  Length             int    N
  Precision          int    N
  Scale              int    N
  IsNillable         boolean D
  IsIndexed          boolean D
object EntityParticle 4ep EntityParticle EntityParticles
  EntityDefinitionId reference N to=EntityDefinition as=EntityDefinition children=Particles
  QualifiedApiName   string 70 W
  Name               string 70 N
  DataType           string 40 N
  Length             int    N
  IsNillable         boolean D
  IsCreatable        boolean D
  IsUpdatable        boolean D
  IsUnique           boolean D
object CustomField 00N CustomField CustomFields
  EntityDefinitionId reference N to=EntityDefinition as=EntityDefinition children=CustomFields
  DeveloperName      string 70 W
  TableEnumOrId      string 70 N
  NamespacePrefix    string 15 N
  Length             int    N
object PlatformEventChannel 0YL PlatformEventChannel PlatformEventChannels
  DeveloperName      string 80 W
  MasterLabel        string 80 N
  ChannelType        string 40 N
  NamespacePrefix    string 15 N
object PlatformEventChannelMember 0v8 PlatformEventChannelMember PlatformEventChannelMembers
  DeveloperName      string 80 W
  EventChannel       string 80 N
  SelectedEntity     string 80 N
  FilterExpression   string 4000 N
  NamespacePrefix    string 15 N
object EnrichedField 0ef EnrichedField EnrichedFields
  ChannelMemberId    reference N to=PlatformEventChannelMember as=ChannelMember children=EnrichedFields
  Field              string 80 W
object WorkflowOutboundMessage 04k WorkflowOutboundMessage WorkflowOutboundMessages
  EntityDefinitionId reference N to=EntityDefinition as=EntityDefinition children=OutboundMessages
  Name               string 80 W
  EndpointUrl        url    255 N
  NamespacePrefix    string 15 N
";

/// Puts rows into the catalog.
struct Writer {
    org: Org,
    n_rows: u64,
    now: i64,
}

impl Writer {
    fn put(&mut self, object: &str, id: Option<RecordId>, values: &[(&str, Value)]) -> RecordId {
        self.n_rows += 1;
        let Some(known) = self.org.schema().object(object).cloned() else {
            return RecordId::none();
        };
        let id = id.unwrap_or_else(|| RecordId::new(known.prefix, self.n_rows));
        let mut row = Row::new(id, known.fields.len());
        for name in ["CreatedDate", "LastModifiedDate", "SystemModstamp"] {
            row.set(known.place(name).unwrap_or(usize::MAX), Value::Instant(self.now));
        }
        for (name, value) in values {
            row.set(known.place(name).unwrap_or(usize::MAX), value.clone());
        }
        // The object was found a moment ago.
        let _ = self.org.load(object, row);
        id
    }
}

fn text(text: impl AsRef<str>) -> Value {
    Value::Text(text.as_ref().into())
}

fn number(n: usize) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "lengths far below 2^52")]
    Value::Number(n as f64)
}

/// Returns the id of a custom field.
#[must_use]
pub(super) fn field_id(schema: &Schema, object: &str, place: usize) -> Option<RecordId> {
    let idx = schema.objects().position(|known| known.name == object)?;
    Some(RecordId::new(*b"00N", u64::try_from(idx * 10_000 + place + 1).ok()?))
}

/// Finds the custom field that has an id.
#[must_use]
pub(super) fn field_of(schema: &Schema, id: RecordId) -> Option<(Arc<ObjectType>, Field)> {
    let number = usize::try_from(id.number()).ok()?.checked_sub(1)?;
    let object = schema.objects().nth(number / 10_000).filter(|_| id.prefix() == *b"00N")?;
    let field = object.fields.get(number % 10_000).filter(|field| !field.is_gone)?;
    field.is_custom().then(|| (Arc::clone(object), field.clone()))
}

/// Writes down what the org is now.
pub(super) fn catalog(state: &State) -> Result<Org, SchemaError> {
    let schema = Arc::new(Schema::parse(OBJECTS)?);
    let now = state.clock().now_ms().div_euclid(1000);
    let mut writer = Writer { org: Org::new(schema), n_rows: 0, now };
    let known = state.schema();
    for object in known.objects() {
        let entity = writer.put(
            "EntityDefinition",
            None,
            &[
                ("QualifiedApiName", text(object.name.as_str())),
                ("DeveloperName", text(object.name.trim_end_matches("__c"))),
                ("Label", text(object.label.as_str())),
                ("DurableId", text(object.name.as_str())),
                ("KeyPrefix", text(String::from_utf8_lossy(&object.prefix))),
                ("IsCustomizable", Value::Bool(object.is_writable())),
                ("IsQueryable", Value::Bool(true)),
            ],
        );
        // What set-up sees does not depend on what the user may see.
        for (place, field) in object.fields.iter().enumerate().filter(|(_, field)| !field.is_gone) {
            field_rows(&mut writer, object, field, entity);
            if let Some(id) = field_id(&known, &object.name, place).filter(|_| field.is_custom()) {
                custom_row(&mut writer, object, field, entity, id);
            }
        }
        for (message, id) in state.outbound_messages.all() {
            if message.object == object.name {
                let values = [
                    ("EntityDefinitionId", Value::Id(entity)),
                    ("Name", text(message.name)),
                    ("EndpointUrl", text(message.url)),
                ];
                writer.put("WorkflowOutboundMessage", id, &values);
            }
        }
    }
    channel_rows(&mut writer, state);
    Ok(writer.org)
}

fn field_rows(writer: &mut Writer, object: &ObjectType, field: &Field, entity: RecordId) {
    let stem = field.name.trim_end_matches("__c");
    let length = if field.length == 0 { Value::Null } else { number(field.length) };
    let digits = match field.kind {
        FieldKind::Int => (number(8), number(0)),
        FieldKind::Currency => (number(18), number(0)),
        FieldKind::Double => (number(18), number(15)),
        _ => (Value::Null, Value::Null),
    };
    let name = text(field.name.as_str());
    writer.put(
        "FieldDefinition",
        None,
        &[
            ("EntityDefinitionId", Value::Id(entity)),
            ("QualifiedApiName", name.clone()),
            ("DeveloperName", text(stem)),
            ("Label", text(field.label())),
            ("DurableId", text(format!("{}.{}", object.name, field.name))),
            ("DataType", text(data_type(field))),
            ("Length", length.clone()),
            ("Precision", digits.0),
            ("Scale", digits.1),
            ("IsNillable", Value::Bool(field.nillable)),
            ("IsIndexed", Value::Bool(field.unique || field.external_id)),
        ],
    );
    writer.put(
        "EntityParticle",
        None,
        &[
            ("EntityDefinitionId", Value::Id(entity)),
            ("QualifiedApiName", name.clone()),
            ("Name", name),
            ("DataType", text(field.kind.name())),
            ("Length", length),
            ("IsNillable", Value::Bool(field.nillable)),
            ("IsCreatable", Value::Bool(field.is_createable())),
            ("IsUpdatable", Value::Bool(field.is_updateable())),
            ("IsUnique", Value::Bool(field.unique)),
        ],
    );
}

fn custom_row(
    writer: &mut Writer,
    object: &ObjectType,
    field: &Field,
    entity: RecordId,
    id: RecordId,
) {
    let values = [
        ("EntityDefinitionId", Value::Id(entity)),
        ("DeveloperName", text(field.name.trim_end_matches("__c"))),
        ("TableEnumOrId", text(object.name.as_str())),
        ("Length", if field.length == 0 { Value::Null } else { number(field.length) }),
    ];
    writer.put("CustomField", Some(id), &values);
}

fn channel_rows(writer: &mut Writer, state: &State) {
    let channels = state.channels.channels();
    for channel in &channels {
        let values = [
            ("DeveloperName", text(channel.full_name.trim_end_matches("__chn"))),
            ("MasterLabel", text(channel.label.as_str())),
            ("ChannelType", text("data")),
        ];
        writer.put("PlatformEventChannel", Some(channel.id), &values);
    }
    for member in state.channels.members() {
        let own = channels.iter().find(|channel| channel.full_name == member.channel);
        let channel = own.map_or(STANDARD.to_owned(), |channel| channel.id.to_string());
        let filter = member.filter.as_ref().map(|filter| text(filter.text()));
        let values = [
            ("DeveloperName", text(member.full_name.as_str())),
            ("EventChannel", text(channel)),
            ("SelectedEntity", text(member.entity())),
            ("FilterExpression", filter.unwrap_or(Value::Null)),
        ];
        writer.put("PlatformEventChannelMember", Some(member.id), &values);
        for field in &member.enriched {
            let values =
                [("ChannelMemberId", Value::Id(member.id)), ("Field", text(field.as_str()))];
            writer.put("EnrichedField", None, &values);
        }
    }
}
