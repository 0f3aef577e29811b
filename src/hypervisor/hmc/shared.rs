//! Overviews that another node tells, and those that this node tells others.
//!
//! Promises: total over whatever another node says. What it tells began after it was asked, so after the reading that needs
//! it; how long before the answer is only believed as far as this node's own clock allows it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tenure_core::{ForeignText, config};
use tokio::time::Instant;

use super::address::HmcAddress;
use super::console::Console;
use super::driver::HmcDriver;
use super::overview::Overview;
use super::queries::Wanted;
use super::records::Record;
use super::time::Time;
use crate::hypervisor::Urgency;
use crate::hypervisor::registry::READ_DEADLINE;
use crate::hypervisor::sharing::{LINKS, Neighbours, Row, SYSTEMS, Sharing, Told, Which};

/// What is told of a system.
const OF_SYSTEM: [&str; 4] = ["type_model", "serial_num", "state", "sys_time"];
/// What is told of a link.
const OF_LINK: [&str; 4] = ["type_model_serial_num", "state", "sp_type", "vmi_state"];
/// Longest word that is told, in bytes. The known ones are much shorter.
const WORD: usize = 128;
/// Questions of other nodes that wait here. More are refused, and those nodes ask by themselves.
pub const WAITING: usize = 1_024;

/// How a reading shares overviews with other nodes.
#[derive(Clone)]
pub struct With {
    pub neighbours: Arc<dyn Neighbours>,
    /// Whether it is on behalf of another node: then none is asked.
    pub on_behalf: bool,
}

/// What another node tells of all systems of an HMC, asked after this call. `None` if this node has to ask.
pub async fn told(console: &Console, wanted: &Wanted) -> Option<Overview> {
    let with = wanted.sharing.as_ref().filter(|with| !with.on_behalf)?;
    let began = Instant::now();
    let told = tokio::time::timeout_at(wanted.time.turn_by(), with.neighbours.ask(&which(console.address()))).await;
    overview(told.ok()??, [began, Instant::now()])
}

/// What was told between these two moments.
fn overview(told: Told, [began, ended]: [Instant; 2]) -> Option<Overview> {
    let within = told.systems.len() <= SYSTEMS && told.links.len() <= LINKS;
    let records = |rows: &[Row], columns| rows.iter().map(|row| record(row, columns)).collect::<Option<Vec<_>>>();
    let (systems, links) = (records(&told.systems, OF_SYSTEM)?, records(&told.links, OF_LINK)?);
    let latest = ended.checked_sub(Duration::from_millis(told.age)).map_or(began, |asked| asked.max(began));
    within.then(|| Overview { systems: Arc::new(systems), links: Arc::new(links), asked: [began, latest] })
}

fn record(row: &Row, columns: [&str; 4]) -> Option<Record> {
    let words = columns.iter().zip(row).filter_map(|(column, word)| Some((column, word.as_ref()?)));
    let pairs = words.map(|(column, word)| (word.len() <= WORD).then(|| ((*column).to_owned(), word.to_string())));
    Some(Record::new(pairs.collect::<Option<_>>()?))
}

/// What this node tells of an overview; the error is the reason why it does not.
fn telling(overview: &Overview) -> Result<Told, ForeignText> {
    let rows = |records: &[Record], columns, most: usize| {
        let rows = records.iter().map(|record| row(record, columns)).collect::<Option<Vec<Row>>>();
        rows.filter(|rows| rows.len() <= most).ok_or_else(|| ForeignText::from("the HMC said more than can be told on"))
    };
    let (systems, links) = (rows(&overview.systems, OF_SYSTEM, SYSTEMS)?, rows(&overview.links, OF_LINK, LINKS)?);
    let age = u64::try_from(overview.asked[1].elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Told { age, systems, links })
}

/// `None` if a word would not arrive as it was said.
fn row(record: &Record, columns: [&str; 4]) -> Option<Row> {
    let word = |column| match record.get(column) {
        None => Some(None),
        Some(said) => {
            let word = ForeignText::from(said);
            (said.len() <= WORD && &*word == said).then_some(Some(word))
        }
    };
    let [first, second, third, fourth] = columns;
    Some([word(first)?, word(second)?, word(third)?, word(fourth)?])
}

