//! The stage of a drill: commands as they are typed, their answers, and checks.

use super::super::{
    NodeRuns, Site, SiteError,
    demo::{chain, styled},
};
use anstyle::{AnsiColor, Style};
use clap::Parser;
use std::{
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};
use tenure::{
    api::{
        Read,
        wire::{GroupStatus, StatusView},
    },
    cli::{self, Terminal},
};

/// Time after which a drill gives up waiting.
const PATIENCE: Duration = Duration::from_secs(120);
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// What was not as it should be.
#[derive(Debug)]
pub struct Missed(pub String);

impl From<SiteError> for Missed {
    fn from(why: SiteError) -> Self {
        Missed(chain(&why))
    }
}

impl From<std::io::Error> for Missed {
    fn from(why: std::io::Error) -> Self {
        Missed(why.to_string())
    }
}

/// Output that is kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A drill under way.
pub struct Scene {
    pub site: Site,
    checks: AtomicU32,
}

impl Scene {
    pub fn new(site: Site) -> Scene {
        Scene { site, checks: AtomicU32::new(0) }
    }

    /// A site of which everything is online.
    pub async fn begin(&self) -> Result<(), Missed> {
        self.tell("A site of three servers, each with a node; an HMC; all of it on this machine.");
        self.site.form(&mut |_| {}).await?;
        self.site.declare().await?;
        self.until("every group is online", async || {
            self.status().await.is_some_and(|status| {
                !status.groups.is_empty() && status.groups.iter().all(|group| group.state == GroupStatus::Online)
            })
        })
        .await
    }

    /// The last line.
    pub fn conclude(&self, ended: Result<(), Missed>) -> ExitCode {
        let checks = self.checks.load(Relaxed);
        match ended {
            Ok(()) => {
                anstream::println!("\n{} {checks} checks.", styled(GOOD, "The drill went as the document says:"));
                ExitCode::SUCCESS
            }
            Err(Missed(why)) => {
                anstream::println!("\n{} {why}", styled(BAD, "The drill did not go as the document says:"));
                ExitCode::FAILURE
            }
        }
    }

    /// A paragraph.
    pub fn tell(&self, what: &str) {
        anstream::println!("\n{}", styled(BOLD, what));
    }

    /// Enters a command of `tenure` at these nodes; its output. Whoever enters it means it.
    pub async fn tenure_at(&self, nodes: &[&str], line: &str) -> Result<String, Missed> {
        let (code, text) = self.enter(nodes, line).await;
        if code == cli::Exit::Done { Ok(text) } else { Err(Missed(format!("`tenure {line}` ended with {code:?}"))) }
    }

    /// Enters a command of `tenure` that has to be refused; its output.
    pub async fn refused(&self, nodes: &[&str], line: &str) -> Result<String, Missed> {
        let (code, text) = self.enter(nodes, line).await;
        if code == cli::Exit::Refused { Ok(text) } else { Err(Missed(format!("`tenure {line}` ended with {code:?}"))) }
    }

    async fn enter(&self, nodes: &[&str], line: &str) -> (cli::Exit, String) {
        anstream::println!("{}", styled(DIM, &format!("$ tenure {line}")));
        let known = self.site.api_addresses().filter(|(name, _)| nodes.contains(name));
        let known = known.map(|(_, address)| address.to_string()).collect::<Vec<_>>().join(",");
        let admin = self.site.admin_dir().display().to_string();
        let mut words = vec!["tenure", "--node", &known, "--identity", &admin];
        words.extend(line.split(' '));
        let out = Kept::default();
        let mut terminal = Terminal::scripted(Box::new(out.clone()), Box::new(out.clone()), None);
        let code = match cli::Args::try_parse_from(words) {
            Ok(args) => cli::run(args, &mut terminal).await,
            Err(why) => {
                println!("{why}");
                cli::Exit::Usage
            }
        };
        let text = String::from_utf8_lossy(&out.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        // A token is a secret, in a drill as elsewhere.
        let shown =
            if line.starts_with("node token") { "(a token, which goes into a file on that node)" } else { &text };
        shown.lines().take(12).for_each(|line| println!("  {line}"));
        (code, text)
    }

    /// Enters `tenured` with these arguments for a stopped node; its exit code and output.
    pub fn tenured(&self, node: &str, args: &[&str]) -> Result<(Option<i32>, String), Missed> {
        let config = self.config(node);
        anstream::println!("{}", styled(DIM, &format!("$ tenured --config {node}.toml {}", args.join(" "))));
        let mut command = Command::new("/proc/self/exe");
        command.arg("run-node").arg("--parent").arg(std::process::id().to_string());
        command.arg("--config").arg(config).args(args).stdin(Stdio::null());
        let output = command.output()?;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        text.lines().for_each(|line| println!("  {line}"));
        Ok((output.status.code(), text))
    }

    /// The node's `tenured.toml`.
    pub fn config(&self, node: &str) -> PathBuf {
        self.site.directory().join(format!("{node}.toml"))
    }

    /// Loses the process and the disk of a node.
    pub fn lose(&self, node: &str) -> Result<(), Missed> {
        self.site.kill_node(node)?;
        Ok(std::fs::remove_dir_all(self.site.directory().join(node))?)
    }

    /// A node joins anew with a token that others make, and is given a vote.
    pub async fn join(&self, node: &str, at: &[&str]) -> Result<(), Missed> {
        let token = self.tenure_at(at, &format!("node token {node}")).await?;
        let token = token.split_whitespace().find(|word| word.contains('.') && word.len() > 60);
        let token = token.ok_or_else(|| Missed("no token was printed".to_owned()))?;
        anstream::println!(
            "{}",
            styled(DIM, &format!("$ tenured --config {node}.toml --join-file token    (on {node})"))
        );
        self.site.join_node(node, token)?;
        let client = self.site.client_of(node)?;
        self.until(&format!("{node} has joined"), async || client.status(Read::Linearizable).await.is_ok()).await?;
        self.tenure_at(at, &format!("node promote {node}")).await.map(drop)
    }

    /// Stops a node in order.
    pub async fn stop(&self, node: &str) -> Result<(), Missed> {
        self.site.stop_node(node)?;
        let dead = async || self.site.node_runs(node).is_ok_and(|runs| runs == NodeRuns::Dead);
        self.until(&format!("{node} has stopped"), dead).await
    }

    pub async fn status(&self) -> Option<StatusView> {
        self.site.client.status(Read::Linearizable).await.ok()
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, is_so: impl AsyncFnMut() -> bool) -> Result<(), Missed> {
        let took = self.site.until(what, PATIENCE, is_so).await?;
        self.checks.fetch_add(1, Relaxed);
        anstream::println!("  {} {what} ({:.1} s)", styled(GOOD, "✓"), took.as_secs_f64());
        Ok(())
    }

    /// Checks that something is so.
    pub fn check(&self, what: &str, is_so: bool) -> Result<(), Missed> {
        if !is_so {
            return Err(Missed(format!("not so: {what}")));
        }
        self.checks.fetch_add(1, Relaxed);
        anstream::println!("  {} {what}", styled(GOOD, "✓"));
        Ok(())
    }
}
