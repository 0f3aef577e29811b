//! Listings about managed systems: `lssyscfg -r sys`, `lssysconn -r all`, and the HMC itself: `lshmc -V`.

use super::args::{Args, Grammar};
use super::error::CliError;
use super::listing::Listing;
use super::output::Output;
use crate::world::{HmcId, Refusal, ServerId, SystemState, Time, World};

/// Output of `lshmc -V`, in the form of a recorded console.
const VERSION: &str = "\"version= Version: 11\n Release: 2\n Service Pack: 1120\nHMC Build level 2607082225\n\",\
                       \"base_version=V11R2\n\"\n";

/// Virtual time zero on the clocks of the servers: 1 October 2026, in days since 1970.
const EPOCH_DAY: u64 = 20_727;

const SYSTEM_COLUMNS: &[&str] = &[
    "name",
    "type_model",
    "serial_num",
    "ipaddr",
    "sp_type",
    "state",
    "state_detail",
    "detailed_state",
    "sys_time",
    "power_off_policy",
    "active_lpar_mobility_capable",
    "inactive_lpar_mobility_capable",
    "lpar_remote_restart_capable",
    "powervm_lpar_simplified_remote_restart_capable",
    "dynamic_simplified_remote_restart_toggle_capable",
    "sp_failover_capable",
    "virtual_fc_capable",
    "virtual_io_server_capable",
    "max_lpars",
    "service_lpar_id",
    "lpar_proc_compat_modes",
    "power_on_type",
    "power_on_option",
    "power_on_lpar_start_policy",
    "pend_power_on_option",
    "pend_power_on_lpar_start_policy",
    "sp_version",
    "description",
];

pub(super) const LIST: Grammar =
    Grammar { valued: &["-r", "-m", "-F", "--filter", "--osrefresh"], flags: &["--header"] };

/// The system named by `-m`, by name or by machine type, model and serial number.
pub(super) fn system(world: &World, args: &Args) -> Result<ServerId, CliError> {
    named_system(world, args.require("-m")?)
}

pub(super) fn named_system(world: &World, name: &str) -> Result<ServerId, CliError> {
    world.server(name).ok_or_else(|| CliError::NoSystem(name.to_owned()))
}

/// Every system, or the one named by `-m`.
fn systems(world: &World, args: &Args) -> Result<Vec<ServerId>, CliError> {
    if args.has("-m") { system(world, args).map(|server| vec![server]) } else { Ok(world.servers().collect()) }
}

pub(super) fn list_systems(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    args.refuse(&["--filter", "--osrefresh"])?;
    let servers = systems(world, args)?;
    let row = |&server: &ServerId| system_row(world, hmc, server);
    let rows = servers.iter().map(row).collect::<Result<_, _>>()?;
    Listing { columns: SYSTEM_COLUMNS, rows }.print(args)
}

fn system_row(world: &World, hmc: HmcId, server: ServerId) -> Result<Vec<String>, CliError> {
    let (state, _, clock) = world.read_system(hmc, server).map_err(|refusal| refused(world, server, refusal))?;
    let spec = world.server_spec(server);
    let policy = spec.start_policy.as_str();
    let row: [&str; SYSTEM_COLUMNS.len()] = [
        &spec.name,
        &spec.type_model,
        &spec.serial,
        &address(server),
        if spec.is_ebmc() { "ebmc" } else { "fsp" },
        state.as_str(),
        "",
        state.detail(),
        &clock_text(clock),
        "0",
        "1",
        "1",
        "0",
        "1",
        "1",
        "1",
        "1",
        "1",
        "400",
        "none",
        "default,POWER8,POWER9_base,POWER9,POWER10",
        if spec.auto_power_restart { "auto" } else { "power on" },
        "standby",
        policy,
        "standby",
        policy,
        "00090005",
        "",
    ];
    Ok(row.map(String::from).into())
}

