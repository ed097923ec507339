//! Lists of cases: filtered, ordered, page by page.

use shared::PortError;
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::ports::{CaseFilter, CasePage, CaseSort};
use shared::time::Timestamp;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection, SqlitePool};

use super::search::match_query;
use crate::error::{PLATFORM, read_error};
use crate::store::cursor::{Cursor, SortKey};
use crate::store::rows::{JOIN_NAMES, ListedCase, SUMMARY_COLUMNS};
use crate::store::sight::shown_cases;

/// Cases on a page at most.
const MAX_LIMIT: u32 = 200;
/// Up to so many cases are looked up one by one and sorted; more are looked for along the order.
const N_SORTED: i64 = 1_000;

/// An order: its column, its direction, and how a place behind another compares.
struct Order {
    column: &'static str,
    index: &'static str,
    direction: &'static str,
    behind: &'static str,
}

const fn order(sort: CaseSort) -> Order {
    let (column, index, direction, behind) = match sort {
        CaseSort::UpdatedDesc => ("updated_at", "cases_by_update", "DESC", "<"),
        CaseSort::OpenedDesc => ("opened_key", "cases_by_opening", "DESC", "<"),
        CaseSort::OpenedAsc => ("opened_key", "cases_by_opening", "ASC", ">"),
        CaseSort::DocketAsc => ("docket_key", "cases_by_docket", "ASC", ">"),
        CaseSort::TitleAsc => ("title_key", "cases_by_title", "ASC", ">"),
    };
    Order { column, index, direction, behind }
}

/// Lists one page of what `sight` shows.
///
/// # Errors
///
/// `Rejected` when the cursor is foreign, else as SQLite answers.
pub(super) async fn list(
    readers: &SqlitePool,
    sight: &Sight,
    filter: &CaseFilter,
) -> Result<CasePage, PortError> {
    let failed = |cause| read_error(cause, "list", "cases");
    let cursor = match &filter.cursor {
        Some(raw) => Some(Cursor::decode(PLATFORM, raw, filter.sort)?),
        None => None,
    };
    let mut connection = readers.acquire().await.map_err(failed)?;
    let search = filter.search.as_deref().and_then(match_query);
    let path = match sight {
        Sight::Only(_) => Path::Assigned,
        Sight::Everything | Sight::AllBut(_) => {
            Path::choose(&mut connection, filter, search.as_deref()).await.map_err(failed)?
        }
    };
    let limit = filter.limit.clamp(1, MAX_LIMIT);
    let statement = Statement::new(sight, filter, cursor.as_ref(), search.as_deref(), path, limit);
    let (sql, arguments) = statement.map_err(|cause| failed(sqlx::Error::Encode(cause)))?.finish();
    // The text is made of constants alone; what people typed is in the arguments.
    let mut lines: Vec<ListedCase> = sqlx::query_as_with(AssertSqlSafe(sql), arguments)
        .fetch_all(&mut *connection)
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

/// How the cases of a page are found. The file keeps no statistics that would let SQLite choose.
#[derive(Clone, Copy)]
enum Path {
    /// A filter leaves few cases: look those up in its index, and sort them.
    Filter(&'static str),
    /// A search has few hits: look those up, and sort them.
    Hits,
    /// Only few cases are shown at all: look those up, and sort them.
    Assigned,
    /// Walk along the order until the page is full.
    Order,
}

impl Path {
    async fn choose(
        connection: &mut SqliteConnection,
        filter: &CaseFilter,
        search: Option<&str>,
    ) -> Result<Self, sqlx::Error> {
        let account = filter.account_id.as_ref().map(EntityId::as_str);
        let probes = [
            (
                Self::Filter("cases_by_account"),
                account,
                "SELECT 1 FROM cases WHERE account_id = ?1 LIMIT ?2",
            ),
            (Self::Hits, search, "SELECT 1 FROM case_search WHERE case_search MATCH ?1 LIMIT ?2"),
            (
                Self::Filter("cases_by_status"),
                filter.status.as_deref(),
                "SELECT 1 FROM cases WHERE status = ?1 AND is_deleted = 0 LIMIT ?2",
            ),
            (
                Self::Filter("cases_by_court"),
                filter.court.as_deref(),
                "SELECT 1 FROM cases WHERE court = ?1 AND is_deleted = 0 LIMIT ?2",
            ),
            (
                Self::Filter("cases_by_priority"),
                filter.priority.as_deref(),
                "SELECT 1 FROM cases WHERE priority = ?1 AND is_deleted = 0 LIMIT ?2",
            ),
        ];
        for (path, value, sql) in probes {
            let Some(value) = value else { continue };
            let probe = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM ({sql})")))
                .bind(value)
                .bind(N_SORTED + 1);
            let n_cases: i64 = probe.fetch_one(&mut *connection).await?;
            if n_cases <= N_SORTED {
                return Ok(path);
            }
        }
        if filter.opened_from.or(filter.opened_until).is_some() {
            let probe = sqlx::query_scalar(
                "SELECT count(*) FROM (SELECT 1 FROM cases WHERE is_deleted = 0 \
                 AND opened_key >= ?1 AND opened_key < ?3 LIMIT ?2)",
            )
            .bind(filter.opened_from.map_or(i64::MIN, Timestamp::as_millis))
            .bind(N_SORTED + 1)
            .bind(filter.opened_until.map_or(i64::MAX, Timestamp::as_millis));
            let n_cases: i64 = probe.fetch_one(&mut *connection).await?;
            if n_cases <= N_SORTED {
                return Ok(Self::Filter("cases_by_opening"));
            }
        }
        if filter.sort != CaseSort::UpdatedDesc
            && Self::leave_few_together(connection, filter).await?
        {
            return Ok(Self::Filter("cases_by_update"));
        }
        Ok(Self::Order)
    }

    /// Tells whether two filters or more, none of which leaves few cases, do so together.
    async fn leave_few_together(
        connection: &mut SqliteConnection,
        filter: &CaseFilter,
    ) -> Result<bool, sqlx::Error> {
        let CaseFilter { status, court, priority, is_closed, .. } = filter;
        let given = [status.is_some(), court.is_some(), priority.is_some(), is_closed.is_some()];
        if given.into_iter().filter(|it| *it).count() < 2 {
            return Ok(false);
        }
        let n_cases: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM cases INDEXED BY cases_by_update \
             WHERE is_deleted = 0 AND (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR court = ?2) \
             AND (?3 IS NULL OR priority = ?3) AND (?4 IS NULL OR is_closed = ?4) LIMIT ?5)",
        )
        .bind(status)
        .bind(court)
        .bind(priority)
        .bind(is_closed)
        .bind(N_SORTED + 1)
        .fetch_one(connection)
        .await?;
        Ok(n_cases <= N_SORTED)
    }
}

