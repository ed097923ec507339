//! Lists of cases: filtered, ordered, page by page.

use shared::PortError;
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::ports::{CaseFilter, CasePage, CaseSort};
use shared::time::Timestamp;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, PgPool};

use crate::postgres::{PLATFORM, port_error};
use crate::store::cursor::{Cursor, SortKey};
use crate::store::rows::{JOIN_NAMES, ListedCase, SUMMARY_COLUMNS};
use crate::store::search::words;
use crate::store::sight::shown_cases;
use crate::store::text::marked;

/// Cases on a page at most.
const MAX_LIMIT: u32 = 200;
/// Up to so many hits of a search are looked up one by one and sorted; more are looked for along
/// the order.
const N_SORTED: i64 = 1_000;

/// An order: its column, its direction, and how a place behind another compares.
struct Order {
    column: &'static str,
    direction: &'static str,
    behind: &'static str,
}

const fn order(sort: CaseSort) -> Order {
    let (column, direction, behind) = match sort {
        CaseSort::UpdatedDesc => ("updated_at", "DESC", "<"),
        CaseSort::OpenedDesc => ("opened_key", "DESC", "<"),
        CaseSort::OpenedAsc => ("opened_key", "ASC", ">"),
        CaseSort::DocketAsc => ("docket_key", "ASC", ">"),
        CaseSort::TitleAsc => ("title_key", "ASC", ">"),
    };
    Order { column, direction, behind }
}

/// Lists one page of what `sight` shows.
///
/// # Errors
///
/// `Rejected` when the cursor is foreign, else as PostgreSQL answers.
pub(super) async fn list(
    readers: &PgPool,
    sight: &Sight,
    filter: &CaseFilter,
) -> Result<CasePage, PortError> {
    let failed = |cause| port_error(cause, "list", "cases");
    let cursor = match &filter.cursor {
        Some(raw) => Some(Cursor::decode(PLATFORM, raw, filter.sort)?),
        None => None,
    };
    let typed: Vec<String> =
        filter.search.as_deref().map_or_else(Vec::new, |it| words(it).map(Into::into).collect());
    let search = match typed.as_slice() {
        [] => None,
        typed => Some(Search { typed, has_few_hits: has_few_hits(readers, typed).await? }),
    };
    let limit = filter.limit.clamp(1, MAX_LIMIT);
    let statement = Statement::new(sight, filter, cursor.as_ref(), search, limit);
    let (sql, arguments) = statement.map_err(|cause| failed(sqlx::Error::Encode(cause)))?.finish();
    // The text is made of constants alone; what people typed is in the arguments. It is planned for
    // those each time: how many cases a filter leaves decides on the way to them.
    let mut lines: Vec<ListedCase> = sqlx::query_as_with(AssertSqlSafe(sql), arguments)
        .persistent(false)
        .fetch_all(readers)
        .await
        .map_err(failed)?;

    let mut next_cursor = None;
    if lines.len() > limit as usize {
        lines.truncate(limit as usize);
        let last = lines.last().map(|line| line.cursor(filter.sort));
        next_cursor = last.transpose().map_err(failed)?.map(|it| it.encode());
    }
    let items: Result<_, _> = lines.into_iter().map(|line| line.summary.read()).collect();
    Ok(CasePage { items: items.map_err(failed)?, next_cursor })
}

/// What is searched for. Nobody can tell in advance how many cases hold the beginning of a word.
#[derive(Clone, Copy)]
struct Search<'a> {
    typed: &'a [String],
    has_few_hits: bool,
}

async fn has_few_hits(readers: &PgPool, typed: &[String]) -> Result<bool, PortError> {
    let n_hits: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM case_search \
         WHERE words @@ word_query($1) LIMIT $2) AS hits",
    )
    .bind(typed)
    .bind(N_SORTED + 1)
    .fetch_one(readers)
    .await
    .map_err(|cause| port_error(cause, "list", "cases"))?;
    Ok(n_hits <= N_SORTED)
}

