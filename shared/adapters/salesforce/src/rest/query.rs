//! Queries, page by page.

use http::{HeaderName, Method};
use shared::PortError;
use shared::model::Fields;
use shared::ports::DeltaPage;

use super::page::{AnyFields, Page, RowShape, read_changes, read_page};
use super::records::batch_size;
use crate::client::{BadPlace, MAX_URL_BYTES, Place, RestCall, SalesforceClient};
use crate::rest::composite::PartAnswer;

const QUERY_OPTIONS: HeaderName = HeaderName::from_static("sforce-query-options");

/// The longest statement. Source: SOQL reference, "SOQL statement length".
const MAX_SOQL_CHARS: usize = 100_000;

/// Which records a query sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryScope {
    /// Those that are not deleted.
    #[default]
    Live,
    /// Those in the recycle bin, merged away and archived as well.
    All,
}

impl QueryScope {
    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Live => "query",
            Self::All => "queryAll",
        }
    }
}

/// The rows of a query, page by page. A page may be short; only the last one says that it is.
#[derive(Debug)]
pub struct QueryRows {
    client: SalesforceClient,
    subject: String,
    soql: String,
    scope: QueryScope,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    Next(String),
    Done,
}

impl QueryRows {
    /// Returns the next page; `None` after the last.
    ///
    /// # Errors
    ///
    /// `NotFound` when the org forgot the place, after two days: query again. Else as it answers.
    pub async fn next_page(&mut self) -> Result<Option<Page<Fields>>, PortError> {
        let page = match &self.state {
            State::Done => return Ok(None),
            State::Begin => {
                let Self { client, subject, soql, scope, .. } = self;
                client.query_page("query", subject, soql, *scope, &AnyFields).await?
            }
            State::Next(mark) => {
                self.client.more_rows("query more", &self.subject, mark, &AnyFields).await?
            }
        };
        self.state = page.next.clone().map_or(State::Done, State::Next);
        Ok(Some(page))
    }
}

impl SalesforceClient {
    /// Begins the query `soql` about `subject`, which names it in errors and logs.
    pub fn query(&self, subject: &str, soql: &str, scope: QueryScope) -> QueryRows {
        let (client, subject, soql) = (self.clone(), subject.to_owned(), soql.to_owned());
        QueryRows { client, subject, soql, scope, state: State::Begin }
    }

    /// Reads the first page of changes.
    pub(crate) async fn query_changes(
        &self,
        operation: &'static str,
        subject: &str,
        soql: &str,
        fields: &[String],
    ) -> Result<DeltaPage, PortError> {
        let answer = self.query_json(operation, subject, soql, QueryScope::All).await?;
        answer.read(|json| read_changes(json, fields))
    }

    /// Reads the page of changes that `mark` names.
    pub(crate) async fn more_changes_at(
        &self,
        operation: &'static str,
        subject: &str,
        mark: &str,
        fields: &[String],
    ) -> Result<DeltaPage, PortError> {
        let response = self.call(&self.page_call(operation, subject, mark)).await?;
        read_changes(response.body(), fields).map_err(|error| response.malformed(&error))
    }

    async fn query_page<S: RowShape>(
        &self,
        operation: &'static str,
        subject: &str,
        soql: &str,
        scope: QueryScope,
        shape: &S,
    ) -> Result<Page<S::Row>, PortError> {
        let answer = self.query_json(operation, subject, soql, scope).await?;
        answer.read(|json| read_page(json, shape))
    }

    /// Reads the page of rows that `mark` names.
    pub(crate) async fn more_rows<S: RowShape>(
        &self,
        operation: &'static str,
        subject: &str,
        mark: &str,
        shape: &S,
    ) -> Result<Page<S::Row>, PortError> {
        let response = self.call(&self.page_call(operation, subject, mark)).await?;
        read_page(response.body(), shape).map_err(|error| response.malformed(&error))
    }

    /// Asks for the first page: in the address, or in a composite call when that is too long for it.
    pub(crate) async fn query_json(
        &self,
        operation: &'static str,
        subject: &str,
        soql: &str,
        scope: QueryScope,
    ) -> Result<PartAnswer, PortError> {
        let call = RestCall::get(operation, subject, &[scope.resource()])
            .with("q", soql)
            .with_header(QUERY_OPTIONS, batch_size(self.page_size()));
        // The address escapes up to three bytes for one, and the host is not known before a login.
        let n_escaped = url::form_urlencoded::byte_serialize(soql.as_bytes()).map(str::len).sum();
        if n_escaped + 200_usize <= MAX_URL_BYTES {
            return Ok(PartAnswer::whole(self.call(&call).await?));
        }
        if soql.chars().count() > MAX_SOQL_CHARS {
            return Err(call.rejected(BadPlace::TooLong { n_bytes: n_escaped }));
        }
        let part = self.query_part(soql, scope);
        let mut answers = self.composite_reads(operation, subject, vec![part]).await?;
        answers.pop().ok_or_else(|| call.rejected(BadPlace::Foreign))?.checked()
    }

    fn page_call(&self, operation: &'static str, subject: &str, mark: &str) -> RestCall {
        RestCall::at(operation, Method::GET, subject, Place::Given(mark.to_owned()))
            .with_header(QUERY_OPTIONS, batch_size(self.page_size()))
    }
}
