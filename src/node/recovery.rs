//! `tenured --recover-majority`: one node goes on alone after a majority of the voters is lost for ever.
//!
//! It is done on the disk of a stopped node, by an administrator of that machine, who says that the others are lost. Nothing
//! can prove that; what can be checked is: no other voter answers, and nobody uses the data directory. A node that was given
//! up and comes back is told so as soon as it reaches a node that went on, and never starts again.

use super::{FEATURE_LEVEL, Machine, audit::AuditLog, clock, founding, main::fail};
use crate::{
    backup::{self, Head},
    local::{LocalConfig, identity},
};
use jiff::Timestamp;
use std::{
    io::{BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};
use tenure_core::{
    Author, Command, Entry, Time, codec,
    foreign::{escape, escape_lines},
};
use tenure_raft::{
    OpenError, Peer, RecoverError, StateMachine, Survivor,
    tls::{Credentials, Role},
    wire::tls::TlsWire,
};

/// The file in the node's `cluster` directory that says that the node was given up.
const GIVEN_UP: &str = "given-up";

/// The file that says that this node was given up.
pub(super) fn marker(config: &LocalConfig) -> PathBuf {
    config.cluster_dir().join(GIVEN_UP)
}

/// Why this node must not start, if it was given up.
pub(super) fn given_up(config: &LocalConfig) -> Option<String> {
    let file = marker(config);
    let text = std::fs::read_to_string(&file);
    // Whatever is wrong with the file: it is there.
    text.map_or_else(|_| file.exists().then(|| file.display().to_string()), |text| Some(text.trim().to_owned()))
}

/// Remembers that this node was given up.
pub(super) fn mark(file: &Path, why: &str) {
    if let Err(error) = identity::write_secret(file, &format!("{why}\n")) {
        tracing::error!(%error, "that this node was given up is not written down; it must not start again");
    }
}

/// Has this node go on alone. Exit codes: 0 done, 1 refused or failed, 2 not confirmed.
pub async fn recover(config: &LocalConfig, by: Option<&str>, sure: Option<&str>) -> ExitCode {
    if let Err(why) = config.check_private() {
        let code = fail(&why);
        eprintln!("next: {}", why.advice());
        return code;
    }
    let Some(by) = by.map(str::to_owned).or_else(login) else {
        return refuse("nobody is named for the records", "say who decides this: --by NAME", 2);
    };
    let found = config.identity().and_then(|found| {
        let source = |why: tenure_raft::tls::TlsError| identity::IdentityError::Read {
            file: config.cluster_dir(),
            source: std::io::Error::other(why.to_string()),
        };
        found.name().map_err(source)
    });
    let name = match found {
        Ok(name) => name,
        Err(why) => return fail(&why),
    };
    let Role::Node { id } = name.role else {
        return refuse("the certificate is not that of a node", "look at the files of this node", 1);
    };
    if let Some(why) = given_up(config) {
        let next = "the cluster goes on at another node; this one joins it anew";
        return refuse(&format!("this node was given up itself: {why}"), next, 1);
    }
    // Otherwise opening would make what is missing.
    if !config.data_dir.join("db").exists() {
        let what = format!("{} holds nothing", config.data_dir.display());
        return refuse(&what, "this is no survivor: recover at a node that has its data", 1);
    }
    match go_on(config, id, &name.cluster, &by, sure).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

/// Takes the data directory, and applies what is in it. Only an audited machine writes: into the audit, what was not applied
/// before.
async fn open(config: &LocalConfig, cluster: &str, id: u64, audited: bool) -> Result<Survivor<Machine>, ExitCode> {
    let witness = config.cluster_dir().join(founding::WITNESS);
    let machine = || match audited {
        true => AuditLog::open(&config.data_dir, config.audit).map(|audit| Machine::audited(Arc::new(audit))),
        false => Ok(Machine::default()),
    };
    let opened = Survivor::open(&config.data_dir, &witness, cluster, id, FEATURE_LEVEL, machine).await;
    opened.map_err(|why| {
        let code = fail(&why);
        eprintln!("next: {}", escape(advice(&why)));
        code
    })
}

async fn go_on(config: &LocalConfig, id: u64, cluster: &str, by: &str, sure: Option<&str>) -> Result<(), ExitCode> {
    let survivor = open(config, cluster, id, false).await?;
    let others = survivor.others();
    let me = &config.node;
    if survivor.voters().len() < 2 {
        let what = format!("{me} is the only voter already: nothing is lost");
        return Err(refuse(&what, "start it: `systemctl start tenured`", 1));
    }
    let credentials = config
        .identity()
        .map_err(|why| fail(&why))
        .and_then(|found| Credentials::new(found).map_err(|why| fail(&why)))?;
    // As `tenured` does, so that firewalls let it through.
    let source = Some(config.listen.ip()).filter(|address| !address.is_unspecified());
    let wire = TlsWire::new(cluster, id, me.as_str(), &credentials, source).map_err(|why| fail(&why))?;
    let answers = futures::future::join_all(others.iter().map(|(id, peer)| wire.unreached(*id, peer))).await;
    let alive: Vec<&str> =
        others.values().zip(&answers).filter(|(_, said)| said.is_none()).map(|(peer, _)| peer.name.as_str()).collect();
    if !alive.is_empty() {
        let what = format!("{} answers: it is not lost", alive.join(", "));
        let next = "if most of the voters can be started, start them, and nothing else is needed; if not, stop this one, too, \
                    compare the last log indexes, and recover at the node with the highest";
        return Err(refuse(&what, next, 1));
    }
    let ledger = survivor.machine().ledger();
    let declared = &ledger.declared().name;
    let short = cluster.rsplit_once('-').map_or(cluster, |(name, _)| name);
    let name = if declared.is_empty() { short } else { declared };
    let ((term, index), names) = (survivor.last(), names(&others));
    println!("This is {me} of cluster {} ({cluster}).", escape(name));
    println!("Its log ends at index {index} of term {term}, with an entry of {}.", shown(ledger.wall));
    println!("To be given up for ever:");
    for (peer, said) in others.values().zip(&answers) {
        let said = said.as_deref().unwrap_or_default();
        println!("  {}  {}  does not answer ({})", escape(&peer.name), escape(&peer.address), escape(said));
    }
    print!("{}", escape_lines(&warning(me.as_str(), &names)));
    confirm(name, sure)?;

    let head = Head {
        cluster: cluster.to_owned(),
        name: declared.clone(),
        node: me.to_string(),
        index,
        term,
        wall: ledger.wall,
        version: crate::VERSION.to_owned(),
    };
    let before = config.data_dir.join(format!("before-recovery-{index}.backup"));
    backup::write(&before, &backup::seal(&head, &ledger)).map_err(|why| fail(&why))?;
    println!("The ledger as it was is in {}.", before.display());
    let command = Command::GiveUpMajority { by: by.into(), survivor: me.clone() };
    let (at, level) = (ledger.now, ledger.level);
    let entry = Entry { at, wall: clock::wall(), author: Author::Agent(me.clone()), commands: vec![command] };
    drop((ledger, survivor));
    let survivor = open(config, cluster, id, true).await?;
    let bytes = codec::encode(&entry, level);
    let done = survivor.go_on_alone(|machine, index| drop(machine.apply(index, &bytes))).await;
    let index = done.map_err(|why| fail(&why))?;
    println!("Done: {me} goes on alone, from log index {index} on. The cluster is disarmed.");
    println!("next:");
    println!("  1. start this node: systemctl start tenured");
    println!("  2. tenure status: what runs is found and shown; nothing is started");
    println!(
        "  3. join new nodes in place of {names}: tenure node token NODE, tenured --join-file FILE, tenure node promote NODE"
    );
    println!("     (a node that does not come back: see that it is off, then tenure fence confirm-node NODE)");
    println!("  4. tenure cluster arm");
    Ok(())
}

fn warning(me: &str, names: &str) -> String {
    format!(
        "What is done:
  - {me} goes on alone: the same cluster, certificates and users, and one voter. What the others decided
    without {me} is lost.
  - What is declared, and what operators said (offline, frozen, drained, disabled, faults), stays.
  - Nothing that was true of a moment is believed any more: no tenure, order, lease or reading. What runs is found by
    reading it; nothing is started before that, and before all that {names} may have sent has settled.
  - The cluster is disarmed, and cannot be armed before each of {names} has joined anew or is proven off.
What you have to see to, because nothing here can prevent it:
  - {names} must not start again from the old disks where {me} cannot be reached: they would go on as
    the old cluster, and act on the same LPARs. Where they reach {me}, they stop by themselves.
    Wipe those disks, or keep the machines off. If you cannot be sure, put another key on the HMCs first.
  - What lives inside these nodes may still run there.
"
    )
}

fn names(peers: &std::collections::BTreeMap<u64, Peer>) -> String {
    peers.values().map(|peer| peer.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn shown(at: Time) -> String {
    let at = i64::try_from(at.0).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "an unknown time".to_owned(), |at| format!("{at:.0}"))
}

/// Whoever decides this confirms it by the name of the cluster.
fn confirm(name: &str, sure: Option<&str>) -> Result<(), ExitCode> {
    let next = format!("when you have checked all of it: --yes-i-checked {name}");
    match sure {
        Some(given) if given == name => return Ok(()),
        Some(given) => return Err(refuse(&format!("--yes-i-checked names {given:?}, not {name:?}"), &next, 2)),
        None if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) => {
            return Err(refuse("nobody is here to confirm that the others are lost; nothing was done", &next, 2));
        }
        None => {}
    }
    print!("Type the name of the cluster if you have checked all of it: ");
    let mut typed = String::new();
    let asked = std::io::stdout().flush().and_then(|()| std::io::stdin().lock().read_line(&mut typed));
    match asked {
        Ok(_) if typed.trim() == name => Ok(()),
        Ok(_) => Err(refuse(&format!("you typed {:?}, not {name:?}; nothing was done", typed.trim()), &next, 2)),
        Err(why) => Err(fail(&why)),
    }
}

/// Who is logged in, as far as this process knows.
fn login() -> Option<String> {
    let names = ["SUDO_USER", "LOGNAME", "USER"].into_iter();
    names.filter_map(|name| std::env::var(name).ok()).find(|name| !name.trim().is_empty())
}

fn advice(why: &RecoverError) -> &'static str {
    match why {
        RecoverError::Storage(OpenError::InUse { .. }) => "stop it first: `systemctl stop tenured`",
        RecoverError::Storage(_) | RecoverError::Files { .. } | RecoverError::Unfit(_) => {
            "recover at another node that is left; if there is none, found a new cluster and `tenure backup restore FILE`"
        }
    }
}

fn refuse(what: &str, next: &str, code: u8) -> ExitCode {
    eprintln!("tenured: {}", escape(what));
    eprintln!("next: {}", escape(next));
    ExitCode::from(code)
}