/// The statement of one page while it grows.
struct Statement {
    hits: String,
    conditions: String,
    arguments: PgArguments,
    order: Order,
}

type Refused = Box<dyn std::error::Error + Send + Sync>;

impl Statement {
    fn new(
        sight: &Sight,
        filter: &CaseFilter,
        cursor: Option<&Cursor>,
        search: Option<Search<'_>>,
        limit: u32,
    ) -> Result<Self, Refused> {
        let mut it = Self {
            hits: String::new(),
            conditions: "NOT cases.is_deleted".to_owned(),
            arguments: PgArguments::default(),
            order: order(filter.sort),
        };
        it.arguments.add(i64::from(limit) + 1)?;
        if let Some(Search { typed, has_few_hits }) = search {
            it.arguments.add(typed)?;
            let form = if has_few_hits { "MATERIALIZED" } else { "NOT MATERIALIZED" };
            it.hits = format!(
                "WITH hits AS {form} (SELECT row_number FROM case_search \
                 WHERE words @@ word_query(${})) ",
                it.arguments.len()
            );
            it.conditions.push_str(" AND cases.row_number IN (SELECT row_number FROM hits)");
        }
        if let Some(person) = sight.person() {
            it.arguments.add(person.as_str().to_owned())?;
            let place = format!("${}", it.arguments.len());
            if let Some(shown) = shown_cases(sight, "cases.id", &place) {
                it.conditions.push_str(" AND ");
                it.conditions.push_str(&shown);
            }
        }
        it.equal("status", filter.status.as_deref())?;
        it.equal("court", filter.court.as_deref())?;
        it.equal("priority", filter.priority.as_deref())?;
        it.equal("account_id", filter.account_id.as_ref().map(EntityId::as_str))?;
        if let Some(is_closed) = filter.is_closed {
            it.conditions.push_str(if is_closed {
                " AND cases.is_closed"
            } else {
                " AND NOT cases.is_closed"
            });
        }
        it.with("opened_key >=", filter.opened_from)?;
        it.with("opened_key <", filter.opened_until)?;
        if let Some(Cursor(_, key, id)) = cursor {
            match key {
                SortKey::Instant(millis) => it.arguments.add(*millis)?,
                SortKey::Text(text) => it.arguments.add(text.clone())?,
            }
            it.arguments.add(id.as_str().to_owned())?;
            let (Order { column, behind, .. }, at) = (&it.order, it.arguments.len());
            let condition =
                format!(" AND (cases.{column}, cases.id) {behind} (${}, ${at})", at - 1);
            it.conditions.push_str(&condition);
        }
        Ok(it)
    }

    fn equal(&mut self, column: &str, value: Option<&str>) -> Result<(), Refused> {
        let Some(value) = value else { return Ok(()) };
        self.arguments.add(marked(value).into_owned())?;
        let condition = format!(" AND cases.{column} = ${}", self.arguments.len());
        self.conditions.push_str(&condition);
        Ok(())
    }

    fn with(&mut self, condition: &str, value: Option<Timestamp>) -> Result<(), Refused> {
        let Some(value) = value else { return Ok(()) };
        self.arguments.add(value.as_millis())?;
        let condition = format!(" AND cases.{condition} ${}", self.arguments.len());
        self.conditions.push_str(&condition);
        Ok(())
    }

    /// Spells the statement: the page is picked first, and only then are names looked up.
    fn finish(self) -> (String, PgArguments) {
        let Self { hits, conditions, arguments, order: Order { column, direction, .. } } = self;
        let sql = format!(
            "{hits}SELECT {SUMMARY_COLUMNS}, cases.docket_key, cases.title_key, cases.opened_key \
             FROM (SELECT * FROM cases WHERE {conditions} \
             ORDER BY cases.{column} {direction}, cases.id {direction} LIMIT $1) AS cases \
             {JOIN_NAMES} ORDER BY cases.{column} {direction}, cases.id {direction}"
        );
        (sql, arguments)
    }
}
