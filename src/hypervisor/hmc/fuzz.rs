//! What an HMC prints, for the fuzzer.

use super::answers::{
    DESCRIBED_COLUMNS, LPAR_COLUMNS, MEMORY_COLUMNS, PROCESSOR_COLUMNS, SYSTEM_COLUMNS, conclude, connection, lpars,
    memory, processors, system, version, vmi,
};
use super::exec::Output;
use super::records::{Record, parse_records, parse_rows, parse_table, parse_version};

const MTMS: &str = "9105-22A*7895ABC";

/// Any output of any command; the first byte says of which. What is read is complete, and is read again as the same when it
/// is printed again; no LPAR has two readings.
pub fn output(bytes: &[u8]) -> Result<(), String> {
    let Some((which, answer)) = bytes.split_first() else { return Ok(()) };
    match which % 8 {
        0 => parse_records(answer).map_or(Ok(()), |records| {
            again(&records, pairs, |answer| parse_records(answer).ok())?;
            interpreted(&records)
        }),
        1 => table(answer, &SYSTEM_COLUMNS),
        2 => table(answer, &LPAR_COLUMNS),
        3 => table(answer, &DESCRIBED_COLUMNS),
        4 => table(answer, &MEMORY_COLUMNS),
        5 => table(answer, &PROCESSOR_COLUMNS),
        6 => {
            let _ = parse_version(answer);
            if version(answer).is_empty() { Err("no version at all".to_owned()) } else { Ok(()) }
        }
        _ => concluded(answer),
    }
}

/// The exit status, then the length of what is on standard output, and the two streams.
fn concluded(bytes: &[u8]) -> Result<(), String> {
    let Some(([status, length], streams)) = bytes.split_first_chunk() else { return Ok(()) };
    let (stdout, stderr) = streams.split_at(streams.len().min(usize::from(*length)));
    let output = Output { status: u32::from(*status), stdout: stdout.to_vec(), stderr: stderr.to_vec() };
    match conclude(output) {
        Ok(answer) if *status == 0 && answer == stdout => Ok(()),
        Ok(answer) => Err(format!("status {status} becomes the answer {answer:?}")),
        Err(why) if *status == 0 => Err(format!("status 0 becomes {why:?}")),
        Err(why) if why.to_string().len() > 2_000 => Err("a message of more than 2,000 bytes".to_owned()),
        Err(_) => Ok(()),
    }
}

fn table(answer: &[u8], columns: &'static [&'static str]) -> Result<(), String> {
    if let Ok(records) = parse_table(answer, columns) {
        let header = format!("{}\n", columns.join(","));
        let reread = |rows: &[u8]| parse_table(&[header.as_bytes(), rows].concat(), columns).ok();
        again(&records, values, reread)?;
        interpreted(&records)?;
    }
    let Ok(rows) = parse_rows(answer, columns) else { return Ok(()) };
    again(&rows, values, |answer| parse_rows(answer, columns).ok())
}

fn again(
    records: &[Record],
    field: fn(&(String, String)) -> String,
    reread: impl Fn(&[u8]) -> Option<Vec<Record>>,
) -> Result<(), String> {
    let mut text = String::new();
    for record in records {
        let fields: Vec<String> =
            record.pairs().iter().map(|pair| format!("\"{}\"", field(pair).replace('"', "\"\""))).collect();
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    match reread(text.as_bytes()) {
        Some(again) if again == records => Ok(()),
        again => Err(format!("{records:?} is printed as {text:?}, which is {again:?}")),
    }
}

fn pairs((name, value): &(String, String)) -> String {
    format!("{name}={value}")
}

fn values((_, value): &(String, String)) -> String {
    value.clone()
}

fn interpreted(records: &[Record]) -> Result<(), String> {
    let _ = system(records, MTMS);
    let _ = (memory(records), processors(records), connection(records, MTMS), vmi(records, MTMS));
    let Ok(read) = lpars(records) else { return Ok(()) };
    let mut names: Vec<&str> = read.iter().map(|lpar| lpar.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() == records.len() {
        Ok(())
    } else {
        Err(format!("{} records, and the LPARs {names:?}", records.len()))
    }
}
