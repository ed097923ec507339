//! Parts of a source, one file each, and where each of them goes.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::database::WriteMode;
use super::fault::Faults;
use super::pipeline::Pipeline;
use super::place::{Place, Sink};
use crate::error::PortError;
use crate::ports::{BlobKey, BlobStore};

/// Stands for the name of a partition in the name of a file that a pipeline writes.
pub const PARTITION: &str = "{partition}";
/// The most partitions of a run.
pub const MAX_PARTITIONS: usize = 1_000;
/// How many names are listed at once.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

/// Opens the blob store at an address.
pub type OpenBlobs = Arc<dyn Fn(&str) -> Result<Arc<dyn BlobStore>, PortError> + Send + Sync>;

/// Why the partitions of a source are not known.
#[derive(Debug, thiserror::Error)]
pub enum PartitionsError {
    /// They cannot be listed.
    #[error("the source `{at}` cannot be listed")]
    NotListed {
        /// Where it is.
        at: String,
        /// The cause.
        source: PortError,
    },
    /// There are too many.
    #[error(
        "more than {MAX_PARTITIONS} files are of the form `{at}`: give each day a folder or a pattern \
         of its own"
    )]
    TooMany {
        /// Where they are.
        at: String,
    },
}

impl Place {
    /// Returns what stands before and behind the `*` of a pattern.
    fn pattern(&self) -> Option<(&str, &str)> {
        self.key.as_str().split_once('*')
    }

    /// Tells whether its name varies with the partition.
    fn is_of_partition(&self) -> bool {
        self.key.as_str().contains(PARTITION)
    }

    /// Puts `name` in place of what stands for a partition.
    fn of_partition(&self, name: &str) -> Result<Self, String> {
        let key = self.key.as_str().replace(PARTITION, name);
        let key = BlobKey::parse(key).map_err(|error| error.to_string())?;
        Ok(Self { store: self.store.clone(), key })
    }

    /// Adds `tail` to its name, before the ending.
    fn with_tail(&self, tail: &str) -> Result<Self, String> {
        let key = self.key.as_str();
        let key = match key.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => format!("{stem}-{tail}.{ending}"),
            _ => format!("{key}-{tail}"),
        };
        let key = BlobKey::parse(key).map_err(|error| error.to_string())?;
        Ok(Self { store: self.store.clone(), key })
    }
}

impl Pipeline {
    /// Tells whether its source is many files.
    pub fn is_partitioned(&self) -> bool {
        self.source.part.at.pattern().is_some()
    }

