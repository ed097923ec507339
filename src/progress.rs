//! Shows how far long work has come: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a plain line is printed, in units of work.
const LINE_EVERY: u64 = 50_000;

/// The progress of one piece of work, on standard error.
pub(crate) struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    last_line: AtomicU64,
}

impl Progress {
    /// Starts to show work named `what`, such as `audit rows`, of a length not yet known.
    pub(crate) fn start(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} {human_pos} {msg} ({per_sec})")
            {
                bar.set_style(style);
            }
            bar.set_message(what);
            bar
        });
        Self { what, bar, last_line: AtomicU64::new(0) }
    }

    /// Shows that `n_done` units are done.
    #[expect(clippy::print_stderr, reason = "progress belongs on standard error")]
    pub(crate) fn set(&self, n_done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(n_done);
        } else if n_done >= self.last_line.load(Ordering::Relaxed) + LINE_EVERY {
            self.last_line.store(n_done, Ordering::Relaxed);
            eprintln!("{n_done} {}", self.what);
        }
    }

    /// Ends it.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
