//! The log of this process: where its lines go, how they look, and what is told at all.
//!
//! Promises: one line for one event; what the line of an event of the ledger is about is in fields of its own in JSON, and is
//! not said twice in text; a level that was set for a time goes back by itself.

use crate::{local::LogFormat, shown::Log};
use std::{
    collections::VecDeque,
    fmt,
    io::{self, IsTerminal},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tenure_core::{ForeignLines, ForeignText, Span, trust::LogLevel};
use tracing::field::{Field, Visit};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    field::RecordFields,
    fmt::{FormatFields, MakeWriter, format::Writer, layer},
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

/// What others' libraries may say. openraft's own text is not for people: what matters of it is said by this node itself.
const OTHERS: &str = "openraft=error,russh=warn,rustls=warn,hyper=warn,sled=warn";
/// Lines that are kept for `tenure debug bundle`.
const KEPT: usize = 2000;
/// Bytes of one kept line.
const LINE: usize = 2000;

/// The log of this process, once it has begun.
static LOG: OnceLock<Logging> = OnceLock::new();

/// The log of this process.
struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    /// What is told without anybody's wish.
    usual: String,
    wish: Mutex<Wish>,
    kept: Kept,
}

/// A level that was set for a time.
#[derive(Default)]
struct Wish {
    /// Counts the wishes, so that only the last one ends.
    count: u64,
    now: Option<(LogLevel, Instant)>,
}

/// The level of this log.
pub struct Told {
    /// What is told now, as in `TENURE_LOG`.
    pub filter: String,
    /// Time until it goes back to the usual one, if it was set for a time.
    pub left: Option<Duration>,
    /// The last lines, oldest first.
    pub lines: Vec<String>,
}

/// Begins the log. What is told is in `TENURE_LOG`, if that is set.
pub fn start(format: LogFormat) {
    let wanted = std::env::var("TENURE_LOG").ok().filter(|text| EnvFilter::try_new(text).is_ok());
    let usual = wanted.unwrap_or_else(|| format!("info,{OTHERS}"));
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&usual));
    let kept = Kept::default();
    let colours = io::stderr().is_terminal();
    let lines = match format {
        LogFormat::Text => layer()
            .with_ansi(colours)
            .with_target(false)
            .fmt_fields(Plain)
            .with_writer(move || Log::text(io::stderr(), colours))
            .boxed(),
        LogFormat::Json => layer().json().with_writer(|| Log::json(io::stderr())).boxed(),
    };
    let recent = layer().with_ansi(false).with_target(false).fmt_fields(Plain).with_writer(kept.clone());
    tracing_subscriber::registry().with(filter).with(lines).with(recent).init();
    let _ = LOG.set(Logging { filter: handle, usual, wish: Mutex::default(), kept });
}

/// Tells more, or less, for a time.
fn set(level: LogLevel, lasts: Duration) -> Result<String, String> {
    let Some(log) = LOG.get() else { return Err("this process keeps no log of its own".to_owned()) };
    let mine = {
        let mut wish = log.wish.lock().unwrap_or_else(PoisonError::into_inner);
        wish.count += 1;
        wish.now = Some((level, Instant::now() + lasts));
        wish.count
    };
    log.tell(&format!("{level},{OTHERS}"))?;
    let (for_, seconds) = (level.to_string(), lasts.as_secs());
    tracing::warn!(kind = "log_level", "the log level is {for_} for {seconds} s");
    tokio::spawn(async move {
        tokio::time::sleep(lasts).await;
        log.end(mine);
    });
    Ok(format!("the log level is {for_} for {seconds} s, then what it was"))
}

/// The same, for an answer to another node.
pub fn set_here(level: LogLevel, lasts: Span) -> Result<ForeignLines, ForeignText> {
    let said = set(level, Duration::from_millis(lasts.0));
    said.map(|said| said.as_str().into()).map_err(ForeignText::from)
}

