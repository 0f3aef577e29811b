//! `lab up`: a site that is left running, to be tried by hand.

use super::{
    Site, SiteError, SiteOptions,
    control::Control,
    demo::{chain, styled},
    signal::Interrupt,
    socket::{self, Reply, Request},
    truth,
};
use anstyle::{AnsiColor, Style};
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tenure::api::{Read, wire::GroupStatus};
use tokio::net::UnixListener;

/// Maximum wait for groups to come online before the lab is reported up anyway.
const ONLINE: Duration = Duration::from_secs(60);
/// Marks a directory as a lab's, which may be emptied by the next lab.
const MARK: &str = ".tenure-lab";
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();

/// `lab up`.
#[derive(Clone, Debug, clap::Args)]
pub struct UpArgs {
    /// Physical servers, each with a node.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=32))]
    servers: u8,
    /// Add a node without a server: it votes and hosts nothing.
    #[arg(long)]
    arbiter: bool,
    /// Management consoles.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    hmcs: u8,
    /// No LPARs, and no managers of the servers: agents keep all resources inside the nodes.
    #[arg(long, conflicts_with = "hmcs")]
    inside: bool,
}

/// Starts a site and keeps it until it is ended. Call it on the main thread: it starts processes.
pub async fn run(args: &UpArgs, directory: &Path) -> ExitCode {
    let listener = match open(directory) {
        Ok(listener) => listener,
        Err(why) => {
            eprintln!("lab: use {}: {why}", directory.display());
            return ExitCode::FAILURE;
        }
    };
    let options = SiteOptions {
        servers: usize::from(args.servers),
        arbiter: args.arbiter,
        hmcs: if args.inside { 0 } else { usize::from(args.hmcs) },
        directory: directory.to_owned(),
        cluster_file: None,
        world: None,
        program: None,
    };
    let mut interrupt = Interrupt::new();
    let started = tokio::select! {
        started = start(options) => started,
        () = &mut interrupt => return ExitCode::from(130),
    };
    let code = match started {
        Ok(site) => serve(site, &listener, &mut interrupt).await,
        Err(why) => fail(&why),
    };
    // Otherwise the next lab would briefly take it for a running lab's.
    let _ = std::fs::remove_file(socket::path(directory));
    code
}

/// Takes a directory for a lab. Files of an earlier lab are removed; a directory with other files is refused.
fn open(directory: &Path) -> io::Result<UnixListener> {
    if socket::is_open(directory) {
        return Err(io::Error::other("a lab runs there already; `lab down` ends it, --directory takes another place"));
    }
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries.count(),
        Err(why) if why.kind() == io::ErrorKind::NotFound => 0,
        Err(why) => return Err(why),
    };
    if directory.join(MARK).exists() {
        std::fs::remove_dir_all(directory)?;
    } else if entries > 0 {
        return Err(io::Error::other("there are files in it that are not a lab's"));
    }
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join(MARK), "")?;
    socket::listen(directory)
}

async fn start(options: SiteOptions) -> Result<Site, SiteError> {
    let say = |what: &str| anstream::println!("{}  {what}", styled(DIM, "·"));
    let directory = options.directory.clone();
    let servers = options.servers;
    say(&match options.hmcs {
        0 => format!("{servers} machines"),
        _ => format!("emulated HMC over SSH, and {servers} physical servers"),
    });
    let site = Site::prepare(options).await?;
    let formed = async {
        site.form(&mut |what| say(what)).await?;
        say("cluster file applied; groups are placed and started");
        site.declare().await?;
        // A waiting group is part of the demonstration.
        let _ = site.until("every group is online", ONLINE, async || all_online(&site).await).await;
        Ok(())
    };
    tokio::select! {
        formed = formed => formed?,
        why = site.keep_following() => return Err(why),
    }
    write_environment(&site, &directory)?;
    anstream::println!("\n{}\n\n{}", truth::report(&site), how_to(&site, &directory));
    Ok(site)
}

