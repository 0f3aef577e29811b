//! The ledger as the replicated state machine of consensus.

use super::audit::AuditLog;
use std::sync::{Arc, OnceLock};
use tenure_core::{
    Entry, Ledger, Level, NodeName, Refusal, Reply, Time, codec,
    command::{DECLARING_LIMIT, ENTRY_LIMIT},
    node::Digest,
};
use tenure_raft::{RestoreError, StateMachine};

const _: () = assert!(DECLARING_LIMIT <= tenure_raft::MAX_COMMAND, "the longest entry can be proposed");

/// Ledgers are compared once per this number of entries.
pub const COMPARED_EVERY: u64 = 512;

/// The digest of a ledger, taken at the first entry past each multiple of [`COMPARED_EVERY`], which is the same on
/// all nodes.
fn digest(ledger: &Ledger) -> Digest {
    Digest { at: ledger.index, crc: crc32fast::hash(&codec::encode(&ledger.compared(), ledger.level)) }
}

/// Returns cluster time and the wall clock, with which the leader stamps entries.
pub type Stamp = Box<dyn Fn() -> (Time, Time) + Send + Sync>;

/// The replicated ledger.
#[derive(Default)]
pub struct Machine {
    ledger: Arc<Ledger>,
    digest: Option<Digest>,
    /// The clocks, once this node has them: the leader stamps entries with them.
    stamp: Arc<OnceLock<Stamp>>,
    /// The audit of this node, if it keeps one.
    audit: Option<Arc<AuditLog>>,
}

/// The ledger for a snapshot; the audit is made safe before the log that it came from is dropped.
pub struct Image {
    ledger: Arc<Ledger>,
    audit: Option<Arc<AuditLog>>,
}

impl Machine {
    /// The present ledger. Cheap; if it is held for long, the next entry has to copy it.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// A machine whose audit is kept in files.
    pub fn audited(audit: Arc<AuditLog>) -> Self {
        Machine { audit: Some(audit), ..Machine::default() }
    }

    /// The slot for the clocks that stamp entries while this node leads.
    pub fn stamp(&self) -> Arc<OnceLock<Stamp>> {
        Arc::clone(&self.stamp)
    }

    /// The digest at the last comparison; `None` if that was before this process.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

impl StateMachine for Machine {
    type Image = Image;

    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        let reply = match codec::decode::<Entry>(command) {
            Ok(entry) => {
                let (before, declared) = (self.ledger.index, Arc::clone(self.ledger.declared()));
                let ledger = Arc::make_mut(&mut self.ledger);
                let outcome = ledger.apply(index, &entry);
                if let Some(log) = &self.audit
                    && !outcome.audit.is_empty()
                {
                    log.append(&outcome.audit, &declared, ledger.declared());
                }
                let reply = outcome.reply;
                if before / COMPARED_EVERY != index / COMPARED_EVERY {
                    self.digest = Some(digest(ledger));
                }
                reply
            }
            // The same bytes are refused on every replica, so the state stays the same.
            Err(why) => Reply::refusal(index, &Refusal::NotUnderstood(why.to_string())),
        };
        codec::encode(&reply, self.ledger.level)
    }

    /// Only the leader stamps time, when the entry is appended; the author's time does not count. What came from another
    /// node is held against its certificate.
    fn seal(&self, command: Vec<u8>, from: Option<&str>) -> Result<Vec<u8>, String> {
        let entry = match (codec::decode::<Entry>(&command), from) {
            (Ok(entry), None) => entry,
            (Ok(entry), Some(from)) => entry.sent_by(&NodeName::from(from))?,
            // It is refused when it is applied, with the reason.
            (Err(_), None) if command.len() <= ENTRY_LIMIT => return Ok(command),
            (Err(why), _) => return Err(why.to_string()),
        };
        entry.fits(command.len()).map_err(|why| why.to_string())?;
        let (at, wall) = self.stamp.get().map_or((entry.at, entry.wall), |stamp| stamp());
        Ok(codec::encode(&Entry { at, wall, ..entry }, self.ledger.level))
    }

    fn raised(&mut self, level: u32) {
        Arc::make_mut(&mut self.ledger).raise(Level(level));
    }

