//! What an org needs before it is kept in step: a field that holds our ids, a channel of changes,
//! messages that it sends. Each step may be taken again.

mod channel;
mod deploy;
mod external_id;
mod outbound;
mod outcome;
mod prepare;
mod tooling;
mod zip;

pub use channel::{ChannelMember, STANDARD_CHANNEL, change_event_of};
pub use external_id::{EXTERNAL_ID, FieldSetup};
pub use outbound::OutboundMessage;
pub use outcome::{Difference, Ensured, OnDifference};
pub use prepare::{BY_HAND, Preparation, Prepared, PreparedThing};

use crate::bulk::PollPace;
use crate::client::SalesforceClient;

/// Sets an org up. The user needs the permission "Customize Application".
#[derive(Clone, Debug)]
pub struct OrgSetup {
    client: SalesforceClient,
    pace: PollPace,
}

impl SalesforceClient {
    /// Sets the org up.
    pub fn setup(&self) -> OrgSetup {
        OrgSetup { client: self.clone(), pace: PollPace::default() }
    }
}

impl OrgSetup {
    /// Asks for the state of a deployment at this pace.
    #[must_use]
    pub fn with_pace(mut self, pace: PollPace) -> Self {
        self.pace = pace;
        self
    }
}
