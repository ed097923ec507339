//! A collector of traces: `rotel`, which prints every span that it is sent.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::moodbridge::free_port;
use crate::tools::find;

/// A running collector; dropping it ends it.
pub(crate) struct Collector {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

/// A span as the collector printed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) id: String,
    pub(crate) parent_id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
}

impl Collector {
    /// Starts one on a free port.
    pub(crate) async fn start() -> Option<Self> {
        let tool = find("otlp", "rotel-agent", "MOODBRIDGE_ROTEL")?;
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let log = std::fs::File::create(folder.path().join("spans.log")).unwrap();
        let child = Command::new(tool)
            .arg("start")
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{}", free_port())])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")])
            .args(["--exporter", "blackhole", "--disable-batching"])
            .args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .current_dir(folder.path())
            .spawn()
            .unwrap();
        let collector = Self { child, folder, port };
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the collector is not ready: {}", collector.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(collector)
    }

    /// Returns where spans are posted.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what was printed.
    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        let _ = std::fs::File::open(self.folder.path().join("spans.log"))
            .and_then(|mut file| file.read_to_string(&mut text));
        text
    }

    /// Returns the spans of the trace `trace_id`.
    pub(crate) fn spans(&self, trace_id: &str) -> Vec<Span> {
        spans_of(&self.log()).into_iter().filter(|it| it.trace_id == trace_id).collect()
    }

    /// Waits until `wanted` holds for the spans of the trace `trace_id`.
    pub(crate) async fn wait_for(
        &self,
        trace_id: &str,
        wanted: impl Fn(&[Span]) -> bool,
    ) -> Vec<Span> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let spans = self.spans(trace_id);
            if wanted(&spans) {
                return spans;
            }
            assert!(Instant::now() < deadline, "{spans:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads spans from the text that the collector prints.
fn spans_of(log: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for line in log.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let (name, value) = (name.trim(), value.trim().to_owned());
        if name == "Trace ID" {
            spans.push(Span { trace_id: value, ..Span::default() });
            continue;
        }
        let Some(span) = spans.last_mut() else { continue };
        match name {
            "ID" => span.id = value,
            "Parent ID" => span.parent_id = value,
            "Name" => span.name = value,
            "Kind" => span.kind = value,
            _ => {}
        }
    }
    spans
}
