//! The command line against a world, line by line.

use super::execute;
use crate::world::{DemoOptions, Fault, HmcId, LostView, LparSpec, ServerId, Span, SystemState, World, WorldSpec};

const HMC: HmcId = HmcId(0);
const P1: ServerId = ServerId(0);

fn world() -> World {
    let options = DemoOptions { servers: 2, lpars: 2, hmcs: 1 };
    World::new(WorldSpec::demo(options), 1).unwrap()
}

fn pass(world: &mut World, millis: u64) {
    world.advance_to(world.now() + Span::millis(millis));
}

/// Runs a line that must succeed without output on standard error.
fn ok(world: &mut World, line: &str) -> String {
    let output = execute(world, HMC, line);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{line}: {}", output.stdout);
    output.stdout
}

/// Runs a line that must be refused on standard output.
fn refused(world: &mut World, line: &str) -> String {
    let output = execute(world, HMC, line);
    assert_eq!((output.status, output.stderr.as_str()), (1, ""), "{line}: {}", output.stdout);
    pass(world, 100);
    output.stdout
}

#[test]
fn listings() {
    let mut world = world();
    for (line, expected) in [
        (
            "lssyscfg -r sys -F name,type_model,serial_num,state,detailed_state,sys_time",
            "p1,9105-22A,7A00001,Operating,None,10/01/2026 00:00:00\n\
             p2,9105-22A,7A00002,Operating,None,10/01/2026 00:00:00\n",
        ),
        ("LANG=C lssyscfg -r sys -m 9105-22A*7A00002 -F name:state --header", "name:state\np2:Operating\n"),
        (
            "lssyscfg -r lpar -m 'p1' -F name,lpar_id,lpar_env,state,rmc_state",
            "p1-vios1,1,vioserver,Running,active\n\
             p1-vios2,2,vioserver,Running,active\n\
             node-p1,3,aixlinux,Running,active\n\
             db,4,aixlinux,Not Activated,inactive\n\
             app,5,aixlinux,Not Activated,inactive\n",
        ),
        ("lssyscfg -r lpar -m p1 --filter \"lpar_names=db,app\" -F lpar_id", "4\n5\n"),
        ("lssyscfg -r lpar -m p1 --filter 'lpar_ids=1,4' -F name", "p1-vios1\ndb\n"),
        (
            "lssyscfg -r prof -m p1 --filter lpar_names=db,profile_names=default_profile \
             -F name,lpar_name,desired_mem,desired_proc_units,virtual_scsi_adapters",
            "default_profile,db,16384,1.0,\"2/client/1/p1-vios1/14/0,3/client/2/p1-vios2/14/0\"\n",
        ),
        (
            "lshwres -r mem -m p1 --level sys -F configurable_sys_mem,curr_avail_sys_mem,sys_firmware_mem",
            "262144,249856,8192\n",
        ),
        ("lshwres -r proc -m p1 --level sys -F configurable_sys_proc_units,curr_avail_sys_proc_units", "16.0,14.5\n"),
        (
            "lshwres -r mem -m p1 --level lpar --filter lpar_names=db",
            "lpar_name=db,lpar_id=4,curr_mem=0,pend_mem=16384,run_mem=0,mem_mode=ded\n",
        ),
        (
            "lssysconn -r all",
            "resource_type=sys,type_model_serial_num=9105-22A*7A00001,sp_type=ebmc,ipaddr=192.0.2.2,\
             user_name=admin,alt_ipaddr=unavailable,state=Connected,vmi_ipaddr=unavailable,vmi_state=Connected\n\
             resource_type=sys,type_model_serial_num=9105-22A*7A00002,sp_type=ebmc,ipaddr=192.0.2.3,\
             user_name=admin,alt_ipaddr=unavailable,state=Connected,vmi_ipaddr=unavailable,vmi_state=Connected\n",
        ),
        (
            "lshmc -V",
            "\"version= Version: 11\n Release: 2\n Service Pack: 1120\nHMC Build level 2607082225\n\",\
             \"base_version=V11R2\n\"\n",
        ),
        (
            "lsrefcode -r lpar -m p1 --filter lpar_names=db -n 1 -F lpar_name,time_stamp,refcode --header",
            "lpar_name,time_stamp,refcode\ndb,10/01/2026 00:00:00,00000000\n",
        ),
    ] {
        assert_eq!(ok(&mut world, line), expected, "{line}");
    }
}

