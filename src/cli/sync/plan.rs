//! What a pass would write, on both sides, before it does.

use std::fmt;

use serde::Serialize;
use shared::ids::{ConnectionId, ObjectName};
use shared::sync::{PlannedWrite, Planner};

use crate::exit::CommandError;
use crate::process::Parts;
use crate::settings::Settings;

/// The writes of every object.
#[derive(Serialize)]
pub(super) struct Plan {
    objects: Vec<ObjectPlan>,
}

#[derive(Serialize)]
struct ObjectPlan {
    connection: ConnectionId,
    object: ObjectName,
    here: Writes,
    there: Writes,
}

#[derive(Default, Serialize)]
struct Writes {
    n_writes: u64,
    first: Vec<PlannedWrite>,
}

impl Writes {
    fn add(&mut self, write: PlannedWrite, limit: usize) {
        self.n_writes += 1;
        if self.first.len() < limit {
            self.first.push(write);
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, plan) in self.objects.iter().enumerate() {
            let ObjectPlan { connection, object, here, there } = plan;
            let end = if idx > 0 { "\n" } else { "" };
            write!(
                f,
                "{end}{connection}/{object}: {} writes here, {} there",
                here.n_writes, there.n_writes
            )?;
            for (side, writes) in [("here ", here), ("there", there)] {
                for write in &writes.first {
                    write!(f, "\n  {side}  {write}")?;
                }
                let n_more = writes.n_writes.saturating_sub(writes.first.len() as u64);
                if n_more > 0 {
                    write!(f, "\n  {side}  and {n_more} more")?;
                }
            }
        }
        Ok(())
    }
}

/// Plans a pass over every object.
///
/// # Errors
///
/// When a part cannot be opened, or a platform does not answer.
pub(super) async fn plan(settings: &Settings, limit: usize) -> Result<Plan, CommandError> {
    let parts = Parts::open(settings).await?;
    let mut objects = Vec::new();
    for opened in parts.connections(settings)? {
        let planner = Planner {
            connection: &opened.connection,
            crm: &*opened.crm,
            store: &*parts.stores.store,
            outbox: &*parts.stores.outbox,
            ledger: &*parts.stores.ledger,
        };
        for mapping in opened.mappings.objects() {
            let failed = |failure| {
                let what = format!("plan `{}` of `{}`", mapping.object, opened.connection);
                CommandError::failed(what, failure)
            };
            let (mut here, mut there) = (Writes::default(), Writes::default());
            planner.inbound(mapping, &mut |it| here.add(it, limit)).await.map_err(failed)?;
            planner.outbound(mapping, &mut |it| there.add(it, limit)).await.map_err(failed)?;
            let (connection, object) = (opened.connection.clone(), mapping.object.clone());
            objects.push(ObjectPlan { connection, object, here, there });
        }
    }
    Ok(Plan { objects })
}
