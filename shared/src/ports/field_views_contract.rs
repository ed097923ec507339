//! What every store that shows custom fields as columns must keep.

#![expect(clippy::unwrap_used, reason = "a test suite for other packages' tests")]

use crate::model::Entity;
use crate::ports::{ColumnKind, CustomField, FieldColumns, FieldViews};

fn columns(fields: &[(&str, ColumnKind)]) -> FieldColumns {
    let fields = fields.iter().map(|(name, kind)| CustomField::new(Entity::Case, name, *kind));
    FieldColumns::of(fields.map(Option::unwrap))
}

/// Checks a store to which nothing was published yet.
///
/// # Panics
///
/// When the contract is broken.
pub async fn field_views_contract(views: &dyn FieldViews) {
    assert_eq!(views.published().await.unwrap(), FieldColumns::default());

    let first = columns(&[("fee", ColumnKind::Number), ("judge", ColumnKind::Text)]);
    assert!(views.publish(&first).await.unwrap(), "the first time there is something to do");
    assert_eq!(views.published().await.unwrap(), first);
    assert!(!views.publish(&first).await.unwrap(), "the same again changes nothing");

    let fewer = columns(&[("fee", ColumnKind::Text)]);
    assert!(views.publish(&fewer).await.unwrap(), "a field that left and another kind are news");
    assert_eq!(views.published().await.unwrap(), fewer);

    let none = FieldColumns::default();
    assert!(views.publish(&none).await.unwrap());
    assert_eq!(views.published().await.unwrap(), none);
    assert!(!views.publish(&none).await.unwrap());
}
