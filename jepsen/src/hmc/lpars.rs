//! Listings about LPARs: `lssyscfg -r lpar`, `lssyscfg -r prof`, `lsrefcode -r lpar`.

use super::args::{Args, Grammar};
use super::error::CliError;
use super::listing::Listing;
use super::output::Output;
use super::systems::{clock_text, refused, system};
use crate::world::{
    DEFAULT_PROFILE, HmcId, LparId, LparKind, LparReading, LparState, MoveKind, Reading, RmcState, ServerId, World,
};

const LPAR_COLUMNS: &[&str] = &[
    "name",
    "lpar_id",
    "lpar_env",
    "state",
    "resource_config",
    "os_version",
    "logical_serial_num",
    "default_profile",
    "curr_profile",
    "work_group_id",
    "shared_proc_pool_util_auth",
    "allow_perf_collection",
    "power_ctrl_lpar_ids",
    "boot_mode",
    "lpar_keylock",
    "auto_start",
    "redundant_err_path_reporting",
    "rmc_state",
    "rmc_ipaddr",
    "time_ref",
    "lpar_avail_priority",
    "desired_lpar_proc_compat_mode",
    "curr_lpar_proc_compat_mode",
    "suspend_capable",
    "remote_restart_capable",
    "simplified_remote_restart_capable",
    "remote_restart_status",
    "sync_curr_profile",
    "affinity_group_id",
    "vtpm_enabled",
    "uuid",
    "description",
];

const PROFILE_COLUMNS: &[&str] = &[
    "name",
    "lpar_name",
    "lpar_id",
    "lpar_env",
    "all_resources",
    "min_mem",
    "desired_mem",
    "max_mem",
    "mem_mode",
    "proc_mode",
    "min_proc_units",
    "desired_proc_units",
    "max_proc_units",
    "min_procs",
    "desired_procs",
    "max_procs",
    "sharing_mode",
    "uncap_weight",
    "io_slots",
    "virtual_scsi_adapters",
    "boot_mode",
    "conn_monitoring",
    "auto_start",
];

pub(super) const REFERENCE_CODES: Grammar =
    Grammar { valued: &["-r", "-m", "-F", "--filter", "-n"], flags: &["--header"] };

/// A reading of the LPARs selected by `-m` and `--filter`. An unknown name is an error, not an empty result.
pub(super) fn chosen(
    world: &World,
    hmc: HmcId,
    args: &Args,
    filters: &[&str],
) -> Result<(ServerId, Reading), CliError> {
    let server = system(world, args)?;
    let filters = args.filters(filters)?;
    let mut reading = world.read(hmc, server).map_err(|refusal| refused(world, server, refusal))?;
    if let Some(names) = filters.get("lpar_names") {
        for name in names {
            let here = world.lpar(name).is_some_and(|lpar| reading.lpar(lpar).is_some());
            here.then_some(()).ok_or_else(|| CliError::NoLpar(name.clone()))?;
        }
        reading.lpars.retain(|lpar| names.iter().any(|name| name == world.lpar_name(lpar.lpar)));
    }
    if let Some(numbers) = filters.get("lpar_ids") {
        let numbers: Vec<u16> = numbers
            .iter()
            .map(|number| number.parse().map_err(|_| CliError::parameter("--filter")))
            .collect::<Result<_, _>>()?;
        for &number in &numbers {
            let here = world.lpar_by_number(server, number);
            here.ok_or(CliError::NoLparNumber(number))?;
        }
        reading.lpars.retain(|lpar| numbers.contains(&lpar.number));
    }
    Ok((server, reading))
}

pub(super) fn list_lpars(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    args.refuse(&["--osrefresh"])?;
    let (server, reading) = chosen(world, hmc, args, &["lpar_names", "lpar_ids"])?;
    let rows = reading.lpars.iter().map(|lpar| lpar_row(world, server, lpar)).collect();
    Listing { columns: LPAR_COLUMNS, rows }.print(args)
}

fn lpar_row(world: &World, server: ServerId, reading: &LparReading) -> Vec<String> {
    let spec = world.lpar_spec(reading.lpar);
    let vios = reading.kind == LparKind::Vios;
    let talks = reading.rmc == RmcState::Active;
    let on = reading.state.is_active();
    let serial = &world.server_spec(server).serial;
    let row: [&str; LPAR_COLUMNS.len()] = [
        &world.listed_name(server, reading.lpar),
        &reading.number.to_string(),
        world.environment(reading.lpar),
        reading.state.as_str(),
        if on { "1" } else { "0" },
        match (talks, vios) {
            (false, _) => "Unknown",
            (true, true) => "VIOS 4.1.1.10",
            (true, false) if spec.ibm_i => "IBMi 7.5.0 0 0",
            (true, false) => "AIX 7.3 7300-03-00-2446",
        },
        &format!("{serial}{:X}", reading.number),
        DEFAULT_PROFILE,
        DEFAULT_PROFILE,
        "none",
        "1",
        "1",
        "none",
        "norm",
        "norm",
        if world.auto_start(server, reading.lpar) { "1" } else { "0" },
        "0",
        reading.rmc.as_str(),
        &if talks { format!("198.51.100.{}", reading.lpar.index() % 250 + 1) } else { String::new() },
        "0",
        if vios { "191" } else { "127" },
        "default",
        "POWER10",
        "0",
        "0",
        if vios { "0" } else { "1" },
        if vios { "Invalid" } else { restart_status(world, server, reading.lpar) },
        "0",
        "none",
        "0",
        &world.lpar_uuid(server, reading.lpar),
        world.description(server, reading.lpar),
    ];
    row.map(String::from).into()
}

