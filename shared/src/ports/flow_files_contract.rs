//! What every sink of flow files must keep: see the contract of [`FlowFileSink`].

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a contract suite fails by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::flow_files::{FlowContent, FlowFile, FlowFileSink, FlowFileSource, FlowFiles};
use crate::error::{PortError, PortErrorKind};
use crate::ids::CorrelationId;

/// A flow file that was taken: its attributes and its content.
pub type TakenFile = (BTreeMap<String, String>, Vec<u8>);

/// A flow file to be made: its attributes and the pieces of its content.
pub type MadeFile = (Vec<(&'static str, String)>, Vec<&'static [u8]>);

/// Makes a source that gives `files`.
pub fn source_of(files: Vec<MadeFile>) -> Arc<dyn FlowFileSource> {
    Arc::new(move || -> FlowFiles {
        let made = files.clone().into_iter().map(|(attributes, pieces)| {
            let n_bytes = pieces.iter().map(|it| it.len() as u64).sum();
            let chunks = stream::iter(pieces.into_iter().map(|it| Ok(Bytes::from_static(it))));
            let mut file = FlowFile::new(FlowContent::streamed(n_bytes, chunks.boxed()));
            for (name, value) in attributes {
                file = file.with(name, value).unwrap();
            }
            Ok(file)
        });
        stream::iter(made.collect::<Vec<_>>()).boxed()
    })
}

/// Proves the contract at `sink`; `taken` reads what is on the other side, in order.
pub async fn flow_files_contract<F>(sink: &dyn FlowFileSink, taken: impl Fn() -> F)
where
    F: Future<Output = Vec<TakenFile>>,
{
    let correlation = CorrelationId::parse("contract-1").unwrap();
    let before = taken().await.len();

    let nothing = sink.send(source_of(Vec::new()), &correlation).await.unwrap();
    assert_eq!((nothing.n_files, nothing.n_bytes), (0, 0), "nothing is no batch");

    let long = "é".repeat(40_000);
    let batch = source_of(vec![
        (
            vec![("filename", "a.json".to_owned()), ("case.id", "42".to_owned())],
            vec![b"{\"a\"", b":1}"],
        ),
        (vec![("filename", "empty".to_owned())], Vec::new()),
        (
            vec![("note", long.clone()), ("correlation_id", "own".to_owned())],
            vec![&[0; 100_000], &[255; 7]],
        ),
        (Vec::new(), vec![b"last"]),
    ]);
    let receipt = sink.send(Arc::clone(&batch), &correlation).await.unwrap();
    assert_eq!((receipt.n_files, receipt.n_bytes), (4, 7 + 100_007 + 4));
    let there = taken().await.split_off(before);
    let contents: Vec<_> = there.iter().map(|(_, content)| content.len()).collect();
    assert_eq!(contents, [7, 0, 100_007, 4], "whole, and in order");
    assert_eq!(there[0].0["case.id"], "42");
    assert_eq!(there[0].0["correlation_id"], "contract-1");
    assert_eq!(there[2].0["correlation_id"], "own", "its own is left");
    assert_eq!(there[0].1, b"{\"a\":1}");
    assert_eq!(there[2].0["note"], long);

    sink.send(batch, &correlation).await.unwrap();
    assert_eq!(taken().await.len(), before + 8, "sent again is taken again");

    for broken in [broken_off(), too_short(), too_long()] {
        let error = sink.send(broken, &correlation).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected);
    }
    assert_eq!(taken().await.len(), before + 8, "a batch is taken as a whole or not at all");
}

fn broken_off() -> Arc<dyn FlowFileSource> {
    Arc::new(|| -> FlowFiles {
        let error = PortError::new(PortErrorKind::Rejected, "memory", "read", "source");
        stream::iter([Ok(FlowFile::new(Bytes::from_static(b"first"))), Err(error)]).boxed()
    })
}

fn of_length(n_bytes: u64) -> Arc<dyn FlowFileSource> {
    Arc::new(move || -> FlowFiles {
        let chunks = stream::iter([Ok(Bytes::from_static(b"five!"))]).boxed();
        stream::iter([Ok(FlowFile::new(FlowContent::streamed(n_bytes, chunks)))]).boxed()
    })
}

fn too_short() -> Arc<dyn FlowFileSource> {
    of_length(6)
}

fn too_long() -> Arc<dyn FlowFileSource> {
    of_length(4)
}
