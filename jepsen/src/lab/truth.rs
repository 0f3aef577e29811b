//! The true state of a lab, as a table: the world, the processes, the network.

use super::{NodeRuns, Site, demo::table, site::layout::inside};
use crate::world::{LparKind, Power, ServerId, World};

const NODE: [&str; 4] = ["NODE", "PROCESS", "NETWORK", "API"];

/// Servers with their active LPARs, nodes, HMCs.
pub fn report(site: &Site) -> String {
    let servers: Vec<Vec<String>> =
        site.world.with(|world| world.servers().map(|server| server_row(site, world, server)).collect());
    let cut = site.cut_off();
    let nodes = site.names().iter().map(|name| node_row(site, name, &cut)).collect();
    if site.is_inside() {
        let tables = [table(&["MACHINE", "POWER", "INSIDE"], servers), table(&NODE, nodes)];
        return tables.join("\n\n");
    }
    let hmcs = site.world.with(|world| world.hmcs().map(|hmc| hmc_row(world, hmc)).collect());
    [
        table(&["SERVER", "POWER", "ACTIVE LPARS"], servers),
        table(&NODE, nodes),
        table(&["HMC", "STATE", "CONNECTED TO"], hmcs),
    ]
    .join("\n\n")
}

fn server_row(site: &Site, world: &World, server: ServerId) -> Vec<String> {
    let power = match world.power(server) {
        Power::Dead => "no input power".to_owned(),
        power => power.state().to_string(),
    };
    if site.is_inside() {
        let name = world.server_name(server).to_owned();
        let files = std::fs::read_dir(inside(site.directory(), &name)).into_iter().flatten().flatten();
        let mut kept: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        kept.sort();
        return vec![name, power, kept.join(", ")];
    }
    let active = world.lpars().filter_map(|lpar| {
        let state = world.activity(server, lpar).filter(|state| state.is_active())?;
        let shown = world.lpar_spec(lpar).kind != LparKind::Vios;
        let name = world.lpar_name(lpar);
        shown.then(|| if state.as_str() == "Running" { name.to_owned() } else { format!("{name} ({state})") })
    });
    vec![world.server_name(server).to_owned(), power, active.collect::<Vec<_>>().join(", ")]
}

fn node_row(site: &Site, name: &str, cut: &[&str]) -> Vec<String> {
    let process = match site.node_runs(name) {
        Ok(NodeRuns::Runs) => "runs",
        Ok(NodeRuns::Paused) => "paused",
        Ok(NodeRuns::Dead) | Err(_) => "dead",
    };
    let network = if cut.contains(&name) { "cut off" } else { "whole" };
    let api = site.api_addresses().find(|(node, _)| *node == name).map(|(_, address)| address.to_string());
    vec![name.to_owned(), process.to_owned(), network.to_owned(), api.unwrap_or_default()]
}

fn hmc_row(world: &World, hmc: crate::world::HmcId) -> Vec<String> {
    let state = if world.is_up(hmc) { "up" } else { "down" };
    let reached = world.servers().filter(|server| {
        world
            .read_system(hmc, *server)
            .is_ok_and(|(_, connection, _)| connection == crate::world::Connection::Connected)
    });
    let reached: Vec<&str> = reached.map(|server| world.server_name(server)).collect();
    vec![world.spec().hmcs[hmc.index()].name.clone(), state.to_owned(), reached.join(", ")]
}
