//! What the objects look like over there, looked at once an hour behind the reading.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use shared::chain;
use shared::cost::attributed;
use shared::ids::ObjectName;
use shared::ports::SchemaReader;
use shared::sync::{Mappings, SchemaNote, SchemaWatch, Severity};
use tokio::time::timeout;
use tracing::warn;

use crate::poller::Poller;

/// How long a look holds.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// The longest time that looks take from the next reading.
const LOOK_LIMIT: Duration = Duration::from_secs(20);

/// How objects are described.
#[derive(Clone)]
pub struct Described {
    /// Describes them.
    pub schema: Arc<dyn SchemaReader>,
    /// Which of their fields are ours.
    pub mappings: Mappings,
}

impl Poller {
    /// Tells which mapped fields do not work any more. A look that fails, or takes too long, is logged,
    /// and keeps nothing from being read.
    pub(crate) async fn broken_fields(&self) -> Vec<String> {
        let Some(described) = &self.source.described else { return Vec::new() };
        let mut broken = Vec::new();
        let looks = attributed(self.work(), self.look_at(described, &mut broken));
        if timeout(LOOK_LIMIT, looks).await.is_err() {
            warn!(connection = %self.source.connection,
                "`{}` did not tell in time what its objects look like", self.source.connection);
        }
        broken
    }

    async fn look_at(&self, described: &Described, broken: &mut Vec<String>) {
        let watch = SchemaWatch {
            connection: &self.source.connection,
            schema: &*described.schema,
            ledger: &*self.ports.ledger,
        };
        for mapping in described.mappings.objects() {
            let now = self.ports.clock.now();
            match watch.look_when_due(mapping, now, LOOK_EVERY).await {
                Ok((note, is_fresh)) => {
                    if is_fresh {
                        self.tell(&note);
                    }
                    let worst = note.findings.into_iter();
                    let worst = worst.filter(|it| it.severity == Severity::BreaksMappedField);
                    let n_before = broken.len();
                    broken.extend(worst.map(|it| it.text));
                    self.count_broken(&mapping.object, broken.len() - n_before);
                }
                Err(error) => warn!(connection = %self.source.connection, object = %mapping.object,
                    error = %chain(&error), "`{}` was not described", mapping.object),
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an object has hundreds of fields at most")]
    fn count_broken(&self, object: &ObjectName, n_broken: usize) {
        let connection = self.source.connection.to_string();
        let labels = [("connection", connection), ("object", object.to_string())];
        gauge!("sync_broken_fields", &labels).set(n_broken as f64);
    }

    fn tell(&self, note: &SchemaNote) {
        for finding in note.findings.iter().filter(|it| it.severity > Severity::Note) {
            warn!(connection = %self.source.connection, field = %finding.field, "{}", finding.text);
        }
    }
}