/// The statement of one page while it grows.
struct Statement {
    conditions: String,
    arguments: SqliteArguments,
    order: Order,
    index: String,
}

type Refused = Box<dyn std::error::Error + Send + Sync>;

impl Statement {
    fn new(
        sight: &Sight,
        filter: &CaseFilter,
        cursor: Option<&Cursor>,
        search: Option<&str>,
        path: Path,
        limit: u32,
    ) -> Result<Self, Refused> {
        let mut it = Self {
            conditions: "is_deleted = 0".to_owned(),
            arguments: SqliteArguments::default(),
            order: order(filter.sort),
            index: match path {
                Path::Filter(index) => format!("INDEXED BY {index}"),
                Path::Hits => "NOT INDEXED".to_owned(),
                // The index behind `UNIQUE (id)`.
                Path::Assigned => "INDEXED BY sqlite_autoindex_cases_1".to_owned(),
                Path::Order => format!("INDEXED BY {}", order(filter.sort).index),
            },
        };
        it.arguments.add(i64::from(limit) + 1)?;
        if let (Some(person), Some(shown)) = (sight.person(), shown_cases(sight, "id", "?2")) {
            it.arguments.add(person.as_str().to_owned())?;
            it.conditions.push_str(" AND ");
            it.conditions.push_str(&shown);
        }
        it.equal("status", filter.status.as_deref())?;
        it.equal("court", filter.court.as_deref())?;
        it.equal("priority", filter.priority.as_deref())?;
        it.equal("account_id", filter.account_id.as_ref().map(EntityId::as_str))?;
        it.with("is_closed = ", filter.is_closed)?;
        it.with("opened_key >= ", filter.opened_from.map(Timestamp::as_millis))?;
        it.with("opened_key < ", filter.opened_until.map(Timestamp::as_millis))?;
        if let Some(Cursor(_, key, id)) = cursor {
            match key {
                SortKey::Instant(millis) => it.arguments.add(*millis)?,
                SortKey::Text(text) => it.arguments.add(text.clone())?,
            }
            it.arguments.add(id.as_str().to_owned())?;
            let (Order { column, behind, .. }, at) = (&it.order, it.arguments.len());
            let condition = format!(" AND ({column}, id) {behind} (?{}, ?{at})", at - 1);
            it.conditions.push_str(&condition);
        }
        if let Some(search) = search {
            it.arguments.add(search.to_owned())?;
            // The sign keeps the hits from being looked up one by one.
            let sign = if matches!(path, Path::Hits) { "" } else { "+" };
            let condition = format!(
                " AND {sign}row_number IN \
                 (SELECT rowid FROM case_search WHERE case_search MATCH ?{})",
                it.arguments.len()
            );
            it.conditions.push_str(&condition);
        }
        Ok(it)
    }