#[test]
fn records_quote_what_holds_commas() {
    let mut world = world();
    let record = ok(&mut world, "lssyscfg -r sys -m p1");
    assert!(record.starts_with("name=p1,type_model=9105-22A,"), "{record}");
    assert!(record.contains(",\"lpar_proc_compat_modes=default,POWER8,"), "{record}");
    assert!(record.ends_with(",description=\n"), "{record}");
    let record = ok(&mut world, "lssyscfg -r lpar -m p1 --filter lpar_names=db");
    assert!(record.starts_with("name=db,lpar_id=4,lpar_env=aixlinux,state=Not Activated,"), "{record}");
}

#[test]
fn refusals() {
    let mut world = world();
    for (line, expected) in [
        (
            "lssyscfg -r lpar -F uuid,name",
            "The command entered is either missing a required parameter or a parameter value is invalid. The parameters \
             that are missing or have an invalid value are -m. Please check your entry and retry the command.\n",
        ),
        (
            "lssyscfg -r lpar -m p1 --filter lpar_names=none -F name",
            "HSCL8012 The partition named none was not found.  Please check your entry and retry the command.\n",
        ),
        (
            "lssyscfg -r sys -F name,UUID",
            "An invalid attribute was entered.  The invalid attribute is UUID.  Please correct your entry and retry the \
             command.\n",
        ),
    ] {
        assert_eq!(refused(&mut world, line), expected, "{line}");
    }
    for (line, code) in [
        ("lssyscfg -r lpar -m p9 -F name", "HSCL8018 "),
        ("lssyscfg -r prof -m p1 --filter lpar_names=db,profile_names=x", "HSCL800F "),
        ("lssyscfg -r lpar -m p1 --filter colour=red", "An invalid filter"),
        ("lssyscfg -r lpar -m p1 --filter lpar_ids=77", "HSCL8011 "),
        ("lssyscfg -m p1", "The command entered is either missing"),
        ("lssyscfg -r sys --header", "The command entered is either missing"),
        ("lssyscfg -r sys --colour", "The command entered is either missing"),
        ("chsysstate -m p1 -r lpar -o on", "The command entered is either missing"),
        ("chsysstate -m p1 -r lpar -o dance -n db", "The command entered is either missing"),
        ("chsysstate -m p1 -r lpar -o shutdown -n db --restart", "The command entered is either missing"),
        ("chsysstate -m p1 -r lpar -o on -n db --id 4", "The command entered is either missing"),
        ("chsysstate -m p1 -r lpar -o on -n db -b sms", "The command entered is either missing"),
        ("chsysstate -m p1 -r sys -o on --immed", "The command entered is either missing"),
        ("chsysstate -m p1 -r lpar -o on -n none", "HSCL8012 "),
        ("chsysstate -m p1 -r lpar -o on -n node-p2", "HSCL8012 "),
        ("chsysstate -m p1 -r lpar -o on -n db -f none", "HSCL800F "),
        ("chsysstate -m p1 -r lpar -o shutdown -n db --immed", "HSCL1558 "),
        ("chsysstate -m p1 -r lpar -o osshutdown -n db", "HSCL1558 "),
        ("chsysstate -m p1 -r sys -o on", "HSCL05DF "),
        ("chsyscfg -r lpar -m p1", "The command entered is either missing"),
        ("chsyscfg -r sys -m p1 -i name=db,description=x", "The command entered is either missing"),
        ("chsyscfg -r lpar -m p1 -i name=db", "The command entered is either missing"),
        ("chsyscfg -r lpar -m p1 -i name=db,colour=red", "An invalid attribute"),
        ("chsyscfg -r lpar -m p1 -i name=none,description=x", "HSCL8012 "),
        ("chsyscfg -r lpar -m p1 -i 'name=db,description=grün'", "HSCLC63B "),
    ] {
        let text = refused(&mut world, line);
        assert!(text.starts_with(code), "{line}: {text}");
    }
}

#[test]
fn the_shell_runs_one_known_command() {
    let mut world = world();
    for (line, status) in [("ls -l", 127), ("lshmc -V; reboot", 1), ("lshmc 'x", 1)] {
        let output = execute(&mut world, HMC, line);
        assert_eq!((output.status, output.stdout.as_str()), (status, ""), "{line}");
        assert!(output.stderr.starts_with("hmcbash: "), "{line}");
    }
    assert_eq!(ok(&mut world, "  "), "");
}