    fn image(&self) -> Image {
        Image { ledger: self.ledger(), audit: self.audit.clone() }
    }

    fn encode(image: Image) -> Vec<u8> {
        if let Some(audit) = &image.audit {
            audit.sync();
        }
        codec::encode(&*image.ledger, image.ledger.level)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let ledger = codec::decode::<Ledger>(bytes);
        self.ledger = Arc::new(ledger.map_err(|why| RestoreError { reason: why.to_string() })?);
        self.digest = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::{
        Command, Request, RequestId, Time, Verb,
        command::{Author, DECLARATION_LIMIT, MAX_COMMANDS},
        config::Cluster,
        ledger::Incarnation,
    };

    fn enlist(incarnation: u64) -> Vec<u8> {
        let command = Command::Enlist { node: "p1".into(), incarnation: Incarnation(incarnation) };
        let entry = Entry { at: Time(7), wall: Time(7), author: Author::Agent("p1".into()), commands: vec![command] };
        codec::encode(&entry, Level::FIRST)
    }

    #[test]
    fn every_node_looks_at_the_same_entries_also_after_a_snapshot() {
        let (mut one, mut other) = (Machine::default(), Machine::default());
        for index in [3, 510, 511, 514, 515, 1023, 1700, 1701] {
            one.apply(index, &enlist(index));
            if index == 514 {
                assert_eq!(one.digest().map(|digest| digest.at), Some(514));
                other.restore(&Machine::encode(one.image())).expect("restored");
                assert_eq!(other.digest(), None);
            } else if index > 514 {
                other.apply(index, &enlist(index));
            }
        }
        assert_eq!(one.digest().map(|digest| digest.at), Some(1700));
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn a_ledger_that_is_otherwise_has_another_digest() {
        let (mut one, mut other) = (Machine::default(), Machine::default());
        one.apply(5, &enlist(1));
        other.apply(5, &enlist(2));
        one.apply(600, &enlist(3));
        other.apply(600, &enlist(3));
        assert_eq!(one.digest(), other.digest(), "what is equal again is equal");
        one.apply(1200, &enlist(4));
        other.apply(1200, &enlist(5));
        assert_ne!(one.digest(), other.digest());
    }

    fn disarm() -> Vec<u8> {
        let author = Author::first_user(RequestId(1));
        let command = Command::Request(Verb::Disarm { terms: Default::default() }.into());
        codec::encode(&Entry { at: Time(7), wall: Time(7), author, commands: vec![command] }, Level::FIRST)
    }

    #[test]
    fn ledgers_that_differ_only_in_words_have_the_same_digest() {
        let (mut one, mut other) = (Machine::default(), Machine::default());
        one.apply(5, &disarm());
        let mut ledger = (*one.ledger()).clone();
        let remembered = ledger.requests.values_mut().flat_map(|reply| &mut reply.events);
        let words: Vec<_> = ledger.journal.iter_mut().chain(remembered).map(|event| &mut event.text).collect();
        assert_eq!(words.len(), 2, "kept in the journal, and as the answer to the request");
        words.into_iter().for_each(|text| *text = format!("{text}, as a later build says it").into());
        let image = Image { ledger: Arc::new(ledger), audit: None };
        other.restore(&Machine::encode(image)).expect("restored");
        one.apply(600, &enlist(3));
        other.apply(600, &enlist(3));
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn an_entry_of_very_many_commands_is_not_understood() {
        let command = Command::Request(tenure_core::Verb::Resume.into());
        let entry = |count| {
            let commands = vec![command.clone(); count];
            let author = Author::Agent("p1".into());
            codec::encode(&Entry { at: Time(7), wall: Time(7), author, commands }, Level::FIRST)
        };
        let refused = |count| {
            let reply = Machine::default().apply(1, &entry(count));
            codec::decode::<Reply>(&reply).expect("a reply").refused
        };
        assert_eq!(refused(MAX_COMMANDS).len(), MAX_COMMANDS, "each is refused by itself");
        assert!(matches!(&refused(MAX_COMMANDS + 1)[..], [(0, why)] if why.code == "not_understood"));
    }

    /// A cluster whose encoding has about so many bytes.
    fn long(bytes: usize) -> Arc<Cluster> {
        Arc::new(Cluster { name: "x".repeat(bytes), ..Cluster::default() })
    }

    #[test]
    fn only_a_users_declaration_may_be_long() {
        let sealed = |author: &Author, command: Command, from: Option<&str>| {
            let entry = Entry { at: Time(7), wall: Time(7), author: author.clone(), commands: vec![command] };
            Machine::default().seal(codec::encode(&entry, Level::FIRST), from)
        };
        let configure = |bytes| Command::Request(Request::Configure { cluster: long(bytes), strand: false });
        let user = Author::first_user(RequestId(1));
        for from in [None, Some("p2")] {
            assert!(sealed(&user, configure(DECLARATION_LIMIT), from).is_ok(), "from {from:?}");
            let refused = sealed(&user, configure(DECLARING_LIMIT), from).expect_err("too long");
            assert!(refused.contains("at most 9437184 are allowed"), "{refused}");
            let node = Author::Agent("p2".into());
            let ended = |bytes: usize| Command::Ended { act: 7, failed: Some("x".repeat(bytes)) };
            assert!(sealed(&node, ended(ENTRY_LIMIT / 2), from).is_ok());
            let refused = sealed(&node, ended(ENTRY_LIMIT), from).expect_err("no declaration");
            assert!(refused.contains("at most 1048576 are allowed"), "{refused}");
        }
        let planner = Author::Planner("p1".into());
        assert!(sealed(&planner, configure(DECLARATION_LIMIT), None).is_err(), "no user declares this");
        assert!(Machine::default().seal(vec![0; ENTRY_LIMIT + 1], None).is_err());
    }

    /// A cluster file with so many LPARs on so many servers, each of which may run on four of them.
    fn site(lpars: usize, servers: usize) -> String {
        let mut text = format!(
            "name = \"site\"\n\n[managers.hmc1]\nkind = \"hmc\"\naddress = \"hmc1:22\"\nuser = \"tenure\"\nhost_key = \"SHA256:{}\"\n",
            "A".repeat(43)
        );
        for n in 0..servers {
            text += &format!(
                "\n[servers.s{n:04}]\nmanagers = [\"hmc1\"]\nsurrogate = true\naddress = {{ system = \"s{n:04}\", mtms = \"9009-42A*{n:07}\" }}\n"
            );
        }
        for n in 0..lpars {
            let list: Vec<String> = (0..4).map(|k| format!("\"s{:04}\"", (n + k * 7) % servers)).collect();
            text += &format!(
                "\n[groups.g{n:05}]\nservers = [{}]\n\n[lpars.l{n:05}]\ngroup = \"g{n:05}\"\npartition = \"l{n:05}\"\n",
                list.join(", ")
            );
        }
        text + "\n[nodes.p1]\nserver = \"s0000\"\nlpar = \"node-p1\"\n"
    }

    #[test]
    fn ten_thousand_lpars_are_declared_kept_and_exported() {
        let cluster = tenure_config::cluster::parse("site.toml", &site(10_000, 200)).expect("valid");
        let text = tenure_config::export(&cluster);
        let configure = Command::Request(Request::Configure { cluster: Arc::new(cluster), strand: false });
        let author = Author::first_user(RequestId(1));
        let entry = Entry { at: Time(7), wall: Time(7), author, commands: vec![configure] };
        let mut machine = Machine::default();
        let sealed = machine.seal(codec::encode(&entry, Level::FIRST), Some("p2")).expect("it is taken");
        assert!(sealed.len() > ENTRY_LIMIT, "{} bytes", sealed.len());
        let reply: Reply = codec::decode(&machine.apply(1, &sealed)).expect("a reply");
        assert_eq!(reply.refused, []);
        let mut other = Machine::default();
        other.restore(&Machine::encode(machine.image())).expect("restored");
        assert_eq!(other.ledger().groups.len(), 10_000);
        assert!(tenure_config::export(other.ledger().declared()) == text, "it is exported as it was declared");
    }
}