/// Columns of a server with a flexible service processor.
const FSP_COLUMNS: &[&str] =
    &["resource_type", "type_model_serial_num", "sp", "sp_phys_loc", "ipaddr", "alt_ipaddr", "state"];
/// Columns of a server with an eBMC, whose partition data come over a separate link.
const EBMC_COLUMNS: &[&str] = &[
    "resource_type",
    "type_model_serial_num",
    "sp_type",
    "ipaddr",
    "user_name",
    "alt_ipaddr",
    "state",
    "vmi_ipaddr",
    "vmi_state",
];

pub(super) fn list_connections(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    if args.require("-r")? != "all" {
        return Err(CliError::parameter("-r"));
    }
    let value = |server: ServerId, column: &str| -> Result<String, CliError> {
        let refused = |refusal| refused(world, server, refusal);
        let (state, connection, _) = world.read_system(hmc, server).map_err(refused)?;
        let up = matches!(state, SystemState::Operating | SystemState::Standby);
        let vmi = world.read_vmi(hmc, server).map_err(refused)?;
        let ebmc = world.server_spec(server).is_ebmc();
        Ok(match column {
            "resource_type" => "sys".to_owned(),
            "type_model_serial_num" => world.server_spec(server).mtms(),
            "sp" => "primary".to_owned(),
            "sp_type" => if ebmc { "ebmc" } else { "fsp" }.to_owned(),
            "ipaddr" => address(server),
            "user_name" => "admin".to_owned(),
            "state" => connection.as_str().to_owned(),
            "vmi_state" if ebmc && up => vmi.as_str().to_owned(),
            _ => "unavailable".to_owned(),
        })
    };
    let listing = |columns: &'static [&'static str], ebmc: Option<bool>| {
        let servers = world.servers().filter(|&server| ebmc.is_none_or(|it| it == world.server_spec(server).is_ebmc()));
        let rows = servers.map(|server| columns.iter().map(|column| value(server, column)).collect());
        Ok(Listing { columns, rows: rows.collect::<Result<_, CliError>>()? })
    };
    if args.has("-F") || !world.servers().any(|server| world.server_spec(server).is_ebmc()) {
        return listing(FSP_COLUMNS, None)?.print(args);
    }
    // Each listing contains the servers of its kind.
    let (fsp, ebmc) = (listing(FSP_COLUMNS, Some(false))?, listing(EBMC_COLUMNS, Some(true))?);
    let before = if fsp.rows.is_empty() { String::new() } else { fsp.print(args)?.stdout };
    let after = ebmc.print(args)?;
    Ok(Output { stdout: before + &after.stdout, ..after })
}

pub(super) fn show_hmc(args: &Args) -> Result<Output, CliError> {
    if args.has("-V") { Ok(Output::success(VERSION.into())) } else { Err(CliError::parameter("-V")) }
}

pub(super) fn refused(world: &World, server: ServerId, refusal: Refusal) -> CliError {
    CliError::Refused { refusal, object: world.server_name(server).to_owned() }
}

/// Address of a service processor: invented, stable, and not reachable.
fn address(server: ServerId) -> String {
    let number = server.index() + 1;
    format!("192.0.2.{}", number % 254 + 1)
}

/// `MM/DD/YYYY HH:MM:SS`. It stands still while the connection is lost, by which a stale reading can be recognized.
pub(super) fn clock_text(time: Time) -> String {
    let seconds = time.millis() / 1_000;
    let (year, month, day) = date(EPOCH_DAY + seconds / 86_400);
    let of_day = seconds % 86_400;
    format!("{month:02}/{day:02}/{year} {:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// Converts days since 1970 to year, month and day in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from 1 March of year 0, so that the leap day is the last of its year.
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_count_days() {
        assert_eq!(clock_text(Time::START), "10/01/2026 00:00:00");
        assert_eq!(clock_text(Time::from_millis(86_399_999)), "10/01/2026 23:59:59");
        assert_eq!(date(20_727 + 31), (2026, 11, 1));
        assert_eq!(date(19_782), (2024, 2, 29));
    }
}