#[test]
fn an_lpar_goes_through_its_states() {
    let mut world = world();
    let state = "lssyscfg -r lpar -m p1 --filter lpar_names=db -F state,rmc_state,resource_config";
    for (line, wait, shown) in [
        ("chsysstate -m p1 -r lpar -o on -n db", 0, "Starting,inactive,1\n"),
        ("lshmc -V", 900, "Running,inactive,1\n"),
        ("lshmc -V", 900, "Running,active,1\n"),
        ("chsysstate -m p1 -r lpar -o osshutdown --id 4", 0, "Shutting Down,active,1\n"),
        ("lshmc -V", 700, "Not Activated,inactive,0\n"),
        ("chsysstate -m p1 -r lpar -o on -n db -f default_profile", 2_000, "Running,active,1\n"),
        ("chsysstate -m p1 -r lpar -o shutdown -n db --immed --restart", 0, "Shutting Down,active,1\n"),
        ("lshmc -V", 300, "Starting,active,1\n"),
        ("lshmc -V", 2_000, "Running,active,1\n"),
        ("chsysstate -m p1 -r lpar -o shutdown -n db", 1_000, "Not Activated,inactive,0\n"),
    ] {
        ok(&mut world, line);
        pass(&mut world, wait);
        assert_eq!(ok(&mut world, state), shown, "{line}");
    }
}

#[test]
fn refusals_by_state() {
    let mut world = world();
    let db = world.lpar("db").unwrap();
    ok(&mut world, "chsysstate -m p1 -r lpar -o on -n db");
    let output = execute(&mut world, HMC, "chsysstate -m p1 -r lpar -o on -n app");
    assert!(output.stdout.starts_with("HSCL3205 "), "{}", output.stdout);
    pass(&mut world, 100);
    let text = refused(&mut world, "chsysstate -m p1 -r lpar -o on -n db");
    assert_eq!(text, "HSCL05EA Partition db cannot be activated since it is not in the Not Activated state.\n");
    let text = refused(&mut world, "chsysstate -m p1 -r lpar -o osshutdown -n db");
    assert!(text.starts_with("HSCL05DF "), "still starting: {text}");
    pass(&mut world, 5_000);
    world.inject(Fault::Hang(P1, db)).unwrap();
    pass(&mut world, 5_000);
    let text = refused(&mut world, "chsysstate -m p1 -r lpar -o osshutdown -n db");
    assert!(text.starts_with("HSCL0DB4 "), "{text}");
    ok(&mut world, "chsysstate -m p1 -r sys -o off --immed");
    pass(&mut world, 2_000);
    let text = refused(&mut world, "chsysstate -m p1 -r lpar -o on -n db");
    assert!(text.starts_with("HSCL0238 "), "{text}");
    let text = refused(&mut world, "chsysstate -m p1 -r sys -o off --immed");
    assert!(text.starts_with("HSCL1558 "), "{text}");
    world.set_lines(P1, false);
    pass(&mut world, 2_000);
    let text = refused(&mut world, "chsysstate -m p1 -r sys -o on");
    assert!(text.starts_with("HSCL0237 "), "{text}");
    let text = refused(&mut world, "lshwres -r mem -m p1 --level sys");
    assert!(text.starts_with("HSCL0237 "), "{text}");
}

#[test]
fn systems_and_their_lpars_read_together() {
    let system = "lssyscfg -r sys -m p1 -F state";
    let lpars = "lssyscfg -r lpar -m p1 --filter lpar_names=node-p1 -F state";
    for (fault, wait, expected) in [
        (Fault::TripPower(P1), 0, ("Power Off\n", "Not Activated\n")),
        (Fault::CutPower(P1), 0, ("Operating\n", "Running\n")),
        (Fault::CutPower(P1), 2_000, ("No Connection\n", "Not Available\n")),
        (Fault::Checkstop(P1), 0, ("Error - Dump In Progress\n", "Not Available\n")),
        (Fault::Checkstop(P1), 3_000, ("Error\n", "Not Available\n")),
        (Fault::FailServer(P1), 0, ("Error\n", "Not Available\n")),
        (Fault::HangProcessor(P1), 2_000, ("No Connection\n", "Not Available\n")),
        (Fault::ShowAs(P1, SystemState::Incomplete), 0, ("Incomplete\n", "Not Available\n")),
        (Fault::ShowAs(P1, SystemState::Recovery), 0, ("Recovery\n", "Not Available\n")),
    ] {
        let mut world = world();
        world.inject(fault).unwrap();
        pass(&mut world, wait);
        let read = (ok(&mut world, system), ok(&mut world, lpars));
        assert_eq!((read.0.as_str(), read.1.as_str()), expected, "{fault:?}");
    }
}