/// What is told now, and the last lines.
pub fn told(lines: usize) -> Option<Told> {
    let log = LOG.get()?;
    let now = log.wish.lock().unwrap_or_else(PoisonError::into_inner).now;
    let filter = now.map_or_else(|| log.usual.clone(), |(level, _)| format!("{level},{OTHERS}"));
    let left = now.map(|(_, until)| until.saturating_duration_since(Instant::now()));
    let kept = log.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = kept.iter().skip(kept.len().saturating_sub(lines)).cloned().collect();
    Some(Told { filter, left, lines })
}

impl Logging {
    fn tell(&self, what: &str) -> Result<(), String> {
        let filter = EnvFilter::try_new(what).map_err(|why| why.to_string())?;
        self.filter.reload(filter).map_err(|why| why.to_string())
    }

    /// Goes back to the usual, unless another wish came after this one.
    fn end(&self, mine: u64) {
        let mut wish = self.wish.lock().unwrap_or_else(PoisonError::into_inner);
        if wish.count != mine {
            return;
        }
        wish.now = None;
        drop(wish);
        match self.tell(&self.usual) {
            Ok(()) => tracing::warn!(kind = "log_level", "the log level is what it was before: {}", self.usual),
            Err(why) => tracing::error!(kind = "log_level", %why, "the log level does not go back"),
        }
    }
}

/// The last lines.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<VecDeque<String>>>);

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Log<Kept>;

    fn make_writer(&'a self) -> Log<Kept> {
        Log::text(self.clone(), false)
    }
}

impl io::Write for Kept {
    /// Takes a whole line, or its end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes != b"\n" {
            let line = String::from_utf8_lossy(bytes);
            let end = (0..=LINE.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_back(line.get(..end).unwrap_or_default().to_owned());
            while kept.len() > KEPT {
                kept.pop_front();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fields behind the message of a line of text. What the message says already is not said again.
struct Plain;

impl<'writer> FormatFields<'writer> for Plain {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut found = Fields::default();
        fields.record(&mut found);
        writer.write_str(&found.message)?;
        for (name, value) in &found.others {
            let subject = ["group", "server", "node", "hmc", "address"].contains(name);
            let is_said = subject && found.message.contains(value.trim_matches('"'));
            if *name != "kind" && !is_said {
                write!(writer, " {name}={value}")?;
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            self.others.push((field.name(), format!("{value:?}")));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.others.push((field.name(), format!("{value:?}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::fmt::Subscriber;

    #[test]
    fn what_a_line_says_is_not_said_twice_and_the_last_lines_are_kept() {
        let kept = Kept::default();
        let log = Subscriber::builder().with_ansi(false).without_time().with_target(false).fmt_fields(Plain);
        tracing::subscriber::with_default(log.with_writer(kept.clone()).finish(), || {
            let (group, server) = (Some("web"), None::<&str>);
            tracing::info!(index = 7, kind = "adopted", group, server, "group web adopted");
            tracing::warn!(node = "p2", why = "no\nroute", "cannot be reached");
            for number in 0..KEPT {
                tracing::info!(number, "again");
            }
        });
        let lines: Vec<String> = kept.0.lock().unwrap().iter().cloned().collect();
        assert_eq!(lines.len(), KEPT);
        assert_eq!(lines.last().unwrap().trim_start(), format!("INFO again number={}", KEPT - 1));
        let first = Kept::default();
        let log = Subscriber::builder().with_ansi(false).without_time().with_target(false).fmt_fields(Plain);
        tracing::subscriber::with_default(log.with_writer(first.clone()).finish(), || {
            tracing::info!(index = 7, kind = "adopted", group = Some("web"), "group web adopted");
            tracing::warn!(node = "p2", why = "no\nroute", "cannot be reached");
        });
        let lines: Vec<String> = first.0.lock().unwrap().iter().map(|line| line.trim_start().to_owned()).collect();
        assert_eq!(lines, ["INFO group web adopted index=7", "WARN cannot be reached node=\"p2\" why=\"no\\nroute\""]);
    }
}
