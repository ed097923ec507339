//! Deployments: packages that are checked as a whole and then set up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::channels::{Channels, MemberWish};
use super::custom_field;
use super::package::{self, Component, Problem};
use super::workflow::{Workflow, read_message, read_rule};
use crate::ids::RecordId;
use crate::org::instant_text;
use crate::sandbox::State;
use crate::schema::{AlterError, Alteration, Schema};

/// How long a deployment takes by the org's clock, in milliseconds.
const TAKES_MS: i64 = 300;

/// A deployment that is under way or done.
#[derive(Clone, Debug)]
struct Deployment {
    options: Json,
    archive: Arc<[u8]>,
    begun_ms: i64,
    /// What came of it.
    outcome: Option<Outcome>,
}

/// What came of a deployment.
#[derive(Clone, Debug, Default)]
struct Outcome {
    done_ms: i64,
    successes: Vec<Json>,
    failures: Vec<Json>,
    is_success: bool,
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    all: BTreeMap<RecordId, Deployment>,
}

/// All deployments.
#[derive(Debug, Default)]
pub(crate) struct Deployments(Mutex<Kept>);

impl Deployments {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a package.
    pub(super) fn begin(&self, options: Json, archive: &[u8], now_ms: i64) -> RecordId {
        let mut kept = self.kept();
        kept.last += 1;
        let id = RecordId::new(*b"0Af", kept.last);
        let archive = Arc::from(archive);
        kept.all.insert(id, Deployment { options, archive, begun_ms: now_ms, outcome: None });
        id
    }

    /// Returns the `deployOptions` and the `deployResult` of a deployment.
    pub(super) fn tell(
        &self,
        id: RecordId,
        user: RecordId,
        with_details: bool,
        now_ms: i64,
    ) -> Option<(Json, Json)> {
        let kept = self.kept();
        let deployment = kept.all.get(&id)?;
        let result = result(id, deployment, user, with_details, now_ms);
        Some((deployment.options.clone(), result))
    }

    /// Sets up what is due.
    pub(crate) fn run_due(&self, state: &Arc<State>) {
        let now_ms = state.clock().now_ms();
        let due: Vec<(RecordId, Deployment)> = {
            let kept = self.kept();
            let is_due = |it: &Deployment| it.outcome.is_none() && now_ms - it.begun_ms >= TAKES_MS;
            kept.all.iter().filter(|(_, it)| is_due(it)).map(|(id, it)| (*id, it.clone())).collect()
        };
        for (id, deployment) in due {
            let outcome = run(state, &deployment, now_ms);
            if let Some(known) = self.kept().all.get_mut(&id) {
                known.outcome = Some(outcome);
            }
        }
    }
}

fn option(options: &Json, name: &str) -> bool {
    options.get(name).and_then(Json::as_bool).unwrap_or(false)
}

/// Writes what is known of a deployment.
fn result(
    id: RecordId,
    deployment: &Deployment,
    user: RecordId,
    with_details: bool,
    now_ms: i64,
) -> Json {
    let date = |ms: i64| instant_text(ms.div_euclid(1000), "+0000");
    let begun = date(deployment.begun_ms);
    let mut told = json!({
        "id": id.to_string(), "checkOnly": option(&deployment.options, "checkOnly"),
        "rollbackOnError": option(&deployment.options, "rollbackOnError"),
        "ignoreWarnings": option(&deployment.options, "ignoreWarnings"),
        "createdBy": user.to_string(), "createdByName": "Sandbox Admin", "createdDate": begun,
        "startDate": begun, "runTestsEnabled": false,
        "numberTestErrors": 0, "numberTestsCompleted": 0, "numberTestsTotal": 0,
    });
    let Some(map) = told.as_object_mut() else { return told };
    let outcome = deployment.outcome.clone();
    let is_done = outcome.is_some();
    let Outcome { done_ms, successes, failures, is_success } = outcome.unwrap_or_default();
    let status = match (is_done, is_success) {
        (false, _) if now_ms == deployment.begun_ms => "Pending",
        (false, _) => "InProgress",
        (true, true) => "Succeeded",
        (true, false) => "Failed",
    };
    let more = json!({
        "status": status, "done": is_done, "success": is_success,
        "numberComponentErrors": failures.len(), "numberComponentsDeployed": successes.len(),
        "numberComponentsTotal": successes.len() + failures.len(),
        "lastModifiedDate": date(if is_done { done_ms } else { now_ms }),
    });
    if let Json::Object(more) = more {
        map.extend(more);
    }
    if is_done {
        map.insert("completedDate".to_owned(), json!(date(done_ms)));
    }
    if with_details {
        let tests = json!({"codeCoverage": [], "failures": [], "successes": [], "numTestsRun": 0,
                           "numFailures": 0, "totalTime": 0.0});
        map.insert(
            "details".to_owned(),
            json!({
                "componentFailures": failures, "componentSuccesses": successes,
                "retrieveResult": null, "runTestResult": tests,
            }),
        );
    }
    told
}

