//! Walls: which cases the asker sees, as a condition of each row.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use shared::lake::LakeTable;
use shared::ports::ShownCases;

/// What somebody sees, in a form that is quickly looked up.
#[derive(Clone, Debug)]
pub(super) enum Screen {
    /// Everything.
    None,
    /// Every row but those of these cases.
    AllBut(Arc<HashSet<String>>),
    /// Rows of these cases alone, and no account and no contact.
    Only(Arc<HashSet<String>>),
}

impl From<ShownCases> for Screen {
    fn from(shown: ShownCases) -> Self {
        let set = |it: std::collections::BTreeSet<shared::ids::EntityId>| {
            Arc::new(it.iter().map(|it| it.as_str().to_owned()).collect())
        };
        match shown {
            ShownCases::All => Self::None,
            ShownCases::AllBut(hidden) if hidden.is_empty() => Self::None,
            ShownCases::AllBut(hidden) => Self::AllBut(set(hidden)),
            ShownCases::Only(shown) => Self::Only(set(shown)),
        }
    }
}

impl Screen {
    /// Tells whether anything is hidden.
    pub(super) fn hides(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Returns what a row of `table` must fulfil to be shown, by its column `id`.
    pub(super) fn condition(&self, table: LakeTable, id: Expr) -> Option<Expr> {
        let (cases, is_hidden) = match (self, table) {
            (Self::None, _) | (Self::AllBut(_), LakeTable::Accounts | LakeTable::Contacts) => {
                return None;
            }
            (Self::Only(_), LakeTable::Accounts | LakeTable::Contacts) => {
                return Some(lit(false));
            }
            (Self::AllBut(cases), LakeTable::Cases) => (cases, true),
            (Self::Only(cases), LakeTable::Cases) => (cases, false),
        };
        let signature = Signature::exact(vec![DataType::Utf8], Volatility::Immutable);
        let cases = Arc::clone(cases);
        let shown = ScalarUDF::new_from_impl(IsShown { cases, is_hidden, signature });
        Some(shown.call(vec![id]))
    }
}

/// The condition that a case is shown, by its id.
#[derive(Debug)]
struct IsShown {
    cases: Arc<HashSet<String>>,
    /// Whether `cases` are those that are hidden.
    is_hidden: bool,
    signature: Signature,
}

impl PartialEq for IsShown {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cases, &other.cases) && self.is_hidden == other.is_hidden
    }
}

impl Eq for IsShown {}

impl Hash for IsShown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (Arc::as_ptr(&self.cases), self.is_hidden).hash(state);
    }
}

impl ScalarUDFImpl for IsShown {
    fn name(&self) -> &'static str {
        "is_shown"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _of: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let mut kept = Vec::with_capacity(args.number_rows);
        for array in &arrays {
            let ids = array.as_string::<i32>();
            // A row without an id is of no case that anybody could be shown.
            kept.extend((0..ids.len()).map(|row| {
                !ids.is_null(row) && self.cases.contains(ids.value(row)) != self.is_hidden
            }));
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(kept))))
    }
}
