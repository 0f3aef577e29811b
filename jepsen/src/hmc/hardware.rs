//! Listings about capacity: `lshwres -r mem|proc --level sys|lpar`.

use super::args::{Args, Grammar};
use super::error::CliError;
use super::listing::Listing;
use super::lpars::{chosen, proc_units};
use super::output::Output;
use super::systems::{refused, system};
use crate::world::{Connection, HmcId, Refusal, World};

pub(super) const RESOURCES: Grammar =
    Grammar { valued: &["-r", "-m", "--level", "-F", "--filter"], flags: &["--header"] };

/// Memory used by the firmware, as a fixed figure: the model has no overhead per LPAR.
const FIRMWARE_MEMORY: &str = "8192";

pub(super) fn list_resources(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    let resource = args.require("-r")?;
    let server = system(world, args)?;
    let level = args.require("--level")?;
    let (_, connection, _) = world.read_system(hmc, server).map_err(|refusal| refused(world, server, refusal))?;
    if connection != Connection::Connected {
        return Err(refused(world, server, Refusal::NoConnection));
    }
    match (resource, level) {
        ("mem", "sys") => system_memory(world, args),
        ("proc", "sys") => system_processors(world, args),
        ("mem", "lpar") => lpar_memory(world, hmc, args),
        ("proc", "lpar") => lpar_processors(world, hmc, args),
        ("mem" | "proc", _) => Err(CliError::parameter("--level")),
        _ => Err(CliError::parameter("-r")),
    }
}

fn system_memory(world: &World, args: &Args) -> Result<Output, CliError> {
    args.refuse(&["--filter"])?;
    const COLUMNS: &[&str] = &[
        "configurable_sys_mem",
        "curr_avail_sys_mem",
        "pend_avail_sys_mem",
        "installed_sys_mem",
        "sys_firmware_mem",
        "mem_region_size",
        "possible_hpt_ratios",
    ];
    let capacity = world.capacity(system(world, args)?);
    let (total, free) = (capacity.memory.to_string(), capacity.memory_free.to_string());
    let row = [&total, &free, &free, &total, FIRMWARE_MEMORY, "256", "1:32,1:64,1:128"];
    Listing { columns: COLUMNS, rows: vec![row.map(String::from).into()] }.print(args)
}

fn system_processors(world: &World, args: &Args) -> Result<Output, CliError> {
    args.refuse(&["--filter"])?;
    const COLUMNS: &[&str] = &[
        "configurable_sys_proc_units",
        "curr_avail_sys_proc_units",
        "pend_avail_sys_proc_units",
        "installed_sys_proc_units",
        "min_proc_units_per_virtual_proc",
        "max_virtual_procs_per_lpar",
    ];
    let capacity = world.capacity(system(world, args)?);
    let (total, free) = (proc_units(capacity.processors), proc_units(capacity.processors_free));
    let row = [&total, &free, &free, &total, "0.05", "64"];
    Listing { columns: COLUMNS, rows: vec![row.map(String::from).into()] }.print(args)
}

fn lpar_memory(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    const COLUMNS: &[&str] = &["lpar_name", "lpar_id", "curr_mem", "pend_mem", "run_mem", "mem_mode"];
    let (_, reading) = chosen(world, hmc, args, &["lpar_names", "lpar_ids"])?;
    let row = |lpar: &crate::world::LparReading| {
        let memory = world.lpar_spec(lpar.lpar).memory;
        let current = if lpar.state.is_active() { memory } else { 0 }.to_string();
        let (number, pending) = (lpar.number.to_string(), memory.to_string());
        [world.lpar_name(lpar.lpar), &number, &current, &pending, &current, "ded"].map(String::from).to_vec()
    };
    Listing { columns: COLUMNS, rows: reading.lpars.iter().map(row).collect() }.print(args)
}

fn lpar_processors(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    const COLUMNS: &[&str] = &[
        "lpar_name",
        "lpar_id",
        "curr_proc_mode",
        "curr_proc_units",
        "pend_proc_units",
        "run_proc_units",
        "run_procs",
    ];
    let (_, reading) = chosen(world, hmc, args, &["lpar_names", "lpar_ids"])?;
    let row = |lpar: &crate::world::LparReading| {
        let processors = world.lpar_spec(lpar.lpar).processors;
        let on = if lpar.state.is_active() { processors } else { 0 };
        let (number, procs) = (lpar.number.to_string(), on.div_ceil(100).to_string());
        let (current, pending) = (proc_units(on), proc_units(processors));
        [world.lpar_name(lpar.lpar), &number, "shared", &current, &pending, &current, &procs].map(String::from).to_vec()
    };
    Listing { columns: COLUMNS, rows: reading.lpars.iter().map(row).collect() }.print(args)
}