fn restart_status(world: &World, server: ServerId, lpar: LparId) -> &'static str {
    match world.moving(lpar).filter(|current| current.kind == MoveKind::Restart) {
        Some(current) if current.from == server => "Source Remote Restarting",
        Some(current) if current.to == server => "Destination Remote Restarting",
        Some(_) | None if world.is_remnant(server, lpar) => "Remote Restarted",
        Some(_) | None => "Remote Restartable",
    }
}

pub(super) fn list_profiles(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    args.refuse(&["--osrefresh"])?;
    const FILTERS: &[&str] = &["lpar_names", "lpar_ids", "profile_names"];
    let (server, reading) = chosen(world, hmc, args, FILTERS)?;
    let wanted = args.filters(FILTERS)?.remove("profile_names").unwrap_or_default();
    if let Some(missing) = wanted.into_iter().find(|name| name != DEFAULT_PROFILE) {
        return Err(CliError::NoProfile(missing));
    }
    let rows = reading.lpars.iter().map(|lpar| profile_row(world, server, lpar)).collect();
    Listing { columns: PROFILE_COLUMNS, rows }.print(args)
}

fn profile_row(world: &World, server: ServerId, reading: &LparReading) -> Vec<String> {
    let spec = world.lpar_spec(reading.lpar);
    let units = proc_units(spec.processors);
    let procs = spec.processors.div_ceil(100).max(1);
    let row: [&str; PROFILE_COLUMNS.len()] = [
        DEFAULT_PROFILE,
        &spec.name,
        &reading.number.to_string(),
        world.environment(reading.lpar),
        "0",
        &(spec.memory / 2).to_string(),
        &spec.memory.to_string(),
        &(spec.memory * 2).to_string(),
        "ded",
        "shared",
        "0.1",
        &units,
        &proc_units(spec.processors * 2),
        "1",
        &procs.to_string(),
        &(procs * 2).to_string(),
        "uncap",
        "128",
        "none",
        &virtual_scsi(world, server, reading),
        "norm",
        "1",
        if world.auto_start(server, reading.lpar) { "1" } else { "0" },
    ];
    row.map(String::from).into()
}

/// `slot/client/vios_id/vios_name/vios_slot/required`, one for each VIO server that serves the LPAR.
fn virtual_scsi(world: &World, server: ServerId, reading: &LparReading) -> String {
    let count = world.server_spec(server).vios;
    let serving: Vec<u8> = match &world.lpar_spec(reading.lpar).vios {
        Some(list) => list.clone(),
        None => (0..count).collect(),
    };
    let name = world.server_name(server);
    let adapter = |(slot, vios): (usize, &u8)| {
        let number = vios + 1;
        format!("{}/client/{number}/{name}-vios{number}/{}/0", slot + 2, reading.number + 10)
    };
    let adapters: Vec<String> = serving.iter().enumerate().map(adapter).collect();
    if adapters.is_empty() { "none".into() } else { adapters.join(",") }
}

/// Processing units as the HMC prints them: `0.5`, `1.0`, `12.25`.
pub(super) fn proc_units(hundredths: u32) -> String {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.strip_suffix('0').map_or(text.clone(), str::to_owned)
}

pub(super) fn list_reference_codes(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    const COLUMNS: &[&str] = &["lpar_name", "lpar_id", "time_stamp", "refcode", "word2"];
    if args.require("-r")? != "lpar" {
        return Err(CliError::parameter("-r"));
    }
    // Only one code is known of each LPAR, for any number requested.
    if args.has("-n") && !args.require("-n")?.parse().is_ok_and(|count: u32| count > 0) {
        return Err(CliError::parameter("-n"));
    }
    let (_, reading) = chosen(world, hmc, args, &["lpar_names", "lpar_ids"])?;
    let row = |lpar: &LparReading| {
        let code = match lpar.state {
            LparState::NotActivated | LparState::MigratingNotActivated => "00000000",
            LparState::Starting => "CA00E134",
            LparState::Running if lpar.rmc == RmcState::Active => "",
            LparState::Running | LparState::NotAvailable | LparState::MigratingRunning => "",
            LparState::OpenFirmware => "AA00E1A9",
            LparState::ShuttingDown => "D200A250",
            LparState::Error => "B2001230 LP=00002",
        };
        let number = lpar.number.to_string();
        [world.lpar_name(lpar.lpar), &number, &clock_text(reading.server_clock), code, "00000000"]
            .map(String::from)
            .to_vec()
    };
    let rows = reading.lpars.iter().map(row).collect();
    Listing { columns: COLUMNS, rows }.print(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processing_units_print_as_decimals() {
        for (hundredths, text) in [(0, "0.0"), (5, "0.05"), (50, "0.5"), (100, "1.0"), (1_225, "12.25")] {
            assert_eq!(proc_units(hundredths), text);
        }
    }
}
