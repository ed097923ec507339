//! The pages of a bulk query: listed, read in parallel, counted.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::{Method, StatusCode};
use serde::Deserialize;
use shared::PortError;
use shared::ids::SalesforceId;
use tokio::time::sleep;
use tracing::warn;

use super::fault::BulkFault;
use super::job::{JobKind, is_passing};
use super::journal::JobJournal;
use super::page::{Announced, PageReceipt, ResultPage};
use super::query::{BulkQuery, MAX_TRIES, error_of};
use super::query_state::{Listing, PagePlace, PageState, QueryJobState};
use crate::client::{Place, RestCall, SalesforceClient};
use crate::error;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PagesAnswer {
    result_pages: Vec<PageEntry>,
    #[serde(default)]
    next_records_url: Option<String>,
    done: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageEntry {
    result_url: String,
}

impl BulkQuery {
    /// Reads every page that was not read yet; returns how many broke and were read again.
    pub(super) async fn read<F, Fut>(
        &self,
        state: &mut QueryJobState,
        journal: &dyn JobJournal<QueryJobState>,
        id: &SalesforceId,
        consume: F,
    ) -> Result<usize, PortError>
    where
        F: Fn(ResultPage) -> Fut,
        Fut: Future<Output = Result<PageReceipt, PortError>>,
    {
        let mut under_way = FuturesUnordered::new();
        let mut begun = vec![false; state.pages.len()];
        let mut n_read_again = 0;
        loop {
            while under_way.len() < self.n_parallel {
                let Some(idx) = self.next_page(state, id, &mut begun).await? else { break };
                let Some(page) = state.pages.get(idx) else { break };
                let call = self.page_call(state, id, &page.place);
                let work = self.read_page(call, state.columns.clone(), &consume);
                under_way.push(async move { (idx, work.await) });
            }
            let Some((idx, (outcome, n_again))) = under_way.next().await else { break };
            n_read_again += n_again;
            let receipt = outcome?;
            take_receipt(state, idx, receipt, id)?;
            journal.save(state).await?;
        }
        let (n_read, n_processed) = (state.n_read(), state.n_processed.unwrap_or(0));
        if n_read != n_processed {
            state.forget_pages();
            journal.save(state).await?;
            return Err(error_of(BulkFault::Incomplete { n_read, n_processed }, "read job", id));
        }
        Ok(n_read_again)
    }

    /// Returns the next page to begin with, listing more of them where none is left.
    async fn next_page(
        &self,
        state: &mut QueryJobState,
        id: &SalesforceId,
        begun: &mut Vec<bool>,
    ) -> Result<Option<usize>, PortError> {
        loop {
            begun.resize(state.pages.len(), false);
            let mut pages = state.pages.iter().zip(begun.iter_mut()).enumerate();
            let open = pages.find(|(_, (page, begun))| page.n_records.is_none() && !**begun);
            if let Some((idx, (_, begun))) = open {
                *begun = true;
                return Ok(Some(idx));
            }
            let n_known = state.pages.len();
            self.list_pages(state, id).await?;
            if state.pages.len() == n_known {
                return Ok(None);
            }
        }
    }

    /// Adds the next pages of the org's list to those that are known.
    async fn list_pages(
        &self,
        state: &mut QueryJobState,
        id: &SalesforceId,
    ) -> Result<(), PortError> {
        let mut call = match &state.listing {
            Listing::Done | Listing::Chained => return Ok(()),
            // One page needs no list.
            Listing::Begin if state.n_processed.unwrap_or(0) <= self.page_records.into() => {
                state.pages.push(PageState::new(PagePlace::First));
                state.listing = Listing::Chained;
                return Ok(());
            }
            Listing::Begin => {
                let rest = ["resultPages"];
                SalesforceClient::job_call("list pages", Method::GET, JobKind::Query, id, &rest)
            }
            Listing::At(mark) => {
                let place = Place::Given(mark.clone());
                RestCall::at("list pages", Method::GET, id.as_str(), place)
            }
        };
        if let Some(version) = &state.api_version {
            call = call.in_version(version);
        }
        let response = self.client.ask(&call).await?;
        let status = response.status();
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
            && state.listing == Listing::Begin
        {
            // Versions before 58.0 do not list pages: each tells the next.
            state.pages.push(PageState::new(PagePlace::First));
            state.listing = Listing::Chained;
            return Ok(());
        }
        if !status.is_success() {
            return Err(error::error_of(&response));
        }
        let PagesAnswer { result_pages, next_records_url, done } = response.json()?;
        for entry in result_pages {
            state.pages.push(PageState::new(PagePlace::Listed(entry.result_url)));
        }
        state.listing = match next_records_url {
            Some(mark) if !done => Listing::At(mark),
            _ => Listing::Done,
        };
        Ok(())
    }

    fn page_call(&self, state: &QueryJobState, id: &SalesforceId, place: &PagePlace) -> RestCall {
        let (operation, n_records) = ("read page", self.page_records.to_string());
        let results =
            SalesforceClient::job_call(operation, Method::GET, JobKind::Query, id, &["results"]);
        let call = match place {
            PagePlace::First => results.with("maxRecords", n_records),
            PagePlace::After(locator) => {
                results.with("maxRecords", n_records).with("locator", locator.as_str())
            }
            PagePlace::Listed(address) => {
                let place = Place::Given(address.clone());
                RestCall::at(operation, Method::GET, id.as_str(), place)
            }
        };
        match &state.api_version {
            Some(version) => call.for_csv().in_version(version),
            None => call.for_csv(),
        }
    }

    /// Reads one page, again while it breaks; returns how often it was read again.
    async fn read_page<F, Fut>(
        &self,
        call: RestCall,
        columns: Option<Vec<String>>,
        consume: &F,
    ) -> (Result<PageReceipt, PortError>, usize)
    where
        F: Fn(ResultPage) -> Fut,
        Fut: Future<Output = Result<PageReceipt, PortError>>,
    {
        let mut wait = None;
        let mut n_again = 0;
        loop {
            let outcome = self.read_once(&call, columns.clone(), consume).await;
            match outcome {
                Err(error) if is_passing(&error) && n_again + 1 < MAX_TRIES as usize => {
                    n_again += 1;
                    warn!(error = %shared::chain(&error), attempt = n_again,
                        "a page of a bulk job broke and is read again");
                    let next = self.pace.next(wait);
                    sleep(error.retry_after().map_or(next, |it| it.max(next))).await;
                    wait = Some(next);
                }
                outcome => return (outcome, n_again),
            }
        }
    }

    async fn read_once<F, Fut>(
        &self,
        call: &RestCall,
        columns: Option<Vec<String>>,
        consume: &F,
    ) -> Result<PageReceipt, PortError>
    where
        F: Fn(ResultPage) -> Fut,
        Fut: Future<Output = Result<PageReceipt, PortError>>,
    {
        let body = self.client.open(call).await?;
        consume(ResultPage::begin(body, Announced::InHead, columns)?).await
    }
}

/// Takes note that a page was read whole.
fn take_receipt(
    state: &mut QueryJobState,
    idx: usize,
    receipt: PageReceipt,
    id: &SalesforceId,
) -> Result<(), PortError> {
    let columns = state.columns.get_or_insert_with(|| receipt.columns.clone());
    if *columns != receipt.columns {
        return Err(error_of(BulkFault::OtherColumns, "read job", id));
    }
    if let Some(page) = state.pages.get_mut(idx) {
        page.n_records = Some(receipt.n_records);
    }
    if state.listing == Listing::Chained {
        match receipt.next {
            Some(next) => state.pages.push(PageState::new(PagePlace::After(next))),
            None => state.listing = Listing::Done,
        }
    }
    Ok(())
}
