//! Recorded answers of a real HMC, and made-up answers that no HMC gives.

use serde_json::Value;

use super::*;
use crate::hypervisor::{
    RefusalKind,
    hmc::records::{parse_records, parse_rows, parse_table},
};

/// One recorded command with its answer.
struct Recording {
    name: String,
    command: String,
    output: Output,
}

fn recordings() -> Vec<Recording> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hmc");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            match value.get("probes").and_then(Value::as_array) {
                Some(probes) => found.extend(probes.iter().map(|probe| recording(&file, probe))),
                None => found.push(recording(&file, &value)),
            }
        }
    }
    assert!(found.len() > 15, "{}", found.len());
    found
}

fn recording(file: &str, value: &Value) -> Recording {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let output = Output {
        status: value["exit_status"].as_u64().unwrap() as u32,
        stdout: text("stdout").into_bytes(),
        stderr: text("stderr").into_bytes(),
    };
    Recording { name: format!("{file} {}", text("name")), command: text("command"), output }
}

fn recorded(file: &str) -> Output {
    let all = recordings();
    all.into_iter().find(|recording| recording.name.starts_with(file)).unwrap().output
}

/// The columns of a recorded `-F`, and whether there is a header.
fn columns(command: &str) -> Option<(Vec<&str>, bool)> {
    let mut words = command.split_whitespace();
    let columns = words.by_ref().skip_while(|word| *word != "-F").nth(1)?;
    Some((columns.split(',').collect(), words.any(|word| word == "--header")))
}

#[test]
fn every_recorded_listing_is_read_and_every_recorded_error_is_a_refusal() {
    for recording in recordings() {
        let is_list = recording.command.starts_with("ls") && !recording.command.starts_with("lshmc");
        match conclude(recording.output) {
            Err(Failure::Refused(_)) => {}
            Err(failure) => panic!("{}: {failure}", recording.name),
            Ok(answer) if is_list => {
                let records = match columns(&recording.command) {
                    Some((columns, true)) => parse_table(&answer, &columns),
                    Some((columns, false)) => parse_rows(&answer, &columns),
                    None => parse_records(&answer),
                };
                if let Err(error) = records {
                    panic!("{}: {error}", recording.name);
                }
            }
            Ok(_) => {}
        }
    }
}

#[test]
fn recorded_refusals_are_classified() {
    let Err(Failure::Refused(refusal)) = conclude(recorded("cli-lpar-unknown.json")) else { panic!() };
    assert_eq!((refusal.code.as_deref(), refusal.kind), (Some("HSCL8012"), RefusalKind::LparNotFound));
    let Err(Failure::Refused(refusal)) = conclude(recorded("cli-lpar-no-m.json")) else { panic!() };
    assert_eq!((refusal.code.as_deref(), refusal.kind), (None, RefusalKind::Parameter));
}

#[test]
fn a_recorded_system_is_read_from_its_full_listing() {
    let records = parse_records(&conclude(recorded("cli-sys-attrs.json")).unwrap()).unwrap();
    let facts = system(&records, "8375-42A*<REDACTED-SERIAL>").unwrap();
    assert_eq!(facts.state, SystemState::Operating);
    assert_eq!(facts.time, "10/01/2026 03:43:04");
    for other in ["8375-42A*7654321", "8375-42A*<redacted-serial>"] {
        assert!(system(&records, other).is_err(), "the answer is about another system");
    }
}

#[test]
fn recorded_versions_are_read() {
    assert_eq!(version(&recorded("cli-lshmc-version-v11r2.json").stdout), "V11R2");
    assert_eq!(version(&recorded("power9-v10r3m1060-live-sriov.json hmc-version").stdout), "V10R3");
}

fn lpar_table(rows: &str) -> Result<Vec<LparReading>, Failure> {
    let text = format!("{}\n{rows}", LPAR_COLUMNS.join(","));
    lpars(&parse_table(text.as_bytes(), &LPAR_COLUMNS).unwrap())
}

#[test]
fn lpars_are_read_with_everything_that_is_known_of_them() {
    let read = lpar_table("web,3,5A1B,aixlinux,Running,active\nv1,1,null,vioserver,Strange,none\n").unwrap();
    assert_eq!(read[0].id, Some(3));
    assert_eq!(read[0].state, LparState::Running);
    assert_eq!(read[0].rmc, RmcState::Active);
    assert_eq!(read[1].uuid, None);
    assert_eq!(read[1].env, LparEnvironment::VioServer);
    assert_eq!(read[1].state, LparState::Unknown("Strange".into()));
    assert!(lpar_table("web,3,u,aixlinux,Running,active\nweb,4,u,aixlinux,Not Activated,none\n").is_err());
}

#[test]
fn a_server_is_connected_through_any_of_its_service_processors() {
    let line = |sp: &str, mtms: &str, state: &str| {
        format!("resource_type=sys,type_model_serial_num={mtms},sp={sp},ipaddr=192.0.2.1,state={state}\n")
    };
    let read = |text: String| connection(&parse_records(text.as_bytes()).unwrap(), "A*1");
    let connected = line("primary", "A*1", "No Connection") + &line("secondary", "A*1", "Connected");
    assert_eq!(read(connected), Connection::Connected);
    let lost = line("primary", "A*1", "No Connection") + &line("primary", "B*2", "Connected");
    assert_eq!(read(lost), Connection::NotConnected("No Connection".into()));
    assert_eq!(read(line("primary", "B*2", "Connected")), Connection::Unknown);
}

#[test]
fn amounts_are_read_without_promising_more_than_there_is() {
    let table = [("7.95", Some(795)), ("8.0", Some(800)), ("16", Some(1600)), ("0.05", Some(5)), ("1.999", Some(199))];
    for (text, expected) in table {
        assert_eq!(hundredths(text), expected.map(HundredthsOfProcessor), "{text}");
    }
    for text in ["", ".5", "-1", "2E+1", "1.x", "99999999999999999999"] {
        assert_eq!(hundredths(text), None, "{text}");
    }
}

#[test]
fn a_failure_without_a_message_of_the_hmcs_proves_nothing() {
    for (status, text) in [(1, "Killed"), (127, "HSCL1558 x"), (255, ""), (1, "")] {
        let output = Output { status, stdout: text.as_bytes().to_vec(), stderr: Vec::new() };
        assert!(matches!(conclude(output), Err(Failure::NotUnderstood { .. })), "{status} {text}");
    }
}
