//! `tenure audit`: who did what, and whether the chain of records is whole.

use super::{Context, Exit, Fault, Terminal, render};
use crate::api::{
    Read,
    wire::{AuditView, AuditsView},
};
use jiff::Timestamp;
use std::time::Duration;

/// How far back, or from which record on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Records with a greater number.
    Number(u64),
    /// Records of this last time.
    Ago(Duration),
}

/// What is wrong with the chain, if anything is.
#[derive(Default)]
struct Chain {
    last: Option<(u64, String)>,
    first: u64,
    broken: Vec<String>,
}

impl Chain {
    fn take(&mut self, record: &AuditView) {
        match &self.last {
            None => self.first = record.number,
            Some((number, _)) if record.number != number + 1 => {
                self.broken.push(missing(number + 1, record.number.saturating_sub(1)));
            }
            Some((_, before)) if record.expected(Some(before)).as_ref() != Some(&record.hash) => {
                self.broken.push(format!("record {} or the one before it was changed", record.number));
            }
            Some(_) => {}
        }
        if record.number == 1 && record.expected(None).as_ref() != Some(&record.hash) {
            self.broken.push("record 1 was changed".to_owned());
        }
        self.last = Some((record.number, record.hash.clone()));
    }

    /// Holds the end against what the cluster knows of it.
    fn end(&mut self, page: &AuditsView) {
        let Some((number, hash)) = &self.last else {
            if page.count > 0 {
                self.broken.push(format!("node {} keeps none of {} records", page.node, page.count));
            }
            return;
        };
        if *number != page.count {
            self.broken.push(missing(number + 1, page.count));
        } else if page.hash.as_ref() != Some(hash) {
            self.broken.push(format!("record {number} is not the one that the cluster knows"));
        }
    }
}

fn missing(first: u64, last: u64) -> String {
    if first == last { format!("record {first} is missing") } else { format!("records {first} to {last} are missing") }
}

pub(super) async fn audit(since: Option<Since>, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let mut after = if let Some(Since::Number(number)) = since { number } else { 0 };
    let from = match since {
        Some(Since::Ago(ago)) => Timestamp::now().checked_sub(ago).ok(),
        Some(Since::Number(_)) | None => None,
    };
    let mut chain = Chain::default();
    let page = loop {
        let page = context.client.audit(after, context.read()).await?;
        for record in &page.records {
            chain.take(record);
            let old = from.is_some_and(|from| record.at.parse::<Timestamp>().is_ok_and(|at| at < from));
            if old {
                continue;
            }
            if context.json() {
                terminal.line(serde_json::to_string(record).map_err(std::io::Error::other)?)?;
            } else {
                terminal.print(&render::audit(record, terminal.style))?;
            }
        }
        match page.records.last() {
            Some(last) if last.number < page.count => after = last.number,
            Some(_) | None => break page,
        }
    };
    // Without everything acknowledged before, the end may be an older one.
    if context.read() == Read::Linearizable {
        chain.end(&page);
    }
    if !chain.broken.is_empty() {
        let message = format!("the audit of node {} is not whole: {}", page.node, chain.broken.join("; "));
        let suggestion = "compare it with that of another node: `tenure --node HOST:PORT audit`".to_owned();
        return Err(Fault::NotWhole { message, suggestion });
    }
    if !context.json() {
        let kept = chain.last.map_or("no records".to_owned(), |(last, _)| format!("records {} to {last}", chain.first));
        terminal.line(format!("{kept}, as node {} keeps them; the chain is whole", page.node))?;
    }
    Ok(Exit::Done)
}

/// `24h`, or the number of a record.
pub fn since(text: &str) -> Result<Since, String> {
    if let Ok(number) = text.parse() {
        return Ok(Since::Number(number));
    }
    let span = tenure_config::span(text).ok_or("write a time such as 30m or 24h, or the number of a record")?;
    Ok(Since::Ago(Duration::from_millis(span.0)))
}
