//! Outbound messages that were set up, and the rules that send them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::deliver::{Subscription, SubscriptionKind, Wrapper};
use crate::ids::RecordId;
use crate::org::{Entry, EntryKind, Row};
use crate::sandbox::State;
use crate::schema::{FieldKind, ObjectType};
use crate::soap::Element;

/// When a rule looks at a save. Source: Metadata API guide, `WorkflowRule`, `triggerType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    /// When a row is created.
    CreateOnly,
    /// When a row is created, or comes to fulfil the criteria.
    CreateOrTriggeringUpdate,
    /// At every save.
    AllChanges,
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq)]
struct Criterion {
    place: usize,
    kind: FieldKind,
    value: String,
    is_equal: bool,
}

impl Criterion {
    fn holds(&self, row: &Row) -> bool {
        let text = row.get(self.place).to_xml_text(self.kind).unwrap_or_default();
        (text.to_lowercase() == self.value.to_lowercase()) == self.is_equal
    }
}

/// A rule that sends an outbound message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    trigger: Trigger,
    criteria: Vec<Criterion>,
}

impl Rule {
    /// Tells whether the rule sends its message for a save.
    #[must_use]
    pub(crate) fn fires(&self, entry: &Entry) -> bool {
        let is_met = |row: &Row| self.criteria.iter().all(|criterion| criterion.holds(row));
        let is_new = entry.kind == EntryKind::Create;
        let was_met = entry.before.as_ref().is_some_and(is_met);
        is_met(&entry.after)
            && match self.trigger {
                Trigger::CreateOnly => is_new,
                Trigger::CreateOrTriggeringUpdate => is_new || !was_met,
                Trigger::AllChanges => true,
            }
    }
}

/// A rule with what it needs to be set up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedRule {
    pub(super) full_name: String,
    is_active: bool,
    /// Messages that it sends.
    pub(super) messages: Vec<String>,
    rule: Rule,
}

/// An outbound message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutboundMessage {
    /// Name, without the object.
    pub(crate) name: String,
    /// Object whose rows it tells.
    pub(crate) object: String,
    /// Where it is sent.
    pub(crate) url: String,
    /// Fields it tells.
    pub(crate) fields: Vec<String>,
}

/// What a workflow file sets up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Workflow {
    pub(super) messages: Vec<OutboundMessage>,
    pub(super) rules: Vec<NamedRule>,
}

fn text(element: &Element, name: &str) -> String {
    element.text_at(&[name]).unwrap_or_default().to_owned()
}

/// Reads an outbound message; an error says what the platform would.
pub(super) fn read_message(
    object: &ObjectType,
    element: &Element,
    username: &str,
) -> Result<OutboundMessage, String> {
    let url = text(element, "endpointUrl");
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(format!("In field: endpointUrl - not a valid URL: {url}"));
    }
    let user = text(element, "integrationUser");
    if !user.eq_ignore_ascii_case(username) {
        return Err(format!("In field: integrationUser - no User named {user} found"));
    }
    let fields: Vec<String> = element.all("fields").map(|it| it.text.trim().to_owned()).collect();
    if let Some(unknown) = fields.iter().find(|name| object.field(name).is_none()) {
        return Err(format!(
            "In field: fields - no CustomField named {}.{unknown} found",
            object.name
        ));
    }
    if fields.is_empty() {
        return Err("Required field is missing: fields".to_owned());
    }
    Ok(OutboundMessage {
        name: text(element, "fullName"),
        object: object.name.clone(),
        url,
        fields,
    })
}

