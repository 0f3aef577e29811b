//! The output of the timeline: a terminal with a progress line at its foot, or plain text.

use super::{paint, timeline::Line};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Update interval of the progress line.
const TICK: Duration = Duration::from_millis(120);

/// The output for lines.
pub struct Screen {
    progress: Option<ProgressBar>,
    width: Option<usize>,
    closed: AtomicBool,
}

impl Screen {
    /// Standard output, with a progress line on a terminal.
    pub fn standard() -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let progress = terminal.then(|| {
            let style = ProgressStyle::with_template("  {spinner:.cyan} {msg:.dim} {elapsed:.dim}");
            let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(TICK);
            bar
        });
        let width = terminal.then(|| comfy_table::Table::new().width()).flatten().map(usize::from);
        Screen { progress, width, closed: AtomicBool::new(false) }
    }

    /// Shows lines that arrived together.
    pub fn show(&self, lines: &[Line]) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        for text in paint::lines(lines, self.width) {
            self.print(&text);
        }
    }

    /// Shows a text unchanged, without colours where they are not supported.
    pub fn print(&self, text: &str) {
        match &self.progress {
            Some(bar) => bar.suspend(|| anstream::println!("{text}")),
            None => anstream::println!("{text}"),
        }
    }

    /// Shows what the story waits for.
    pub fn waiting(&self, what: &str) {
        if let Some(bar) = &self.progress {
            let room = self.width.unwrap_or(80).saturating_sub(12);
            bar.set_message(what.chars().take(room).collect::<String>());
            bar.reset_elapsed();
        }
    }

    /// Removes the progress line, and ignores further lines.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(bar) = &self.progress {
            bar.finish_and_clear();
        }
    }
}