#[test]
fn a_lost_system_can_show_what_was_last_known_or_nothing() {
    let lpars = "lssyscfg -r lpar -m p1 --filter lpar_names=node-p1 -F state";
    for (lost_view, status, text) in [(LostView::LastKnown, 0, "Running\n"), (LostView::Refuse, 1, "HSCL0237 ")] {
        let mut spec = WorldSpec::demo(DemoOptions::default());
        spec.hmcs[0].lost_view = lost_view;
        let mut world = World::new(spec, 1).unwrap();
        world.inject(Fault::CutPower(P1)).unwrap();
        pass(&mut world, 5_000);
        let output = execute(&mut world, HMC, lpars);
        assert_eq!(output.status, status);
        assert!(output.stdout.starts_with(text), "{}", output.stdout);
        let clock = ok(&mut world, "lssyscfg -r sys -m p1 -F sys_time");
        assert_eq!(clock, "10/01/2026 00:00:00\n", "the clock of a lost system stands still");
        let connection = ok(&mut world, "lssysconn -r all -F type_model_serial_num,state");
        assert_eq!(
            connection,
            "9105-22A*7A00001,No Connection\n9105-22A*7A00002,Connected\n9105-22A*7A00003,Connected\n"
        );
    }
}

#[test]
fn an_hmc_that_is_down_answers_nothing() {
    let mut world = world();
    world.inject(Fault::HmcDown(HMC)).unwrap();
    assert_eq!(execute(&mut world, HMC, "lshmc -V").status, 255);
}

#[test]
fn sentences_follow_the_locale_and_codes_do_not() {
    let mut spec = WorldSpec::demo(DemoOptions { servers: 1, lpars: 1, hmcs: 1 });
    spec.hmcs[0].english = false;
    let mut world = World::new(spec, 1).unwrap();
    let stop = "chsysstate -m p1 -r lpar -o shutdown -n db";
    let text = refused(&mut world, stop);
    assert_eq!(text, "HSCL1558 Operacja nie powiodła się.\n");
    for locale in ["LANG=C", "LANG=C.UTF-8", "LC_ALL=en_US LANG=pl_PL"] {
        let text = refused(&mut world, &format!("{locale} {stop}"));
        assert!(text.contains("unavailable in the current"), "{locale}: {text}");
    }
    let text = ok(&mut world, "lssyscfg -r lpar -m p1 --filter lpar_names=db -F state");
    assert_eq!(text, "Not Activated\n");
}

/// Two servers; `db` is mobile and runs on p1.
fn mobile_world() -> World {
    let mut spec = WorldSpec::demo(DemoOptions { servers: 2, lpars: 0, hmcs: 1 });
    spec.lpars.push(LparSpec { running_on: Some("p1".into()), ..LparSpec::mobile("db", ["p1", "p2"]) });
    World::new(spec, 1).unwrap()
}

const STATES: [&str; 2] = ["lssyscfg -r lpar -m p1 -F name,state", "lssyscfg -r lpar -m p2 -F name,state"];

fn lists(world: &mut World, at: usize, line: &str) -> bool {
    ok(world, STATES[at]).lines().any(|listed| listed == line)
}

#[test]
fn a_migration_is_listed_on_both_sides_until_it_is_over() {
    let mut world = mobile_world();
    let list = "lslparmigr -r lpar -m p1 --filter lpar_names=db";
    assert!(lists(&mut world, 0, "db,Running") && !ok(&mut world, STATES[1]).contains("db,"));
    let still =
        "name=db,lpar_id=4,migration_state=Not Migrating,migration_type=null,dest_sys_name=null,dest_lpar_id=null\n";
    assert_eq!(ok(&mut world, list), still);
    assert_eq!(ok(&mut world, "migrlpar -o v -m p1 -t '9105-22A*7A00002' -p db"), "");
    assert_eq!(ok(&mut world, list), still, "a check changes nothing");
    let output = execute(&mut world, HMC, "migrlpar -o m -m p1 -t p2 --id 4");
    assert!(output.status == 0 && output.delay >= Span::seconds(8), "it blocks until it is over: {output:?}");
    for server in [0, 1] {
        assert!(lists(&mut world, server, "db,Migrating - Running"));
    }
    assert_eq!(ok(&mut world, &format!("{list} -F migration_state,dest_sys_name")), "Migration In Progress,p2\n");
    pass(&mut world, 9_000);
    assert!(lists(&mut world, 1, "db,Running"));
    assert!(refused(&mut world, list).starts_with("HSCL8012 "));
}

