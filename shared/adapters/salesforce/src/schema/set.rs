//! The objects that are known of an org.

use std::collections::HashMap;

use super::describe::ObjectDescribe;

/// Described objects by name; case does not count.
#[derive(Clone, Debug, Default)]
pub struct DescribeSet {
    by_name: HashMap<String, ObjectDescribe>,
}

impl DescribeSet {
    /// Adds an object, in place of one with the same name.
    pub fn insert(&mut self, object: ObjectDescribe) {
        self.by_name.insert(object.name().as_str().to_ascii_lowercase(), object);
    }

    /// Finds an object.
    pub fn get(&self, name: &str) -> Option<&ObjectDescribe> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    /// Returns the objects, in no order.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectDescribe> {
        self.by_name.values()
    }
}

impl FromIterator<ObjectDescribe> for DescribeSet {
    fn from_iter<T: IntoIterator<Item = ObjectDescribe>>(objects: T) -> Self {
        let mut set = Self::default();
        objects.into_iter().for_each(|it| set.insert(it));
        set
    }
}