/// What a package would set up, tried on copies.
struct Trial<'a> {
    state: &'a State,
    schema: Schema,
    channels: Channels,
    alterations: Vec<Alteration>,
    workflows: Vec<(String, Workflow)>,
    successes: Vec<Json>,
    problems: Vec<Problem>,
}

/// Checks a package and, if nothing is wrong with it, sets it up.
fn run(state: &Arc<State>, deployment: &Deployment, now_ms: i64) -> Outcome {
    let (components, problems) = package::read(&deployment.archive);
    let mut trial = Trial {
        state,
        schema: (*state.schema()).clone(),
        channels: state.channels.copy(),
        alterations: Vec::new(),
        workflows: Vec::new(),
        successes: Vec::new(),
        problems,
    };
    for component in &components {
        trial.take(component);
    }
    let Trial { channels, alterations, workflows, successes, problems, .. } = trial;
    let keeps_going = !option(&deployment.options, "rollbackOnError");
    let is_success = problems.is_empty();
    if (is_success || keeps_going) && !option(&deployment.options, "checkOnly") {
        for alteration in &alterations {
            // It was tried a moment ago; somebody else may have been faster.
            if let Err(error) = state.alter(alteration) {
                tracing::warn!(error = %error, "deployed field was not made");
            }
        }
        state.channels.replace(channels);
        for (object, workflow) in workflows {
            state.outbound_messages.set_up(state, &object, workflow);
        }
    }
    let failures = problems.into_iter().map(|it| {
        json!({"componentType": it.kind, "fullName": it.full_name, "fileName": it.file_name,
               "problem": it.problem, "problemType": "Error", "success": false, "created": false,
               "changed": false, "deleted": false})
    });
    let successes = if is_success || keeps_going { successes } else { Vec::new() };
    Outcome { done_ms: now_ms, successes, failures: failures.collect(), is_success }
}

