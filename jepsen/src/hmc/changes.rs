//! `chsysstate` and `chsyscfg`: from their options to a typed command.

use super::args::{Args, Grammar};
use super::error::CliError;
use super::systems::system;
use crate::world::{Command, LparId, Profile, ServerId, Stop, World};

pub(super) const CHANGE: Grammar = Grammar {
    valued: &["-r", "-m", "-o", "-n", "--id", "-f", "-b", "-k"],
    flags: &["--immed", "--restart", "--novsi"],
};

pub(super) fn change(world: &World, args: &Args) -> Result<Command, CliError> {
    let missing: Vec<String> = ["-m", "-r", "-o"].iter().filter(|n| !args.has(n)).map(|&n| n.to_owned()).collect();
    if !missing.is_empty() {
        return Err(CliError::Parameters(missing));
    }
    let server = system(world, args)?;
    match args.require("-r")? {
        "lpar" => change_lpar(world, server, args),
        "sys" => change_system(server, args),
        _ => Err(CliError::parameter("-r")),
    }
}

fn change_lpar(world: &World, server: ServerId, args: &Args) -> Result<Command, CliError> {
    let restart = args.has("--restart");
    let stop = match (args.require("-o")?, args.has("--immed")) {
        ("on", _) => return activate(world, server, args),
        ("shutdown", true) => Stop::Immediate,
        // A delayed shutdown by the hypervisor has no restart.
        ("shutdown", false) if restart => return Err(CliError::parameter("--restart")),
        ("shutdown", false) => Stop::Delayed,
        ("osshutdown", _) => Stop::Os,
        _ => return Err(CliError::parameter("-o")),
    };
    args.refuse(&["-f", "-b", "-k", "--novsi"])?;
    Ok(Command::StopLpar { server, lpar: lpar(world, server, args, "-n")?, stop, restart })
}

fn activate(world: &World, server: ServerId, args: &Args) -> Result<Command, CliError> {
    args.refuse(&["--immed", "--restart"])?;
    // Only the normal boot is modelled.
    for option in ["-b", "-k"] {
        if args.get(option).is_some_and(|mode| mode != "norm") {
            return Err(CliError::parameter(option));
        }
    }
    let profile = args.get("-f").map_or(Profile::Current, |name| Profile::Named(name.to_owned()));
    Ok(Command::StartLpar { server, lpar: lpar(world, server, args, "-n")?, profile })
}

/// The LPAR of exactly one of the name, given by this option, and `--id`.
pub(super) fn lpar(world: &World, server: ServerId, args: &Args, name: &str) -> Result<LparId, CliError> {
    match (args.get(name), args.get("--id")) {
        (Some(wanted), None) => {
            let found = world.lpar(wanted).filter(|&lpar| world.is_defined(server, lpar));
            found.ok_or_else(|| CliError::NoLpar(wanted.to_owned()))
        }
        (None, Some(number)) => {
            let number: u16 = number.parse().map_err(|_| CliError::parameter("--id"))?;
            world.lpar_by_number(server, number).ok_or(CliError::NoLparNumber(number))
        }
        (Some(_), Some(_)) => Err(CliError::parameter("--id")),
        (None, None) => Err(CliError::parameter(name)),
    }
}

pub(super) const CONFIGURE: Grammar = Grammar { valued: &["-r", "-m", "-i"], flags: &[] };

/// Of the attributes of an LPAR, `chsyscfg` supports only its description.
pub(super) fn configure(world: &World, args: &Args) -> Result<Command, CliError> {
    let missing: Vec<String> = ["-m", "-r", "-i"].iter().filter(|n| !args.has(n)).map(|&n| n.to_owned()).collect();
    if !missing.is_empty() {
        return Err(CliError::Parameters(missing));
    }
    let server = system(world, args)?;
    if args.require("-r")? != "lpar" {
        return Err(CliError::parameter("-r"));
    }
    let (mut name, mut text) = (None, None);
    for item in args.require("-i")?.split(',') {
        match item.split_once('=') {
            Some(("name", value)) => name = Some(value),
            Some(("description", value)) => text = Some(value.to_owned()),
            Some((attribute, _)) => return Err(CliError::Attribute(attribute.to_owned())),
            None => return Err(CliError::parameter("-i")),
        }
    }
    let (Some(name), Some(text)) = (name, text) else { return Err(CliError::parameter("-i")) };
    let found = world.lpar(name).filter(|&lpar| world.is_defined(server, lpar));
    let lpar = found.ok_or_else(|| CliError::NoLpar(name.to_owned()))?;
    Ok(Command::Describe { server, lpar, text })
}

fn change_system(server: ServerId, args: &Args) -> Result<Command, CliError> {
    args.refuse(&["-n", "--id", "-f", "-b", "-k", "--novsi"])?;
    let (immediate, restart) = (args.has("--immed"), args.has("--restart"));
    match args.require("-o")? {
        "on" => {
            args.refuse(&["--immed", "--restart"])?;
            Ok(Command::PowerOn { server })
        }
        "off" => Ok(Command::PowerOff { server, immediate, restart }),
        _ => Err(CliError::parameter("-o")),
    }
}
