//! Long answers, page by page.

use super::{Client, ClientError, decode, escape, freshness, told};
use crate::api::{
    backend::Read,
    part::{PAGE, Part, add, put_in_order},
    verdict::totals,
    wire::{RecordView, StatusView, Verdict},
};

/// Attempts to read all pages, when the cluster is declared anew between two of them.
const ATTEMPTS: usize = 3;
/// Records on a page.
const RECORDS: usize = 1000;

/// Which events: all without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Only those about this group.
    pub group: Option<String>,
    /// Only those about this server.
    pub on: Option<String>,
}

impl Which {
    /// As a query, behind another one.
    pub(super) fn query(&self) -> String {
        let all = [("group", &self.group), ("on", &self.on)];
        all.into_iter().filter_map(|(key, value)| Some(format!("&{key}={}", escape(value.as_ref()?)))).collect()
    }
}

impl Client {
    /// The status of the whole cluster, read page by page.
    pub async fn status(&self, read: Read) -> Result<StatusView, ClientError> {
        self.status_of(&Part::default(), read).await
    }

    /// A part of the status, however many pages that is. With a limit of its own it is the first page alone.
    pub async fn status_of(&self, part: &Part, read: Read) -> Result<StatusView, ClientError> {
        let first = self.status_page(part, read).await?;
        self.status_rest(first, part, read).await
    }

    /// The pages after the first one, too.
    pub async fn status_rest(&self, first: StatusView, part: &Part, read: Read) -> Result<StatusView, ClientError> {
        let mut whole = first;
        if part.limit.is_some() {
            return Ok(whole);
        }
        let mut attempts = 1;
        while let Some(after) = whole.next.take() {
            let behind = Part { after: Some(after), ..part.clone() };
            match self.status_page(&behind, read).await {
                Ok(page) => add(&mut whole, page),
                // Its order may be another one now.
                Err(ClientError::Answered(error))
                    if error.code.as_deref() == Some("page_outdated") && attempts < ATTEMPTS =>
                {
                    attempts += 1;
                    whole = self.status_page(part, read).await?;
                }
                Err(error) => return Err(error),
            }
        }
        put_in_order(&mut whole);
        Ok(whole)
    }

    /// One page of a part of the status.
    pub async fn status_page(&self, part: &Part, read: Read) -> Result<StatusView, ClientError> {
        let part = Part { limit: part.limit.or(Some(PAGE)), ..part.clone() };
        let view: StatusView = self.question(&format!("/v1/status?{}{}", freshness(read), part.query(escape))).await?;
        if part.after.is_none() {
            self.names(told::of_status(&view));
        }
        Ok(if part.after.is_none() && view.verdict.is_none() { of_everything(view, &part) } else { view })
    }

    /// Records after a log index, as far as they are kept.
    pub async fn events(&self, since: u64, read: Read) -> Result<Vec<RecordView>, ClientError> {
        self.events_of(since, &Which::default(), read).await
    }

    /// The same of some of them, read page by page.
    pub async fn events_of(&self, since: u64, which: &Which, read: Read) -> Result<Vec<RecordView>, ClientError> {
        let (mut all, mut after) = (Vec::new(), since);
        loop {
            let path = format!("/v1/events?since={after}&limit={RECORDS}&{}{}", freshness(read), which.query());
            let body = self.race(&|url| self.http.get(url), &path).await?;
            let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let page: Vec<RecordView> = lines.map(decode).collect::<Result<_, _>>()?;
            let (length, last) = (page.len(), page.last().map_or(after, |record| record.index));
            all.extend(page);
            if length < RECORDS || last <= after {
                return Ok(all);
            }
            after = last;
        }
    }
}

/// What was asked for, of the answer of a node of an older build: it sends everything, and judges nothing.
fn of_everything(mut view: StatusView, part: &Part) -> StatusView {
    let (verdict, totals) = (Verdict::of(&view), totals(&view));
    view = part.taken_of(view);
    StatusView { verdict: Some(verdict), totals: Some(totals), ..view }
}