impl Trial<'_> {
    fn take(&mut self, component: &Component) {
        match component.kind {
            "CustomObject" => self.object(component),
            "PlatformEventChannel" => {
                let label = component.root.text_at(&["label"]).unwrap_or_default().to_owned();
                let made = self.channels.add_or_relabel(&component.full_name, &label);
                self.note(
                    component,
                    component.kind,
                    &component.full_name,
                    made.map_err(|it| it.message),
                );
            }
            "PlatformEventChannelMember" => {
                let wish = wish(&component.full_name, &package::json(&component.root));
                let made = self.channels.select_or_reselect(&self.schema, wish);
                self.note(
                    component,
                    component.kind,
                    &component.full_name,
                    made.map_err(|it| it.message),
                );
            }
            _ => self.workflow(component),
        }
    }

    /// Notes what came of one thing: whether it is new, or what is wrong with it.
    fn note(&mut self, of: &Component, kind: &str, full_name: &str, made: Result<bool, String>) {
        match made {
            Ok(is_new) => self.successes.push(json!({
                "componentType": kind, "fullName": full_name, "fileName": of.file_name,
                "success": true, "created": is_new, "changed": !is_new, "deleted": false,
            })),
            Err(problem) => self.problems.push(Problem {
                kind: kind.to_owned(),
                full_name: full_name.to_owned(),
                file_name: of.file_name.clone(),
                problem,
            }),
        }
    }

    fn object(&mut self, component: &Component) {
        if self.schema.object(&component.full_name).is_none() {
            let problem = "The sandbox makes no new objects; fields of known ones only".to_owned();
            return self.note(component, component.kind, &component.full_name, Err(problem));
        }
        for element in component.root.all("fields") {
            let name = element.text_at(&["fullName"]).unwrap_or_default();
            let full_name = format!("{}.{name}", component.full_name);
            let made = self.field(&full_name, &package::json(element));
            self.note(component, "CustomField", &full_name, made);
        }
        self.note(component, component.kind, &component.full_name, Ok(false));
    }

    /// Makes a field, or changes the one that is there; tells whether it is new.
    fn field(&mut self, full_name: &str, metadata: &Json) -> Result<bool, String> {
        let new = custom_field::new_field(full_name, metadata).map_err(|it| it.message)?;
        let changed = custom_field::changed_field(full_name, metadata).map_err(|it| it.message)?;
        let (alteration, is_new) = match self.try_alter(&new) {
            Ok(()) => (new, true),
            Err(AlterError::Taken { .. }) => {
                self.try_alter(&changed).map_err(|error| error.to_string())?;
                (changed, false)
            }
            Err(error) => return Err(error.to_string()),
        };
        self.alterations.push(alteration);
        Ok(is_new)
    }

    fn try_alter(&mut self, alteration: &Alteration) -> Result<(), AlterError> {
        let name = alteration.object().to_owned();
        let known = self.schema.object(&name);
        let mut object =
            known.map(|it| (**it).clone()).ok_or(AlterError::UnknownObject { object: name })?;
        object.alter(alteration)?;
        self.schema = self.schema.with(&object);
        Ok(())
    }

    fn workflow(&mut self, component: &Component) {
        let Some(object) = self.schema.object(&component.full_name).cloned() else {
            let problem = format!("Entity of type '{}' not found", component.full_name);
            return self.note(component, component.kind, &component.full_name, Err(problem));
        };
        let mut workflow = Workflow::default();
        let named = |name: &str| format!("{}.{name}", object.name);
        for element in component.root.all("outboundMessages") {
            let read = read_message(&object, element, &self.state.settings.username);
            let name = named(element.text_at(&["fullName"]).unwrap_or_default());
            let made = read.map(|message| {
                let is_new = !self.state.outbound_messages.knows(&object.name, &message.name);
                workflow.messages.push(message);
                is_new
            });
            self.note(component, "WorkflowOutboundMessage", &name, made);
        }
        for element in component.root.all("rules") {
            let name = named(element.text_at(&["fullName"]).unwrap_or_default());
            let read = read_rule(&object, element).and_then(|rule| {
                let is_known = |name: &String| {
                    workflow.messages.iter().any(|message| message.name == *name)
                        || self.state.outbound_messages.knows(&object.name, name)
                };
                match rule.messages.iter().find(|name| !is_known(name)) {
                    Some(name) => Err(format!(
                        "In field: action - no WorkflowOutboundMessage named {} found",
                        named(name)
                    )),
                    None => Ok(rule),
                }
            });
            let made = read.map(|rule| {
                workflow.rules.push(rule);
                true
            });
            self.note(component, "WorkflowRule", &name, made);
        }
        self.note(component, component.kind, &component.full_name, Ok(false));
        self.workflows.push((object.name.clone(), workflow));
    }
}

/// Reads a member in the words of the Metadata API.
pub(super) fn wish(full_name: &str, metadata: &Json) -> MemberWish {
    let text = |key: &str| metadata.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let listed = |json: &Json| match json {
        Json::Array(all) => all.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let enriched = metadata.get("enrichedFields").map(listed).unwrap_or_default();
    MemberWish {
        full_name: full_name.to_owned(),
        channel: text("eventChannel"),
        entity: text("selectedEntity"),
        filter: Some(text("filterExpression")).filter(|text| !text.is_empty()),
        enriched: enriched
            .iter()
            .filter_map(|field| field.get("name").and_then(Json::as_str).map(str::to_owned))
            .collect(),
    }
}
