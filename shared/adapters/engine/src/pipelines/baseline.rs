//! The figures of the last run that passed, kept beside the data.

use std::collections::BTreeMap;
use std::ops::Deref;

use shared::PortErrorKind;
use shared::etl::{Baseline, Pipeline, PipelineError, Place};
use shared::ports::{MediaType, PutBlob, PutCondition, read_whole};
use shared::time::Timestamp;

use super::flow::Flow;
use super::source::OpenStore;

/// The longest file of figures, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

fn failed(place: &Place, source: shared::PortError) -> PipelineError {
    PipelineError::store("baseline", place, source)
}

/// Reads the figures that a run of `pipeline` compares with; `None` when it never passed. A run that may
/// be made again, under the same `now`, does not compare with its own.
///
/// # Errors
///
/// [`PipelineError::Store`], or [`PipelineError::Unfit`] when it is no such file.
pub(super) async fn read(
    open: &OpenStore,
    pipeline: &Pipeline,
    now: Option<Timestamp>,
) -> Result<Option<Baseline>, PipelineError> {
    let Some(place) = &pipeline.baseline else { return Ok(None) };
    let store = open(&place.store).map_err(|error| failed(place, error))?;
    let text = match read_whole(&*store, &place.key, MAX_BYTES).await {
        Ok(text) => text,
        Err(error) if error.kind() == PortErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(place, error)),
    };
    let unfit = |text: String| PipelineError::Unfit { at: place.to_string(), text };
    let base: Baseline = serde_json::from_slice(&text)
        .map_err(|error| unfit(format!("is no baseline of a run ({error}): delete it")))?;
    if base.format != Baseline::FORMAT || base.pipeline != pipeline.name {
        let text = format!("is of pipeline `{}`, format {}", base.pipeline, base.format);
        return Err(unfit(format!("{text}: name another place, or delete it")));
    }
    Ok(match now {
        Some(now) => base.for_run_at(now),
        None => Some(base),
    })
}

/// Returns the figures of a run of `n_rows` rows.
pub(super) fn of(
    pipeline: &Pipeline,
    flows: impl Iterator<Item = impl Deref<Target = Flow>>,
    at: Timestamp,
    n_rows: u64,
) -> Baseline {
    let (format, columns) = (Baseline::FORMAT, BTreeMap::new());
    let name = pipeline.name.clone();
    let mut base = Baseline { format, pipeline: name, at, n_rows, columns, before: None };
    for flow in flows {
        for rule in flow.rules() {
            if let Some(gathered) = &rule.gathered {
                gathered.remember(&rule.work.rule.check, &mut base);
            }
        }
    }
    base
}

/// Writes figures in place of those that are there.
///
/// # Errors
///
/// [`PipelineError::Store`].
pub(super) async fn write(
    open: &OpenStore,
    pipeline: &Pipeline,
    base: &Baseline,
) -> Result<(), PipelineError> {
    let Some(place) = &pipeline.baseline else { return Ok(()) };
    let store = open(&place.store).map_err(|error| failed(place, error))?;
    let text = serde_json::to_vec_pretty(base).unwrap_or_default();
    let options = PutBlob {
        media_type: MediaType::parse("application/json").unwrap_or_default(),
        sha256: None,
        condition: PutCondition::Always,
    };
    store.put(&place.key, text.into(), &options).await.map_err(|error| failed(place, error))?;
    Ok(())
}