fn which(address: &HmcAddress) -> Which {
    let HmcAddress { name, address, user, key: _, host_key_fingerprint } = address;
    let declared = config::Hmc { address: address.clone(), user: user.clone(), host_key: host_key_fingerprint.clone() };
    Which { hmc: name.as_str().into(), declared }
}

#[async_trait]
impl Sharing for HmcDriver {
    fn share_with(&self, neighbours: Arc<dyn Neighbours>) {
        *self.neighbours().write().unwrap_or_else(PoisonError::into_inner) = Some(neighbours);
    }

    async fn tell(&self, asked: &Which) -> Result<Told, ForeignText> {
        let Ok(_one) = self.waiting().try_acquire() else { return Err("too many questions wait here".into()) };
        // One that is declared otherwise here is another one: this node or that one does not know the latest yet.
        let known = self.by_name(asked.hmc.as_str()).filter(|hmc| which(hmc.console.address()) == *asked);
        let hmc = known.ok_or("this node knows no such HMC")?;
        let sharing = self.sharing_with().map(|with| With { on_behalf: true, ..with });
        let mut wanted = Wanted { urgency: Urgency::Rest, time: Time::new(READ_DEADLINE), sharing };
        let overview = hmc.overview(&mut wanted).await;
        telling(&overview.map_err(|failure| ForeignText::from(failure.to_string()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(rows: &[&[(&str, &str)]]) -> Arc<Vec<Record>> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Arc::new(rows.iter().map(|row| Record::new(row.iter().map(pair).collect())).collect())
    }

    fn said(state: &str) -> Overview {
        let systems =
            records(&[&[("name", "p1"), ("type_model", "9009-42A"), ("serial_num", "1234567"), ("state", state)]]);
        let links =
            records(&[&[("type_model_serial_num", "9009-42A*1234567"), ("sp_type", "ebmc"), ("state", "Connected")]]);
        Overview { systems, links, asked: [Instant::now(); 2] }
    }

    #[test]
    fn what_is_told_is_what_the_hmc_said() {
        let before = said("Power Off - In Progress");
        let began = Instant::now();
        let after = overview(telling(&before).unwrap(), [began, Instant::now()]).unwrap();
        let facts = super::super::answers::system(&after.systems, "9009-42A*1234567").unwrap();
        assert_eq!(facts, super::super::answers::system(&before.systems, "9009-42A*1234567").unwrap());
        assert_eq!(after.links[0].get("state"), Some("Connected"));
        assert_eq!(after.links[0].get("vmi_state"), None, "what was not said is not told");
    }

    #[test]
    fn a_word_that_would_not_arrive_as_it_is_is_not_told() {
        for state in ["Oper\nating", "Oper\u{202e}ating", &"x".repeat(WORD + 1)] {
            assert!(telling(&said(state)).is_err(), "{state:?}");
        }
    }

    #[test]
    fn more_than_any_hmc_has_is_neither_told_nor_taken() {
        let row: Row = [None, None, None, None];
        let told =
            |systems, links| Told { age: 0, systems: vec![row.clone(); systems], links: vec![row.clone(); links] };
        let now = [Instant::now(); 2];
        assert!(overview(told(SYSTEMS, LINKS), now).is_some());
        assert!(overview(told(SYSTEMS + 1, 0), now).is_none() && overview(told(0, LINKS + 1), now).is_none());
        let long = [Some(ForeignText::from("x".repeat(WORD + 1))), None, None, None];
        assert!(overview(Told { age: 0, systems: vec![long], links: Vec::new() }, now).is_none());
        let many = Overview { systems: Arc::new(vec![Record::default(); SYSTEMS + 1]), ..said("Operating") };
        assert!(telling(&many).is_err());
    }

    #[test]
    fn the_age_that_another_node_says_moves_nothing_out_of_the_time_between_question_and_answer() {
        let began = Instant::now();
        let ended = began + Duration::from_secs(4);
        for (age, latest) in [(0, ended), (1_000, began + Duration::from_secs(3)), (9_000, began), (u64::MAX, began)] {
            let told = Told { age, systems: Vec::new(), links: Vec::new() };
            assert_eq!(overview(told, [began, ended]).unwrap().asked, [began, latest], "{age}");
        }
    }
}
