//! A package of the Metadata API: `package.xml` and the files it names.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::zip::{ZippedFile, unzip};
use crate::soap::Element;

/// The kinds of components that the sandbox takes, and where their files lie.
const KINDS: [(&str, &str, &str); 4] = [
    ("CustomObject", "objects/", ".object"),
    ("PlatformEventChannel", "platformEventChannels/", ".platformEventChannel"),
    ("PlatformEventChannelMember", "platformEventChannelMembers/", ".platformEventChannelMember"),
    ("Workflow", "workflows/", ".workflow"),
];

/// Kinds that stand inside the file of another component.
const NESTED: [&str; 3] = ["CustomField", "WorkflowOutboundMessage", "WorkflowRule"];

/// A file of the package that was understood.
#[derive(Clone, Debug)]
pub(super) struct Component {
    /// Its kind, such as `Workflow`.
    pub(super) kind: &'static str,
    /// Its name, such as `Case`.
    pub(super) full_name: String,
    /// Its file.
    pub(super) file_name: String,
    /// What it holds.
    pub(super) root: Element,
}

/// Why a component cannot be deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: String,
    pub(super) full_name: String,
    pub(super) file_name: String,
    pub(super) problem: String,
}

impl Problem {
    /// A problem of the package as a whole.
    pub(super) fn of_package(problem: impl Into<String>) -> Self {
        let problem = problem.into();
        let (kind, full_name) = (String::new(), "package.xml".to_owned());
        Self { kind, full_name, file_name: "package.xml".to_owned(), problem }
    }
}

/// Reads an archive: its components in the order in which they need each other, and what is wrong.
pub(super) fn read(archive: &[u8]) -> (Vec<Component>, Vec<Problem>) {
    let Some(files) = unzip(archive) else {
        return (Vec::new(), vec![Problem::of_package("The zip file is not valid")]);
    };
    let manifest = files.iter().find(|file| file.name == "package.xml");
    let named = manifest.and_then(|file| Element::parse(std::str::from_utf8(&file.bytes).ok()?));
    let Some(named) = named.filter(|root| root.name == "Package") else {
        return (Vec::new(), vec![Problem::of_package("No package.xml found")]);
    };
    let mut problems = Vec::new();
    let mut wanted = wanted(&named, &mut problems);
    let mut components = Vec::new();
    for file in files.iter().filter(|file| file.name != "package.xml") {
        match component(file) {
            Some(component) => {
                let members = wanted.get_mut(component.kind);
                let is_named = members.is_some_and(|members| {
                    let before = members.len();
                    let is_for_all = members.iter().any(|member| member == "*");
                    members.retain(|member| *member != component.full_name);
                    is_for_all || members.len() < before
                });
                if is_named || holds_nested(&named, &component) {
                    components.push(component);
                } else {
                    problems.push(Problem {
                        kind: component.kind.to_owned(),
                        full_name: component.full_name,
                        file_name: component.file_name,
                        problem: "Not in package.xml".to_owned(),
                    });
                }
            }
            None => problems.push(Problem {
                kind: String::new(),
                full_name: String::new(),
                file_name: file.name.clone(),
                problem: format!("A file that is not understood was found: {}", file.name),
            }),
        }
    }
    for (kind, members) in wanted {
        for member in members.into_iter().filter(|member| member != "*") {
            let problem = format!(
                "An object '{member}' of type {kind} was named in package.xml, but was not found in zipped directory"
            );
            let full_name = member;
            let file_name = "package.xml".to_owned();
            problems.push(Problem { kind: kind.clone(), full_name, file_name, problem });
        }
    }
    components.sort_by_key(|it| KINDS.iter().position(|(kind, ..)| *kind == it.kind));
    (components, problems)
}

/// Returns the members that `package.xml` names, by kind; those that stand inside others are left out.
fn wanted(named: &Element, problems: &mut Vec<Problem>) -> BTreeMap<String, Vec<String>> {
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for types in named.all("types") {
        let kind = types.text_at(&["name"]).unwrap_or_default().to_owned();
        if NESTED.contains(&kind.as_str()) {
            continue;
        }
        if !KINDS.iter().any(|(known, ..)| *known == kind) {
            let problem = format!("Unknown type name '{kind}' specified in package.xml");
            problems.push(Problem::of_package(problem));
            continue;
        }
        let members = types.all("members").map(|member| member.text.trim().to_owned());
        wanted.entry(kind).or_default().extend(members);
    }
    wanted
}

/// Tells whether `package.xml` names something that stands inside a component.
fn holds_nested(named: &Element, component: &Component) -> bool {
    let prefix = format!("{}.", component.full_name);
    named
        .all("types")
        .filter(|types| NESTED.contains(&types.text_at(&["name"]).unwrap_or_default()))
        .flat_map(|types| types.all("members"))
        .any(|member| member.text.trim().starts_with(&prefix))
}

fn component(file: &ZippedFile) -> Option<Component> {
    KINDS.iter().find_map(|(kind, folder, ending)| {
        let full_name = file.name.strip_prefix(folder)?.strip_suffix(ending)?.to_owned();
        let root = Element::parse(std::str::from_utf8(&file.bytes).ok()?)?;
        (root.name == *kind).then(|| Component {
            kind,
            full_name,
            file_name: file.name.clone(),
            root,
        })
    })
}

/// Turns an element into the JSON that the Tooling API would take for it.
pub(super) fn json(element: &Element) -> Json {
    if element.children.is_empty() {
        return Json::from(element.text.trim());
    }
    let mut all = Map::new();
    for child in &element.children {
        let value = json(child);
        match all.get_mut(&child.name) {
            None => {
                all.insert(child.name.clone(), value);
            }
            Some(Json::Array(known)) => known.push(value),
            Some(known) => *known = Json::Array(vec![known.take(), value]),
        }
    }
    Json::Object(all)
}