#[test]
fn a_migration_is_stopped_and_a_broken_one_recovered() {
    let mut world = mobile_world();
    let db = world.lpar("db").unwrap();
    let move_it = "migrlpar -o m -m p1 -t p2 -p db";
    ok(&mut world, move_it);
    pass(&mut world, 1_000);
    ok(&mut world, "migrlpar -o s -m p1 -p db");
    assert!(lists(&mut world, 0, "db,Running"));
    pass(&mut world, 100);
    ok(&mut world, move_it);
    world.inject(Fault::BreakMove(db)).unwrap();
    pass(&mut world, 1_000);
    assert_eq!(
        ok(&mut world, "lslparmigr -r lpar -m p2 --filter lpar_names=db -F migration_state"),
        "Migration Failed\n"
    );
    for line in [move_it, "migrlpar -o s -m p1 -p db", "chsysstate -m p1 -r lpar -o shutdown --immed -n db"] {
        assert!(refused(&mut world, line).starts_with("HSCL05DF "), "{line}");
    }
    ok(&mut world, "migrlpar -o r -m p1 -p db");
    assert!(lists(&mut world, 0, "db,Running"));
}

#[test]
fn a_remote_restart_needs_a_source_that_is_down_and_leaves_its_definition() {
    let mut world = mobile_world();
    let check = "rrstartlpar -o validate -m p1 -t p2 -p db";
    let restart = "rrstartlpar -o restart -m p1 -t p2 -p db";
    for line in [check, restart] {
        assert!(refused(&mut world, line).starts_with("HSCLFF01 (synthetic) "), "{line}");
    }
    world.inject(Fault::TripPower(P1)).unwrap();
    ok(&mut world, check);
    ok(&mut world, restart);
    let status =
        |server: &str| format!("lssyscfg -r lpar -m {server} --filter lpar_names=db -F state,remote_restart_status");
    for (wait, source, target) in [
        (100, "Source Remote Restarting", "Not Activated,Destination Remote Restarting"),
        (5_000, "Remote Restarted", "Running,Remote Restartable"),
    ] {
        pass(&mut world, wait);
        assert_eq!(ok(&mut world, &status("p1")), format!("Not Activated,{source}\n"));
        assert_eq!(ok(&mut world, &status("p2")), format!("{target}\n"));
    }
    assert!(refused(&mut world, restart).starts_with("HSCL05DF "), "not twice");
    ok(&mut world, "chsysstate -m p1 -r sys -o on");
    pass(&mut world, 10_000);
    assert!(refused(&mut world, &status("p1")).starts_with("HSCL8012 "), "cleared up");
}

#[test]
fn moves_that_cannot_be_are_refused_in_the_words_of_their_reason() {
    let parameter = "The command entered is either missing";
    let mut world = mobile_world();
    for (line, start) in [
        ("migrlpar -o m -m p1 -p db", parameter),
        ("migrlpar -o m -m p1 -t p2", parameter),
        ("migrlpar -o dance -m p1 -t p2 -p db", parameter),
        ("migrlpar -o s -m p1 -t p2 -p db", parameter),
        ("migrlpar -o m -m p1 -t p2 -p db --force", parameter),
        ("rrstartlpar -o cleanup -m p1 -p db", parameter),
        ("rrstartlpar -o restart -m p1 -t p2 -p db --noconnection", parameter),
        ("lslparmigr -r msp -m p1", parameter),
        ("migrlpar -o m -m p1 -t p9 -p db", "HSCL8018 "),
        ("migrlpar -o m -m p2 -t p1 -p db", "HSCL8012 "),
        ("migrlpar -o m -m p1 -t p1 -p db", "HSCL05DE "),
        ("migrlpar -o m -m p1 -t p2 -p node-p1", "HSCLA319 "),
        ("migrlpar -o r -m p1 -p db", "HSCL05DF "),
    ] {
        let text = refused(&mut world, line);
        assert!(text.starts_with(start), "{line}: {text}");
    }
    let db = world.lpar("db").unwrap();
    world.inject(Fault::Hang(P1, db)).unwrap();
    pass(&mut world, 5_000);
    for operation in ["v", "m"] {
        let text = refused(&mut world, &format!("migrlpar -o {operation} -m p1 -t p2 -p db"));
        assert!(text.starts_with("HSCLA246 The management console cannot communicate with partition db."), "{text}");
    }
}
