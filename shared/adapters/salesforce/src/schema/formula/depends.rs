//! Follows what a formula reads to the fields that people write.

use std::collections::BTreeSet;

use shared::ids::ObjectName;
use shared::sync::{Dependency, DependsOn, OtherCause};

use super::reading::read;
use crate::schema::{DescribeSet, FieldDescribe, ObjectDescribe};

/// Relationships that one formula can climb over, and formulas that can stand inside each other.
/// Source: formula limits, "Unique relationships per object" and compile size; generous.
const MAX_DEPTH: usize = 20;

/// Most fields that one formula is followed to, so that no description can make it endless.
const MAX_DEPENDENCIES: usize = 2_000;

/// Lists what each worked-out field of `object` is made from.
///
/// Formulas inside formulas are followed, also on parents; the references on the way count, since
/// another parent gives another value. What `describes` does not hold is named as far as it goes.
pub fn depends_on(object: &ObjectDescribe, describes: &DescribeSet) -> Vec<DependsOn> {
    let calculated = object.fields.iter().filter(|it| it.calculated);
    let each = calculated.map(|field| {
        let mut walk = Walk { describes, paths: BTreeSet::new(), causes: BTreeSet::new() };
        walk.formula(object, field, &Way::default());
        DependsOn {
            object: object.name().clone(),
            field: field.name.clone(),
            paths: walk.paths,
            causes: walk.causes,
        }
    });
    each.collect()
}

/// The way from the record to where a formula stands.
#[derive(Clone, Debug, Default)]
struct Way {
    via: Vec<String>,
    n_formulas: usize,
}

struct Walk<'a> {
    describes: &'a DescribeSet,
    paths: BTreeSet<Dependency>,
    causes: BTreeSet<OtherCause>,
}

impl<'a> Walk<'a> {
    fn formula(&mut self, object: &'a ObjectDescribe, field: &FieldDescribe, way: &Way) {
        let Some(formula) = &field.calculated_formula else {
            self.causes.insert(OtherCause::Children);
            return;
        };
        let is_too_deep = way.n_formulas >= MAX_DEPTH
            || way.via.len() >= MAX_DEPTH
            || self.paths.len() >= MAX_DEPENDENCIES;
        match read(formula) {
            Ok(reading) if !is_too_deep => {
                self.causes.extend(reading.causes);
                for path in &reading.paths {
                    let parts: Vec<&str> = path.split('.').collect();
                    self.follow(object, &parts, way);
                }
            }
            _ => {
                self.causes.insert(OtherCause::Unknown);
            }
        }
    }

    fn follow(&mut self, object: &'a ObjectDescribe, parts: &[&str], way: &Way) {
        match parts {
            [] => {}
            [field] => self.field(object, field, way),
            [relationship, rest @ ..] => self.parent(object, relationship, rest, way),
        }
    }

    fn field(&mut self, object: &'a ObjectDescribe, name: &str, way: &Way) {
        let Some(field) = object.field(name) else {
            self.depend(object.name(), name, way);
            self.causes.insert(OtherCause::Unseen);
            return;
        };
        let is_first = self.depend(object.name(), &field.name, way);
        if field.calculated && is_first {
            let way = Way { n_formulas: way.n_formulas + 1, ..way.clone() };
            self.formula(object, field, &way);
        }
        // A change names the parts of an address or a name, not the whole.
        let parts = object.fields.iter().filter(|it| {
            let whole = it.compound_field_name.as_deref();
            whole == Some(field.name.as_str()) && it.name != field.name
        });
        for part in parts {
            self.depend(object.name(), &part.name, way);
        }
    }

    fn parent(&mut self, object: &'a ObjectDescribe, step: &str, rest: &[&str], way: &Way) {
        let (relationship, wanted) = match step.split_once(':') {
            Some((relationship, wanted)) => (relationship, Some(wanted)),
            None => (step, None),
        };
        let Some(reference) = object.relationship(relationship) else {
            self.causes.insert(OtherCause::Unseen);
            return;
        };
        self.depend(object.name(), &reference.name, way);
        let mut via = way.via.clone();
        via.push(reference.relationship_name.clone().unwrap_or_else(|| relationship.to_owned()));
        let way = Way { via, n_formulas: way.n_formulas };
        let targets = reference.reference_to.iter().filter(|target| match wanted {
            // Formulas call a group that owns records a queue.
            Some(wanted) if wanted.eq_ignore_ascii_case("Queue") => *target == "Group",
            Some(wanted) => target.eq_ignore_ascii_case(wanted),
            None => true,
        });
        for target in targets {
            match self.describes.get(target) {
                Some(parent) => self.in_parent(parent, rest, &way, reference),
                None => self.undescribed(target, rest, &way),
            }
        }
    }

    /// Follows the rest of a path on a parent; of several possible parents one may lack the field.
    fn in_parent(
        &mut self,
        parent: &'a ObjectDescribe,
        rest: &[&str],
        way: &Way,
        reference: &FieldDescribe,
    ) {
        let is_there = match rest {
            [field] => parent.field(field).is_some(),
            [step, ..] => {
                let relationship = step.split_once(':').map_or(*step, |(name, _)| name);
                parent.relationship(relationship).is_some()
            }
            [] => false,
        };
        if is_there || !reference.is_polymorphic() {
            self.follow(parent, rest, way);
        }
    }

    /// Names the field of an object that nothing is known of; further steps cannot be told.
    fn undescribed(&mut self, target: &str, rest: &[&str], way: &Way) {
        match (rest, ObjectName::parse(target)) {
            ([field], Ok(object)) => {
                self.depend(&object, field, way);
                self.causes.insert(OtherCause::Unseen);
            }
            _ => {
                self.causes.insert(OtherCause::Unseen);
            }
        }
    }

    /// Notes a field; tells whether it is the first time.
    fn depend(&mut self, object: &ObjectName, field: &str, way: &Way) -> bool {
        self.paths.insert(Dependency {
            via: way.via.clone(),
            object: object.clone(),
            field: field.to_owned(),
        })
    }
}
