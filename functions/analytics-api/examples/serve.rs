//! Serves the API over ports in memory on a loopback port, for tools that judge it from outside.
//!
//! Tokens are made up: `Authorization: Bearer chair.admin` is a person `chair` with the role `admin`.

use std::error::Error;
use std::sync::Arc;

use analytics_api::{Api, CostTerms, Ports, TwoWay, router};
use shared::config::ConfigError;
use shared::cost::CostSettings;
use tokio::net::TcpListener;

#[expect(clippy::unwrap_used, reason = "the fakes are made for tests")]
#[path = "../src/testing/mod.rs"]
mod testing;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let firm = Arc::new(testing::Firm::default());
    firm.commit(3);
    let ports = Ports {
        view: firm.clone(),
        documents: firm.clone(),
        document_bytes: Some(firm.shelf.bytes.clone()),
        tally: firm.clone(),
        incidents: firm.clone(),
        audit: firm.clone(),
        feed: firm.clone(),
        journal: firm.clone(),
        ledger: Arc::new(testing::ledger().await),
        queues: vec![firm.clone()],
        authenticator: Arc::new(testing::TestDesk),
        walls: firm.clone(),
        pipelines: Some(testing::pipelines().await),
        reports: Some(testing::reports(&firm).await),
        costs: Arc::new(shared::ports::MemoryCostLedger::default()),
        cost_terms: Arc::new(CostTerms::of(&CostSettings::default()).map_err(ConfigError::from)?),
        settings: Arc::new(testing::book().await),
        platforms: [].into(),
        two_way: testing::two_way(&firm),
        queries: Some(testing::questions(&firm)),
        clock: Arc::new(testing::StoppedClock(testing::NOON)),
    };
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8787".to_owned());
    let listener = TcpListener::bind(&address).await?;
    axum::serve(listener, router(Arc::new(Api::new(ports)))).await?;
    Ok(())
}