    fn equal(&mut self, column: &str, value: Option<&str>) -> Result<(), Refused> {
        let Some(value) = value else { return Ok(()) };
        self.arguments.add(value.to_owned())?;
        let condition = format!(" AND {column} = ?{}", self.arguments.len());
        self.conditions.push_str(&condition);
        Ok(())
    }

    fn with<T: Into<i64>>(&mut self, condition: &str, value: Option<T>) -> Result<(), Refused> {
        let Some(value) = value else { return Ok(()) };
        self.arguments.add(value.into())?;
        let condition = format!(" AND {condition}?{}", self.arguments.len());
        self.conditions.push_str(&condition);
        Ok(())
    }

    /// Spells the statement: the page is picked inside an index, and only then are rows read.
    fn finish(self) -> (String, SqliteArguments) {
        let Self { conditions, arguments, order: Order { column, direction, .. }, index } = self;
        let sql = format!(
            "SELECT {SUMMARY_COLUMNS}, cases.docket_key, cases.title_key, cases.opened_key \
             FROM (SELECT row_number FROM cases {index} WHERE {conditions} \
             ORDER BY {column} {direction}, id {direction} LIMIT ?1) AS page \
             JOIN cases ON cases.row_number = page.row_number {JOIN_NAMES} \
             ORDER BY cases.{column} {direction}, cases.id {direction}"
        );
        (sql, arguments)
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::PersonId;
    use sqlx::Row;

    use super::*;
    use crate::store::sqlite::migrations::MIGRATOR;

    /// Returns the steps that SQLite would take for a later page in the order `sort`.
    async fn plan(sight: &Sight, sort: CaseSort, key: SortKey, filter: CaseFilter) -> String {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        MIGRATOR.run(&mut *connection).await.unwrap();
        let id = EntityId::parse("00000000-0000-8000-8000-000000000001").unwrap();
        let filter = CaseFilter { sort, ..filter };
        let cursor = Cursor(sort, key, id);
        let path = if matches!(sight, Sight::Only(_)) { Path::Assigned } else { Path::Order };
        let statement = Statement::new(sight, &filter, Some(&cursor), None, path, 50).unwrap();
        let (sql, arguments) = statement.finish();
        let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps = sqlx::query_with(sql, arguments).fetch_all(&mut *connection).await.unwrap();
        steps.iter().map(|step| step.get::<String, _>("detail") + "\n").collect()
    }

    fn person() -> PersonId {
        PersonId::parse("anna").unwrap()
    }

    #[tokio::test]
    async fn cases_of_a_client_are_looked_up_one_by_one() {
        let key = SortKey::Instant(5);
        let sight = Sight::Only(person());
        let filter = CaseFilter { status: Some("Trial".to_owned()), ..CaseFilter::default() };

        let plan = plan(&sight, CaseSort::UpdatedDesc, key, filter).await;

        assert!(
            plan.contains("SEARCH cases USING INDEX sqlite_autoindex_cases_1 (id=?)"),
            "{plan}"
        );
        assert!(plan.contains("walls_by_person (person=? AND stance=?"), "{plan}");
    }

    #[tokio::test]
    async fn page_is_picked_inside_one_index_without_sorting_the_rest() {
        let instant = || SortKey::Instant(5);
        let text = || SortKey::Text("a".to_owned());
        for (sort, key, index, place) in [
            (CaseSort::UpdatedDesc, instant(), "cases_by_update", "(updated_at,id)<(?,?)"),
            (CaseSort::OpenedDesc, instant(), "cases_by_opening", "(opened_key,id)<(?,?)"),
            (CaseSort::OpenedAsc, instant(), "cases_by_opening", "(opened_key,id)>(?,?)"),
            (CaseSort::DocketAsc, text(), "cases_by_docket", "(docket_key,id)>(?,?)"),
            (CaseSort::TitleAsc, text(), "cases_by_title", "(title_key,id)>(?,?)"),
        ] {
            let filter = CaseFilter {
                status: Some("Trial".to_owned()),
                court: Some("Family Court".to_owned()),
                priority: Some("High".to_owned()),
                is_closed: Some(false),
                ..CaseFilter::default()
            };
            for sight in [Sight::Everything, Sight::AllBut(person())] {
                let plan = plan(&sight, sort, key.clone(), filter.clone()).await;

                let walk = format!("INDEX {index} ({place}");
                let inner = plan.split(&walk).nth(1).unwrap_or_else(|| panic!("{walk}:\n{plan}"));
                let (picked, _) = inner.split_once("SCAN page").unwrap();
                assert!(!picked.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }
}
