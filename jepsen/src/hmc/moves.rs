//! `migrlpar`, `rrstartlpar`, `lslparmigr`: moves of LPARs between servers, from their options to typed commands.

use super::args::{Args, Grammar};
use super::changes::lpar;
use super::error::CliError;
use super::listing::Listing;
use super::lpars::chosen;
use super::output::Output;
use super::systems::{named_system, system};
use crate::world::{Command, HmcId, LparReading, LparState, Move, MoveKind, ServerId, World};

pub(super) const MOVE: Grammar = Grammar { valued: &["-o", "-m", "-t", "-p", "--id"], flags: &[] };

pub(super) const MIGRATIONS: Grammar = Grammar { valued: &["-r", "-m", "-F", "--filter"], flags: &["--header"] };

/// The request of a command line about a move.
pub(super) enum Wanted {
    /// Only a check.
    Check(Command),
    Change(Command),
}

pub(super) fn migrate(world: &World, args: &Args) -> Result<Wanted, CliError> {
    let from = system(world, args)?;
    match args.require("-o")? {
        operation @ ("v" | "m") => {
            let (lpar, to) = (lpar(world, from, args, "-p")?, target(world, args)?);
            let command = Command::Migrate { lpar, from, to };
            Ok(if operation == "v" { Wanted::Check(command) } else { Wanted::Change(command) })
        }
        operation @ ("s" | "r") => {
            args.refuse(&["-t"])?;
            let lpar = lpar(world, from, args, "-p")?;
            Ok(Wanted::Change(match operation {
                "s" => Command::StopMigration { lpar, from },
                _ => Command::RecoverMigration { lpar, server: from },
            }))
        }
        _ => Err(CliError::parameter("-o")),
    }
}

pub(super) fn restart(world: &World, args: &Args) -> Result<Wanted, CliError> {
    let from = system(world, args)?;
    match args.require("-o")? {
        operation @ ("validate" | "restart") => {
            let (lpar, to) = (lpar(world, from, args, "-p")?, target(world, args)?);
            let command = Command::RemoteRestart { lpar, from, to };
            Ok(if operation == "validate" { Wanted::Check(command) } else { Wanted::Change(command) })
        }
        "recover" => {
            args.refuse(&["-t"])?;
            Ok(Wanted::Change(Command::RecoverMigration { lpar: lpar(world, from, args, "-p")?, server: from }))
        }
        _ => Err(CliError::parameter("-o")),
    }
}

fn target(world: &World, args: &Args) -> Result<ServerId, CliError> {
    named_system(world, args.require("-t")?)
}

/// Result of a check.
pub(super) fn check(world: &World, hmc: HmcId, command: &Command) -> Result<Output, CliError> {
    match world.check_move(hmc, command) {
        Ok(_) => Ok(Output::default()),
        Err(refusal) => Err(CliError::refused(world, command, refusal)),
    }
}

/// Attributes and words follow the enumeration of the HMC; the listing without any migration is not recorded.
pub(super) fn list_migrations(world: &World, hmc: HmcId, args: &Args) -> Result<Output, CliError> {
    const COLUMNS: &[&str] = &["name", "lpar_id", "migration_state", "migration_type", "dest_sys_name", "dest_lpar_id"];
    if args.require("-r")? != "lpar" {
        return Err(CliError::parameter("-r"));
    }
    let (_, reading) = chosen(world, hmc, args, &["lpar_names", "lpar_ids"])?;
    let rows = reading.lpars.iter().map(|lpar| migration_row(world, lpar)).collect();
    Listing { columns: COLUMNS, rows }.print(args)
}

fn migration_row(world: &World, reading: &LparReading) -> Vec<String> {
    let migration = world.moving(reading.lpar).filter(|current| current.kind != MoveKind::Restart);
    let state = match (reading.state, &migration) {
        (LparState::MigratingRunning | LparState::MigratingNotActivated, Some(Move { stuck: true, .. })) => {
            "Migration Failed"
        }
        (LparState::MigratingRunning | LparState::MigratingNotActivated, _) => "Migration In Progress",
        (
            LparState::NotActivated
            | LparState::Starting
            | LparState::Running
            | LparState::OpenFirmware
            | LparState::ShuttingDown
            | LparState::Error
            | LparState::NotAvailable,
            _,
        ) => "Not Migrating",
    };
    let number = |at| world.lpar_number(at, reading.lpar).map(|number| number.to_string());
    let row = [
        world.lpar_name(reading.lpar).to_owned(),
        reading.number.to_string(),
        state.to_owned(),
        migration
            .map_or("null", |current| if current.kind == MoveKind::Live { "active" } else { "inactive" })
            .to_owned(),
        migration.map_or("null", |current| world.server_name(current.to)).to_owned(),
        migration.and_then(|current| number(current.to)).unwrap_or_else(|| "null".to_owned()),
    ];
    row.into()
}