async fn all_online(site: &Site) -> bool {
    let status = site.client.status(Read::Linearizable).await;
    status.is_ok_and(|status| {
        !status.groups.is_empty() && status.groups.iter().all(|group| group.state == GroupStatus::Online)
    })
}

fn addresses(site: &Site) -> String {
    site.api_addresses().map(|(_, address)| address.to_string()).collect::<Vec<_>>().join(",")
}

fn write_environment(site: &Site, directory: &Path) -> Result<(), SiteError> {
    let file = environment(directory);
    let admin = site.admin_dir();
    let text = format!("export TENURE_NODES={}\nexport TENURE_IDENTITY={}\n", addresses(site), admin.display());
    std::fs::write(&file, text).map_err(|source| SiteError::Set { what: file.display().to_string(), source })
}

fn environment(directory: &Path) -> PathBuf {
    directory.join("env")
}

fn how_to(site: &Site, directory: &Path) -> String {
    let elsewhere = socket::elsewhere(directory);
    // As it was started itself: by cargo, or from the path.
    let program = |name: &str| match std::env::var_os("CARGO") {
        Some(_) => format!("cargo run --release --bin {name} --"),
        None => name.to_owned(),
    };
    let tenure = program("tenure");
    let lab = format!("{} {elsewhere}", program("lab"));
    let mut text = format!("{} In another terminal:\n", styled(GOOD, "The lab is up."));
    let commands = [
        (format!(". {}", environment(directory).display()), "says where the nodes are, and who you are"),
        (format!("{tenure} status"), "what the cluster knows"),
        (format!("{tenure} events --follow"), "what it does, as it does it"),
        (format!("{lab}server p1 off"), "break something; see `lab --help`"),
        (format!("{lab}status"), "what is truly so"),
    ];
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    for (command, what) in commands {
        text.push_str(&format!("  {}  {}\n", styled(BOLD, &format!("{command:<width$}")), styled(DIM, what)));
    }
    let (nodes, admin) = (addresses(site), site.admin_dir().display().to_string());
    text.push_str("or, without the first line:\n");
    text.push_str(&format!("  {}\n", styled(BOLD, &format!("{tenure} --node {nodes} --identity {admin} status"))));
    text.push_str(&format!("Ctrl-C, or `lab {elsewhere}down`, ends it."));
    text
}

/// Executes commands until the lab is ended.
async fn serve(site: Site, listener: &UnixListener, interrupt: &mut Interrupt) -> ExitCode {
    let mut last = None;
    let ended = tokio::select! {
        why = site.keep_following() => Err(why),
        () = interrupt => Ok(()),
        request = requests(&site, listener) => {
            last = request;
            Ok(())
        }
    };
    site.stop().await;
    if let Some(request) = last {
        request.answer(&Reply { code: 0, text: "the lab has ended".to_owned() }).await;
    }
    match ended {
        Ok(()) => {
            println!("The lab has ended.");
            ExitCode::SUCCESS
        }
        Err(why) => fail(&why),
    }
}

/// Executes commands until `down` is requested. `None` if the socket has failed.
async fn requests(site: &Site, listener: &UnixListener) -> Option<Request> {
    loop {
        let request = match Request::next(listener).await {
            Ok(request) => request,
            Err(why) => {
                eprintln!("lab: the control socket has failed: {why}");
                return None;
            }
        };
        if request.control == Control::Down {
            return Some(request);
        }
        let reply = match site.control(&request.control) {
            Ok(text) => Reply { code: 0, text },
            Err(error) => Reply { code: error.code(), text: error.to_string() },
        };
        if request.control != Control::Status {
            println!("{}", reply.text);
        }
        request.answer(&reply).await;
    }
}

fn fail(why: &SiteError) -> ExitCode {
    eprintln!("lab: {}", chain(why));
    ExitCode::FAILURE
}
