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

/// How far a file has come, on standard error.
pub(crate) struct Transferred {
    what: &'static str,
    bar: Option<ProgressBar>,
    last_tenth: AtomicU64,
}

impl Transferred {
    /// Starts to show bytes that are `what`, such as `sent`.
    pub(crate) fn start(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::no_length();
            let form = "{bar:30} {bytes} of {total_bytes} {msg} ({bytes_per_sec}, {eta} left)";
            if let Ok(style) = ProgressStyle::with_template(form) {
                bar.set_style(style);
            }
            bar.set_message(what);
            bar
        });
        Self { what, bar, last_tenth: AtomicU64::new(0) }
    }

    /// Ends it.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl shared::transfer::Progress for Transferred {
    #[expect(clippy::print_stderr, reason = "progress belongs on standard error")]
    fn moved(&self, n_bytes: u64, n_total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(n_total);
            bar.set_position(n_bytes);
            return;
        }
        let tenth = (n_bytes * 10).checked_div(n_total).unwrap_or(10);
        if self.last_tenth.fetch_max(tenth, Ordering::Relaxed) < tenth {
            eprintln!("{n_bytes} of {n_total} bytes {}", self.what);
        }
    }
}
