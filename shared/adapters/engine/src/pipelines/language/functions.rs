//! The functions of the language.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, TableReference, plan_datafusion_err};
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use shared::config::nearest;

/// Functions of whole tables, which authors will try.
const OF_TABLES: &[&str] =
    &["avg", "count", "max", "min", "row_number", "sum", "lag", "lead", "rank"];

/// Knows functions by name.
#[derive(Clone)]
pub(super) struct Functions {
    by_name: BTreeMap<String, Arc<ScalarUDF>>,
    /// Functions of many rows; none where one row is seen.
    aggregates: BTreeMap<String, Arc<AggregateUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: ConfigOptions,
}

impl Functions {
    /// Those that see one row.
    pub(super) fn of_rows() -> Self {
        let mut by_name = BTreeMap::new();
        for function in datafusion_functions::all_default_functions() {
            for alias in function.aliases() {
                by_name.insert(alias.clone(), Arc::clone(&function));
            }
            by_name.insert(function.name().to_owned(), function);
        }
        let planners: Vec<Arc<dyn ExprPlanner>> = vec![
            Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
            Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
            Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
        ];
        let options = ConfigOptions::default();
        Self { by_name, aggregates: BTreeMap::new(), planners, options }
    }

    /// Adds functions of many rows, and what reads their arguments.
    #[cfg(feature = "sets")]
    pub(super) fn add_aggregates(
        &mut self,
        aggregates: impl IntoIterator<Item = Arc<AggregateUDF>>,
        planner: Arc<dyn ExprPlanner>,
    ) {
        let named = aggregates.into_iter().map(|it| (it.name().to_owned(), it));
        self.aggregates = named.collect();
        self.planners.push(planner);
    }
}

/// Says that there is no function `name`, and which was probably meant.
pub(super) fn no_such_function(name: &str) -> String {
    if OF_TABLES.contains(&name.to_lowercase().as_str()) {
        return format!(
            "`{name}` looks at many rows, and an expression sees one: `aggregate` is a step"
        );
    }
    let functions = datafusion_functions::all_default_functions();
    let known: Vec<&str> = functions.iter().map(|it| it.name()).collect();
    match nearest(&name.to_lowercase(), &known) {
        Some(meant) => format!("there is no function `{name}`: did you mean `{meant}`?"),
        None => format!("there is no function `{name}`"),
    }
}

impl ContextProvider for Functions {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        Err(plan_datafusion_err!("`{name}` is a table: only columns of one row are seen"))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.by_name.get(&name.to_lowercase()).cloned()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.aggregates.get(&name.to_lowercase()).cloned()
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.aggregates.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
