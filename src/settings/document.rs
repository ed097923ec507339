//! What was written in all places together, and where each part of it came from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use shared::config::{Fault, Step, steps};

use super::origin::Origin;

/// All that was written; what is laid later hides what was laid before.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    root: Value,
    origins: BTreeMap<String, Origin>,
}

impl Default for Document {
    fn default() -> Self {
        Self { root: Value::Object(Map::new()), origins: BTreeMap::new() }
    }
}

impl Document {
    /// Returns the whole.
    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    /// Writes the table or value `name` of the whole, as it is.
    pub(crate) fn lay_whole(&mut self, name: &str, value: Value) {
        if let Some(root) = self.root.as_object_mut() {
            root.insert(name.to_owned(), value);
        }
    }

    /// Writes `value` at `path`; a list grows by one at most.
    ///
    /// # Errors
    ///
    /// When `path` leads nowhere.
    pub(crate) fn lay(&mut self, path: &str, value: Value, origin: &Origin) -> Result<(), Fault> {
        let nowhere = || Fault::new(path, "leads nowhere: write the path of a setting");
        let mut at = &mut self.root;
        for step in steps(path).ok_or_else(nowhere)? {
            at = match step {
                Step::Key(name) => {
                    if at.is_null() {
                        *at = Value::Object(Map::new());
                    }
                    at.as_object_mut().ok_or_else(nowhere)?.entry(name).or_insert(Value::Null)
                }
                Step::Idx(idx) => {
                    if at.is_null() {
                        *at = Value::Array(Vec::new());
                    }
                    let list = at.as_array_mut().ok_or_else(nowhere)?;
                    if idx == list.len() {
                        list.push(Value::Null);
                    }
                    list.get_mut(idx).ok_or_else(nowhere)?
                }
            };
        }
        *at = value;
        self.note(path, origin.clone());
        Ok(())
    }

    /// Notes where what stands at `path` came from, and all below it.
    pub(crate) fn note(&mut self, path: &str, origin: Origin) {
        let is_below =
            |it: &str| it.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
        self.origins.retain(|it, _| !is_below(it));
        self.origins.insert(path.to_owned(), origin);
    }

    /// Returns where what stands at `path` came from.
    pub(crate) fn origin(&self, path: &str) -> &Origin {
        let mut at = path;
        loop {
            if let Some(origin) = self.origins.get(at) {
                return origin;
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = at.get(..end).unwrap_or_default(),
                None => return &Origin::Default,
            }
        }
    }

    /// Adds to `fault` where what is wrong was written.
    pub(crate) fn located(&self, fault: Fault) -> Fault {
        let below = || {
            let mut all = self.origins.iter();
            all.find(|(it, _)| is_below(it, &fault.path)).map(|(_, origin)| origin)
        };
        let origin = match self.origin(&fault.path) {
            Origin::Default => below(),
            origin => Some(origin),
        };
        match origin {
            Some(origin) => Fault { what: format!("{} ({origin})", fault.what), ..fault },
            None => fault,
        }
    }
}

fn is_below(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn later_layer_hides_an_earlier_one_and_keeps_the_rest() {
        let file = |line| Origin::File { path: "moodbridge.toml".into(), line };
        let mut document = Document::default();
        document.lay("connections[0].login_url", json!("a"), &file(3)).unwrap();
        document.lay("connections[0].connection", json!("main"), &file(4)).unwrap();
        let variable = Origin::Environment { name: "X".into() };

        document.lay("connections[0].login_url", json!("b"), &variable).unwrap();

        assert_eq!(
            document.root(),
            &json!({"connections": [{"connection": "main", "login_url": "b"}]})
        );
        assert_eq!(document.origin("connections[0].login_url"), &variable);
        assert_eq!(document.origin("connections[0].connection.x"), &file(4));
        assert_eq!(document.origin("poll.every"), &Origin::Default);
        assert!(document.lay("connections[7].x", json!(1), &variable).is_err());
    }
}