/// Reads a rule; an error says what the platform would, or what the sandbox cannot do.
pub(super) fn read_rule(object: &ObjectType, element: &Element) -> Result<NamedRule, String> {
    let trigger = match text(element, "triggerType").as_str() {
        "onCreateOnly" => Trigger::CreateOnly,
        "onCreateOrTriggeringUpdate" => Trigger::CreateOrTriggeringUpdate,
        "onAllChanges" => Trigger::AllChanges,
        other => return Err(format!("In field: triggerType - not a valid value: {other}")),
    };
    let formula = text(element, "formula");
    if !formula.is_empty() && !formula.eq_ignore_ascii_case("true") {
        return Err(format!("the sandbox knows the formula `true` only, not: {formula}"));
    }
    let criteria =
        element.all("criteriaItems").map(|it| criterion(object, it)).collect::<Result<_, _>>()?;
    let actions = element.all("actions").filter(|it| text(it, "type") == "OutboundMessage");
    Ok(NamedRule {
        full_name: text(element, "fullName"),
        is_active: text(element, "active") == "true",
        messages: actions.map(|action| text(action, "name")).collect(),
        rule: Rule { trigger, criteria },
    })
}

fn criterion(object: &ObjectType, element: &Element) -> Result<Criterion, String> {
    let named = text(element, "field");
    let name = named.split_once('.').map_or(named.as_str(), |(_, field)| field);
    let (place, field) = object
        .field(name)
        .ok_or_else(|| format!("In field: field - no CustomField named {named} found"))?;
    let is_equal = match text(element, "operation").as_str() {
        "equals" => true,
        "notEqual" => false,
        other => return Err(format!("the sandbox knows equals and notEqual only, not: {other}")),
    };
    Ok(Criterion { place, kind: field.kind, value: text(element, "value"), is_equal })
}

#[derive(Debug, Default)]
struct Kept {
    /// Messages with the subscriber that each became, by object and name.
    messages: BTreeMap<(String, String), (OutboundMessage, Option<RecordId>)>,
    rules: BTreeMap<(String, String), NamedRule>,
}

/// All outbound messages that were set up.
#[derive(Debug, Default)]
pub(crate) struct OutboundMessages(Mutex<Kept>);

impl OutboundMessages {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all messages, each with the id of its action where it is sent.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<(OutboundMessage, Option<RecordId>)> {
        self.kept().messages.values().cloned().collect()
    }

    /// Tells whether a message was set up, so that rules may send it.
    pub(super) fn knows(&self, object: &str, name: &str) -> bool {
        self.kept().messages.contains_key(&(object.to_owned(), name.to_owned()))
    }

    /// Sets messages and rules up, in place of those with their names, and begins to send.
    pub(super) fn set_up(&self, state: &Arc<State>, object: &str, workflow: Workflow) {
        let mut kept = self.kept();
        for message in workflow.messages {
            let key = (object.to_owned(), message.name.clone());
            let known = kept.messages.remove(&key).and_then(|(_, id)| id);
            kept.messages.insert(key, (message, known));
        }
        for rule in workflow.rules {
            kept.rules.insert((object.to_owned(), rule.full_name.clone()), rule);
        }
        let Kept { messages, rules } = &mut *kept;
        for ((on, name), (message, id)) in messages.iter_mut().filter(|((on, _), _)| on == object) {
            let active: Vec<Rule> = rules
                .iter()
                .filter(|((of, _), rule)| {
                    of == on && rule.is_active && rule.messages.contains(name)
                })
                .map(|(_, rule)| rule.rule.clone())
                .collect();
            if let Some(old) = id.take() {
                state.deliveries.remove(old);
            }
            if active.is_empty() {
                continue;
            }
            match state.deliveries.add_ruled(state, subscription(message), active) {
                Ok(made) => *id = Some(made),
                Err(error) => {
                    let error = error.without_url();
                    tracing::error!(error = %error, "outbound message `{name}` cannot be sent");
                }
            }
        }
    }
}

fn subscription(message: &OutboundMessage) -> Subscription {
    Subscription {
        kind: SubscriptionKind::OutboundMessage,
        objects: vec![message.object.clone()],
        fields: message.fields.clone(),
        url: message.url.clone(),
        wrapper: Wrapper::None,
        headers: BTreeMap::new(),
    }
}
