//! What each route asks of its callers: declared where the route is registered, or it is not served.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use serde_json::{Map, Value, json};
use shared::auth::Permission;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::api::Api;

/// What a route asks of its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: it holds no data of the firm.
    Open,
    /// A token, whoever it stands for.
    SignedIn,
    /// A token whose roles give this permission.
    Needs(Permission),
}

/// What each method of each path asks for, by the path as it is served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors(BTreeMap<String, BTreeMap<String, Access>>);

impl Doors {
    /// Returns what the methods of `path` ask for; `None` when nothing was declared for it.
    pub(crate) fn at(&self, path: &str) -> Option<&BTreeMap<String, Access>> {
        self.0.get(path)
    }

    /// Returns what `method` of `path` asks for. A `HEAD` asks for what its `GET` does.
    pub(crate) fn ask(&self, path: &str, method: &Method) -> Option<Access> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.at(path)?.get(method.as_str()).copied()
    }

    /// Adds what `other` asks for.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Writes into the document of `operation` what it asks for, and how it refuses.
    pub(crate) fn annotate(&self, path: &str, method: &str, operation: &mut Value) {
        let asked = self.at(path).and_then(|it| it.get(&method.to_ascii_uppercase()));
        let Some(operation) = operation.as_object_mut() else { return };
        let security = match asked {
            Some(Access::Open) => json!([]),
            _ => json!([{ SCHEME: [] }]),
        };
        operation.insert("security".to_owned(), security);
        if let Some(Access::Needs(permission)) = asked {
            operation.insert("x-permission".to_owned(), permission.as_str().into());
        }
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
        let (Some(asked), Some(responses)) = (asked, responses) else { return };
        if *asked != Access::Open {
            refuse(responses, "401", "No token came, or it was not accepted: sign in");
        }
        if let Access::Needs(permission) = asked {
            let description = format!("None of the person's roles gives `{permission}`");
            refuse(responses, "403", &description);
        }
    }
}

/// The name of the security scheme in the document.
pub(crate) const SCHEME: &str = "bearer";

fn refuse(responses: &mut Map<String, Value>, status: &str, description: &str) {
    let challenge = json!({"schema": {"type": "string"},
        "description": "What is wrong with the token, after RFC 6750"});
    let problem = json!({"application/problem+json":
        {"schema": {"$ref": "#/components/schemas/Problem"}}});
    let entry = responses
        .entry(status)
        .or_insert_with(|| json!({"description": description, "content": problem, "headers": {}}));
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("headers".to_owned(), json!({ "WWW-Authenticate": challenge }));
    }
}

/// Routes with what they ask for: there is no way to add one without.
pub(crate) struct GuardedRoutes {
    prefix: &'static str,
    routes: OpenApiRouter<Arc<Api>>,
    doors: Doors,
}

impl GuardedRoutes {
    /// Begins without routes; they will be served below `prefix`.
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { prefix, routes: OpenApiRouter::new(), doors: Doors::default() }
    }

    /// Adds what `routes!` made, which asks `access` of its callers.
    pub(crate) fn route(mut self, access: Access, added: UtoipaMethodRouter<Arc<Api>>) -> Self {
        for (path, item) in &added.1.paths {
            let methods = self.doors.0.entry(format!("{}{path}", self.prefix)).or_default();
            methods.extend(methods_of(item).map(|it| (it.to_owned(), access)));
        }
        Self { routes: self.routes.routes(added), ..self }
    }

    /// Adds what `more` adds.
    pub(crate) fn and(self, more: fn(Self) -> Self) -> Self {
        more(self)
    }

    /// Returns the routes and what each asks for.
    pub(crate) fn finish(self) -> (OpenApiRouter<Arc<Api>>, Doors) {
        (self.routes, self.doors)
    }
}

fn methods_of(item: &PathItem) -> impl Iterator<Item = &'static str> {
    let given: [(&Option<Operation>, &'static str); 5] = [
        (&item.get, "GET"),
        (&item.put, "PUT"),
        (&item.post, "POST"),
        (&item.delete, "DELETE"),
        (&item.patch, "PATCH"),
    ];
    given.into_iter().filter(|(operation, _)| operation.is_some()).map(|(_, method)| method)
}
