//! The layout of a site: its files, its addresses, its keys.

use super::{SiteError, SiteOptions};
use crate::{
    hmc::{HmcOptions, HmcServer, generate_key},
    lab::{network::Network, process::NodeProcess},
    world::LiveWorld,
};
use russh::keys::ssh_key::LineEnding;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use tenure::local::{identity, private};

/// Addresses of a node.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its address for other nodes.
    pub(super) listen: SocketAddr,
    /// Its address for administrators.
    pub(super) api: SocketAddr,
    /// The address at which the others call it: its relay.
    advertise: SocketAddr,
}

fn set(what: &Path) -> impl FnOnce(io::Error) -> SiteError {
    let what = what.display().to_string();
    move |source| SiteError::Set { what, source }
}

pub(super) fn make(directory: &Path) -> Result<(), SiteError> {
    private::make_directory(directory).map_err(set(directory))
}

pub(super) fn write(file: &Path, text: &str) -> Result<(), SiteError> {
    std::fs::write(file, text).map_err(set(file))
}

pub(super) fn node_names(options: &SiteOptions) -> Vec<String> {
    let servers = (1..=options.servers).map(|n| format!("p{n}"));
    servers.chain(options.arbiter.then(|| "arbiter".to_owned())).collect()
}

pub(super) async fn start_hmcs(world: &LiveWorld, count: usize, directory: &Path) -> Result<Vec<HmcServer>, SiteError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let key = generate_key();
    let text = key.to_openssh(LineEnding::LF).map_err(|why| SiteError::Key(why.to_string()))?;
    identity::write_secret(&directory.join("hmc_key"), &text).map_err(SiteError::Identity)?;
    let mut hmcs = Vec::new();
    for number in 1..=count {
        let options = HmcOptions::new(format!("hmc{number}"), key.public_key().clone());
        hmcs.push(HmcServer::start(world.clone(), options).await.map_err(SiteError::Hmc)?);
    }
    Ok(hmcs)
}

/// Addresses of node `number`: its own, and the one of its relay.
pub(super) async fn place(network: &mut Network, number: u8) -> Result<Place, SiteError> {
    let own = IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
    let front = IpAddr::V4(Ipv4Addr::new(127, 0, 2, number));
    let (listen, api) = free_ports(own).map_err(set(Path::new("a node's address")))?;
    let advertise = network.relay(front, listen).await.map_err(set(Path::new("a relay")))?;
    Ok(Place { listen, api, advertise })
}

/// Two free ports. Both are held while they are selected, so that they differ.
fn free_ports(on: IpAddr) -> io::Result<(SocketAddr, SocketAddr)> {
    let (one, other) = (std::net::TcpListener::bind((on, 0))?, std::net::TcpListener::bind((on, 0))?);
    Ok((one.local_addr()?, other.local_addr()?))
}

/// Directory of the resources inside a machine without LPARs. It is emptied when the machine loses power.
pub(in super::super) fn inside(directory: &Path, server: &str) -> PathBuf {
    directory.join("inside").join(server)
}

/// Path of a node's log.
pub(super) fn log_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.log"))
}

pub(super) fn prepare(options: &SiteOptions, name: &str, place: &Place) -> Result<NodeProcess, SiteError> {
    let directory = options.directory.as_path();
    let data = directory.join(name);
    make(&data)?;
    let config = directory.join(format!("{name}.toml"));
    let text = format!(
        "node = \"{name}\"\ndata_dir = \"{name}\"\nlisten = \"{}\"\nadvertise = \"{}\"\napi_listen = \"{}\"\n\
         {}[agents]\nrun_dir = \"{}\"\n",
        place.listen,
        place.advertise,
        place.api,
        if options.hmcs > 0 {
            "hmc_key = \"hmc_key\"\n"
        } else {
            make(&inside(directory, name))?;
            ""
        },
        directory.join("run").display()
    );
    // `[agents]` is last: a test may append to it.
    write(&config, &text)?;
    Ok(NodeProcess::new(name, config, log_of(directory, name)))
}
