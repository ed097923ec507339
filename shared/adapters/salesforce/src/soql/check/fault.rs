//! What of a query the org would not understand.

use std::fmt;

/// Why a name does not stand where it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFaultKind {
    /// There is no such object, or this user may not see it.
    UnknownObject,
    /// The object has no such field, or this user may not see it.
    UnknownField,
    /// No reference of the object is followed by this name.
    UnknownRelationship,
    /// No list of records that point to the object has this name.
    UnknownChildren,
    /// The object is known to be there, but nothing more is known of it.
    NotDescribed,
    /// The reference leads to one object only.
    NotPolymorphic,
    /// WHERE cannot ask for it: long text, bytes, encrypted text.
    NotFilterable,
    /// ORDER BY cannot name it.
    NotSortable,
    /// GROUP BY cannot name it.
    NotGroupable,
    /// No function over groups takes it, or not this one.
    NotAggregatable,
    /// The value beside it is of another type.
    WrongType {
        /// The value that is wanted.
        wanted: &'static str,
    },
    /// The operator beside it is for fields of another type.
    WrongOperator {
        /// The field that is wanted.
        wanted: &'static str,
    },
    /// `FIELDS()` stands for no field at all.
    NoFields,
    /// Bulk does not carry it: an address, a place, bytes.
    NotInBulk,
}

/// One name of a query that the org would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFault {
    /// The name as the query writes it.
    pub name: String,
    /// The object that it was looked up on.
    pub object: String,
    /// What is wrong.
    pub kind: NameFaultKind,
    /// The name that was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, object, kind, nearest } = self;
        match kind {
            NameFaultKind::UnknownObject => write!(f, "`{name}` is no object that the user sees"),
            NameFaultKind::UnknownField => {
                write!(f, "`{name}` is no field of `{object}` that the user sees")
            }
            NameFaultKind::UnknownRelationship => {
                write!(f, "`{name}` leads from `{object}` to no parent")
            }
            NameFaultKind::UnknownChildren => {
                write!(f, "`{name}` lists no records that point to `{object}`")
            }
            NameFaultKind::NotDescribed => {
                write!(f, "`{name}` leads to `{object}`, which was not described: describe it too")
            }
            NameFaultKind::NotPolymorphic => {
                write!(f, "`{name}` of `{object}` leads to one object: name its fields, no TYPEOF")
            }
            NameFaultKind::NotFilterable => {
                write!(f, "`{name}` of `{object}` cannot be asked for in WHERE")
            }
            NameFaultKind::NotSortable => {
                write!(f, "`{name}` of `{object}` cannot order records")
            }
            NameFaultKind::NotGroupable => {
                write!(f, "`{name}` of `{object}` cannot group records")
            }
            NameFaultKind::NotAggregatable => {
                write!(f, "`{name}` of `{object}` is not taken by this function")
            }
            NameFaultKind::WrongType { wanted } => {
                write!(f, "`{name}` of `{object}` is compared with {wanted}")
            }
            NameFaultKind::WrongOperator { wanted } => {
                write!(f, "operator beside `{name}` of `{object}` is for {wanted}")
            }
            NameFaultKind::NoFields => write!(f, "{name} stands for no field of `{object}`"),
            NameFaultKind::NotInBulk => {
                write!(f, "`{name}` of `{object}` is not carried by Bulk: name its parts")
            }
        }?;
        match nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

/// Every name of a query that the org would refuse; one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFaults(pub(super) Vec<NameFault>);

impl NameFaults {
    /// Returns the faults in the order of the query.
    pub fn faults(&self) -> &[NameFault] {
        &self.0
    }
}

impl fmt::Display for NameFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, fault) in self.0.iter().enumerate() {
            if idx > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for NameFaults {}
