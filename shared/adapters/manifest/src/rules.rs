//! Rules of a manifest that concern more than one value.

use std::collections::BTreeSet;

use shared::config::parse_duration;
use shared::model::Entity;

use crate::fault::Faults;
use crate::manifest::{
    AuthRule, Condition, FieldKind, FieldRule, Flow, Manifest, Order, Paging, Stream,
};
use crate::placeholder::names;
use crate::shape::hint;
use crate::tree::Node;

/// Settings of every connection, which a manifest cannot declare again.
pub(crate) const RESERVED: [&str; 4] = ["connection", "platform", "base_url", "auth"];

/// Notes every rule that `manifest`, read from `tree`, breaks.
pub(crate) fn check(manifest: &Manifest, tree: &Node, faults: &mut Faults<'_>) {
    check_settings(manifest, tree, faults);
    check_auth(manifest, tree, faults);
    check_rate(manifest, tree, faults);
    for (idx, rule) in manifest.errors.iter().enumerate() {
        let idx = idx.to_string();
        let path = ["errors", idx.as_str()];
        if rule.header.is_some() != rule.equals.is_some() {
            faults.at(tree, &path, "`header` and `equals` go together: write both or neither");
        }
        if rule.at.is_some() != rule.contains.is_some() {
            faults.at(tree, &path, "`at` and `contains` go together: write both or neither");
        }
        if rule.status.is_none() && rule.header.is_none() && rule.at.is_none() {
            faults.at(tree, &path, "fits every answer: add `status`, `header` or `at`");
        }
    }
    if manifest.streams.is_empty() {
        faults.at(tree, &["streams"], "is empty: declare one stream at least");
    }
    placeholders(manifest, tree, &["health", "path"], &manifest.health.path, &[], faults);
    for (object, stream) in &manifest.streams {
        check_stream(manifest, object, stream, tree, faults);
    }
}

fn check_settings(manifest: &Manifest, tree: &Node, faults: &mut Faults<'_>) {
    placeholders(manifest, tree, &["base_url"], &manifest.base_url, &[], faults);
    let texts: Vec<&String> = [&manifest.base_url, &manifest.health.path]
        .into_iter()
        .chain(manifest.streams.values().flat_map(|it| [&it.path, &it.read_path]))
        .chain(manifest.auth.iter().flat_map(AuthRule::addresses))
        .collect();
    for (name, rule) in &manifest.settings {
        let path = ["settings", name.as_str()];
        if RESERVED.contains(&name.as_str()) {
            faults.at(tree, &path, "is a setting of every connection: choose another name");
        }
        if !texts.iter().any(|it| names(it).contains(&name.as_str())) {
            let text = format!("is not used: write `{{{name}}}` where it belongs, or remove it");
            faults.at(tree, &path, text);
        }
        if let Some(default) = &rule.default
            && !rule.one_of.is_empty()
            && !rule.one_of.contains(default)
        {
            let known: Vec<_> = rule.one_of.iter().map(String::as_str).collect();
            let text = format!("`{default}` is not in `one_of`{}", hint(default, &known));
            faults.at(tree, &["settings", name, "default"], text);
        }
    }
}

fn check_auth(manifest: &Manifest, tree: &Node, faults: &mut Faults<'_>) {
    let mut kinds = BTreeSet::new();
    if manifest.auth.is_empty() {
        faults.at(tree, &["auth"], "is empty: declare one way to sign in at least");
    }
    for (idx, rule) in manifest.auth.iter().enumerate() {
        let idx = idx.to_string();
        let path = ["auth", idx.as_str()];
        if !kinds.insert(rule.kind()) {
            faults.at(tree, &path, format!("`{}` is declared twice", rule.kind()));
        }
        for address in rule.addresses() {
            placeholders(manifest, tree, &path, address, &[], faults);
        }
        match rule {
            AuthRule::ApiKey { header, query, .. } if header.is_some() == query.is_some() => {
                faults.at(tree, &path, "write one of `header` and `query`");
            }
            AuthRule::Oauth2 { flows, authorize_url, .. } => {
                if flows.is_empty() {
                    faults.at(tree, &path, "`flows` is empty: name one at least");
                }
                let asks = flows.contains(&Flow::AuthorizationCode);
                if asks && authorize_url.is_none() {
                    let text = "`authorize_url` is missing: `authorization_code` needs it";
                    faults.at(tree, &path, text);
                }
            }
            _ => {}
        }
    }
}

fn check_rate(manifest: &Manifest, tree: &Node, faults: &mut Faults<'_>) {
    let rate = &manifest.rate_limit;
    if rate.calls.is_some() != rate.per.is_some() {
        faults.at(tree, &["rate_limit"], "`calls` and `per` go together: write both or neither");
    }
    if rate.per.as_deref().is_some_and(|it| parse_duration(it).is_ok_and(|it| it.is_zero())) {
        faults.at(tree, &["rate_limit", "per"], "is no time at all: write such as `60s`");
    }
    if rate.reset_header.is_some() && rate.remaining_header.is_none() {
        let text = "needs `remaining_header`: without it nobody knows when to wait";
        faults.at(tree, &["rate_limit", "reset_header"], text);
    }
}

fn placeholders(
    manifest: &Manifest,
    tree: &Node,
    path: &[&str],
    text: &str,
    own: &[&str],
    faults: &mut Faults<'_>,
) {
    let known: Vec<&str> =
        manifest.settings.keys().map(String::as_str).chain(own.iter().copied()).collect();
    for name in names(text) {
        if known.contains(&name) {
            continue;
        }
        let hint = if known.is_empty() {
            ": declare it below `settings`".into()
        } else {
            hint(name, &known)
        };
        faults.at(tree, path, format!("`{{{name}}}` is not a setting{hint}"));
    }
}