    /// Lists every file it writes, each with its setting.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'static str, &Place)> {
        let sink = std::iter::once(("sink", &self.sink.part.at));
        let quarantine = self.quarantine.iter().map(|it| ("quarantine", &it.at));
        sink.chain(quarantine).chain(self.baseline.iter().map(|it| ("baseline", it)))
    }

    /// Tells whether a file of some partition at `place` would be one of the source.
    fn takes_for_partition(&self, place: &Place) -> bool {
        let source = &self.source.part.at;
        let Some((before, behind)) = source.pattern() else { return false };
        let key = place.key.as_str().replace(PARTITION, "0");
        let rest = key.strip_prefix(before).and_then(|it| it.strip_suffix(behind));
        place.store == source.store && rest.is_some_and(|it| !it.contains('/'))
    }

    /// Checks that each partition writes files of its own.
    pub(super) fn check_partitions(&self, faults: &mut Faults<'_>) {
        let source = &self.source.part.at;
        let is_partitioned = self.is_partitioned();
        if source.pattern().is_some_and(|(_, behind)| behind.contains('*')) {
            let text = format!("`{source}` has two `*`: one stands for the name of a partition");
            faults.add(self.source.line, format!("{}.at", self.source.path), text);
        }
        for (name, place) in self.written() {
            let line = if name == "sink" { self.sink.line } else { 0 };
            let is_file = place.database_table().is_none();
            if is_partitioned && is_file && !place.is_of_partition() {
                let text = format!(
                    "`{place}` is the same for every file of `{source}`, and each would take the \
                     place of the one before: write `{PARTITION}` into its name"
                );
                faults.add(line, name, text);
            }
            if !is_partitioned && place.is_of_partition() {
                let text = format!(
                    "`{place}` names a partition, and the source is one file: write a `*` into its \
                     name, or leave `{PARTITION}` out"
                );
                faults.add(line, name, text);
            }
            if self.takes_for_partition(place) {
                let text = format!(
                    "`{place}` would be taken for a partition of `{source}` by the next run: write it \
                     into another folder"
                );
                faults.add(line, name, text);
            }
            if place.key.as_str().contains('*') {
                faults.add(line, name, format!("`{place}`: only a source may have a `*`"));
            }
        }
    }

    /// Returns the pipeline of the partition `name` alone: from its one file into files of its own. Of
    /// a source that is one file, it is the pipeline as it is.
    ///
    /// # Errors
    ///
    /// What is wrong with `name`.
    pub fn of_partition(&self, name: &str) -> Result<Self, String> {
        let Some((before, behind)) = self.source.part.at.pattern() else {
            return match name {
                "" => Ok(self.clone()),
                _ => Err(format!("there is no partition `{name}`: the source is one file")),
            };
        };
        if name.is_empty() || name.contains(['/', '*']) {
            return Err(format!("`{name}` is no partition: it is what the `*` of the source is"));
        }
        let key = BlobKey::parse(format!("{before}{name}{behind}"));
        let mut of_one = self.clone();
        of_one.source.part.at.key = key.map_err(|error| error.to_string())?;
        of_one.sink.part.at = self.sink.part.at.of_partition(name)?;
        let own = |it: &Sink| Ok::<_, String>(Sink { at: it.at.of_partition(name)?, ..it.clone() });
        of_one.quarantine = self.quarantine.as_ref().map(own).transpose()?;
        let own = |it: &Place| it.of_partition(name);
        of_one.baseline = self.baseline.as_ref().map(own).transpose()?;
        Ok(of_one)
    }

    /// Returns the pipeline of one partition for rows that are replayed as `run`: its files have names
    /// of their own, `…-replay-RUN`, rules of all rows are left out, and no figures are kept. Rows of a
    /// table go into it.
    ///
    /// # Errors
    ///
    /// When a name is too long, or the rows would take the place of all that the table has.
    pub fn for_replay(&self, run: &str) -> Result<Self, String> {
        let tail = format!("replay-{run}");
        let mut replayed = self.clone();
        let sink = &self.sink.part;
        match (sink.at.database_table(), &sink.write) {
            (None, _) => replayed.sink.part.at = sink.at.with_tail(&tail)?,
            (Some(table), WriteMode::Replace) => {
                return Err(format!(
                    "each run replaces `{table}`, and so would these rows alone: put them right in the \
                     source and run it again, or write `write: merge`"
                ));
            }
            (Some(_), _) => {}
        }
        let own = |it: &Sink| Ok::<_, String>(Sink { at: it.at.with_tail(&tail)?, ..it.clone() });
        replayed.quarantine = self.quarantine.as_ref().map(own).transpose()?;
        replayed.baseline = None;
        for step in &mut replayed.steps {
            if let super::step::Step::Check(rules) = &mut step.part {
                rules.retain(|it| !it.part.check.is_of_all_rows());
            }
        }
        Ok(replayed)
    }

    /// Lists its partitions, in the order of names; of a source that is one file, one without a name.
    ///
    /// # Errors
    ///
    /// [`PartitionsError`].
    pub async fn partitions(&self, open: &OpenBlobs) -> Result<Vec<String>, PartitionsError> {
        let at = &self.source.part.at;
        let Some((before, behind)) = at.pattern() else { return Ok(vec![String::new()]) };
        let failed = |source| PartitionsError::NotListed { at: at.to_string(), source };
        let store = open(&at.store).map_err(failed)?;
        let mut names = Vec::new();
        let mut after: Option<BlobKey> = None;
        loop {
            let page = store.list(before, after.as_ref(), PAGE).await.map_err(failed)?;
            for blob in &page {
                let key = blob.key.as_str();
                let name = key.strip_prefix(before).and_then(|it| it.strip_suffix(behind));
                names.extend(
                    name.filter(|it| !it.is_empty() && !it.contains('/')).map(str::to_owned),
                );
            }
            if names.len() > MAX_PARTITIONS {
                return Err(PartitionsError::TooMany { at: at.to_string() });
            }
            let is_last = page.len() < usize::try_from(PAGE.get()).unwrap_or(usize::MAX);
            after = page.into_iter().last().map(|it| it.key);
            if is_last {
                break;
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etl::read_pipeline;
    use crate::ports::{MemoryBlobStore, PutBlob, SystemClock};

    const TEXT: &str = r#"
pipeline: parted
source:
  at: file:in/cases-*.csv
  columns: [{name: id}]
rules:
  - not_null: id
  - {row_count: {min: 1}}
sink: {at: "file:out/{partition}.csv"}
quarantine: {at: "file:out/{partition}-rejects.csv"}
"#;

    fn pipeline() -> Pipeline {
        read_pipeline("p.yaml", TEXT).unwrap()
    }

    fn written(pipeline: &Pipeline) -> Vec<String> {
        pipeline.written().map(|(_, it)| it.to_string()).collect()
    }

    #[test]
    fn partition_goes_from_its_file_into_files_of_its_own() {
        let of_one = pipeline().of_partition("2026-01").unwrap();
        assert_eq!(of_one.source.part.at.to_string(), "file:in/cases-2026-01.csv");
        assert_eq!(written(&of_one), ["file:out/2026-01.csv", "file:out/2026-01-rejects.csv"]);
        assert!(!of_one.is_partitioned());
        for name in ["", "a/b", "*"] {
            assert!(pipeline().of_partition(name).is_err(), "{name}");
        }
    }

    #[test]
    fn replay_writes_beside_the_output_and_leaves_rules_of_all_rows_out() {
        let replayed = pipeline().of_partition("a").unwrap().for_replay("77").unwrap();
        assert_eq!(
            written(&replayed),
            ["file:out/a-replay-77.csv", "file:out/a-rejects-replay-77.csv"]
        );
        assert_eq!(replayed.rules().count(), 1);
    }

    #[test]
    fn place_that_is_the_same_for_all_partitions_is_refused() {
        for (from, to, fault) in [
            ("{partition}.csv", "all.csv", "sink: `file:out/all.csv` is the same for every file"),
            ("{partition}-rejects", "rejects", "quarantine: `file:out/rejects.csv` is the same"),
            ("cases-*", "cases", "names a partition, and the source is one file"),
            ("cases-*", "*-*", "has two `*`"),
            ("file:out/{partition}.csv", "file:in/cases-{partition}.csv", "taken for a partition"),
            ("{partition}.csv", "{partition}*.csv", "only a source may have a `*`"),
        ] {
            let faults = read_pipeline("p.yaml", &TEXT.replace(from, to)).unwrap_err();
            let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            assert!(text.contains(fault), "{fault} is not in {text}");
        }
    }

    #[tokio::test]
    async fn partitions_are_the_files_of_the_pattern_by_name() {
        let store = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
        for key in ["cases-b.csv", "cases-a.csv", "cases-.csv", "cases-c/d.csv", "other.csv"] {
            let key = BlobKey::parse(key).unwrap();
            store.put(&key, "id\n".into(), &PutBlob::default()).await.unwrap();
        }
        let open: OpenBlobs = Arc::new(move |_: &str| Ok(store.clone() as Arc<dyn BlobStore>));
        assert_eq!(pipeline().partitions(&open).await.unwrap(), ["a", "b"]);
        let one = pipeline().of_partition("b").unwrap();
        assert_eq!(one.partitions(&open).await.unwrap(), [""]);
    }
}