fn check_stream(
    manifest: &Manifest,
    object: &str,
    stream: &Stream,
    tree: &Node,
    faults: &mut Faults<'_>,
) {
    let at = |rest: &[&'static str]| -> Vec<&str> {
        ["streams", object].into_iter().chain(rest.iter().copied()).collect()
    };
    placeholders(manifest, tree, &at(&["path"]), &stream.path, &[], faults);
    placeholders(manifest, tree, &at(&["read_path"]), &stream.read_path, &["id"], faults);
    if !names(&stream.read_path).contains(&"id") {
        faults.at(tree, &at(&["read_path"]), "has no `{id}`: write such as `matters/{id}`");
    }
    check_params(stream, tree, &at(&["params"]), faults);
    for condition in stream.deleted.iter() {
        check_condition(condition, tree, &at(&["deleted"]), faults);
    }
    for condition in &stream.skip {
        check_condition(condition, tree, &at(&["skip"]), faults);
    }
    let mut columns = BTreeSet::new();
    for (name, field) in &stream.fields {
        let path = ["streams", object, "fields", name];
        check_field(manifest, stream.entity, field, tree, &path, faults);
        if !columns.insert(&field.to) {
            let text = format!("column `{}` is filled by another field already", field.to);
            faults.at(tree, &path, text);
        }
    }
}

/// What the reader writes into the query by itself must not stand in `params` too.
fn check_params(stream: &Stream, tree: &Node, path: &[&str], faults: &mut Faults<'_>) {
    let mut own: Vec<&str> = Vec::new();
    match &stream.paging {
        Paging::Cursor { param, .. } => own.push(param),
        Paging::Offset { param, size_param, .. } | Paging::Page { param, size_param, .. } => {
            own.extend([param.as_str(), size_param.as_str()]);
        }
        Paging::None {} | Paging::LinkHeader {} | Paging::NextUrl { .. } => {}
    }
    if let Some(incremental) = &stream.incremental {
        own.push(&incremental.param);
        own.extend(incremental.until_param.as_deref());
        if incremental.order == Order::Version && stream.params.is_empty() {
            let text = "are needed: `incremental.order: version` says that the oldest change \
                        comes first, so write the parameters that ask for that order";
            faults.at(tree, path, text);
        }
    }
    for name in own.iter().filter(|it| stream.params.contains_key(**it)) {
        let text = format!("`{name}` is written by `paging` or `incremental`: remove it here");
        faults.at(tree, path, text);
    }
}

fn check_condition(condition: &Condition, tree: &Node, path: &[&str], faults: &mut Faults<'_>) {
    if condition.equals.is_some() == condition.present.is_some() {
        faults.at(tree, path, "write one of `equals` and `present`");
    }
}

fn check_field(
    manifest: &Manifest,
    entity: Entity,
    field: &FieldRule,
    tree: &Node,
    path: &[&str],
    faults: &mut Faults<'_>,
) {
    if let Some(condition) = &field.when {
        check_condition(condition, tree, path, faults);
    }
    if field.otherwise.is_some() && field.values.is_none() {
        faults.at(tree, path, "`otherwise` needs `values`");
    }
    if !entity.columns().contains(&field.to.as_str()) {
        let text = format!(
            "`{}` is not a column of `{entity}`{}",
            field.to,
            hint(&field.to, entity.columns())
        );
        faults.at(tree, path, text);
        return;
    }
    let wanted = kinds_of_column(&field.to);
    if !wanted.contains(&field.kind) {
        let names: Vec<_> = wanted.iter().map(|it| format!("`type: {}`", word(*it))).collect();
        let text = format!("column `{}` needs {}", field.to, names.join(" or "));
        faults.at(tree, path, text);
    }
    match (field.kind, &field.object) {
        (FieldKind::Reference, Some(object)) => {
            check_reference(manifest, &field.to, object, tree, path, faults);
        }
        (FieldKind::Reference, None) => {
            faults.at(tree, path, "`object` is missing: name the stream that it points into");
        }
        (_, Some(_)) => faults.at(tree, path, "`object` is only for `type: reference`"),
        (_, None) => {}
    }
}

fn check_reference(
    manifest: &Manifest,
    column: &str,
    object: &str,
    tree: &Node,
    path: &[&str],
    faults: &mut Faults<'_>,
) {
    let known: Vec<_> = manifest.streams.keys().map(String::as_str).collect();
    let Some(stream) = manifest.streams.get(object) else {
        faults.at(tree, path, format!("`{object}` is not a stream{}", hint(object, &known)));
        return;
    };
    let wanted = if column == "contact_id" { Entity::Contact } else { Entity::Account };
    if stream.entity != wanted {
        let text =
            format!("`{column}` points at `{wanted}`, but `{object}` is `{}`", stream.entity);
        faults.at(tree, path, text);
    }
}

/// Returns what a column can be filled with.
fn kinds_of_column(column: &str) -> &'static [FieldKind] {
    match column {
        "account_id" | "contact_id" => &[FieldKind::Reference],
        "is_closed" => &[FieldKind::Bool],
        "opened_at" | "closed_at" => &[FieldKind::Date, FieldKind::Datetime],
        _ => &[FieldKind::Text],
    }
}

fn word(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Bool => "bool",
        FieldKind::Date => "date",
        FieldKind::Datetime => "datetime",
        FieldKind::Reference => "reference",
    }
}
