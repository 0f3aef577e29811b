//! Tests of the record format, with recordings and with arbitrary text.

use proptest::prelude::*;

use super::*;

fn one(answer: &str) -> Record {
    let mut records = parse_records(answer.as_bytes()).unwrap();
    assert_eq!(records.len(), 1, "{answer}");
    records.remove(0)
}

#[test]
fn a_pair_with_a_comma_is_quoted_as_a_whole() {
    let record = one("name=normal,\"io_slots=21040003/none/1,21020003/none/1\",lpar_id=1\n");
    assert_eq!(record.get("io_slots"), Some("21040003/none/1,21020003/none/1"));
    assert_eq!(record.get("lpar_id"), Some("1"));
}

#[test]
fn a_quote_inside_is_doubled() {
    let record = one(r#"name=x,"virtual_eth_adapters=""2/1/1/3,4,5/0/1""",hca_adapters=none"#);
    assert_eq!(record.get("virtual_eth_adapters"), Some(r#""2/1/1/3,4,5/0/1""#));
    assert_eq!(record.value("hca_adapters"), None);
}

#[test]
fn a_value_may_hold_an_equals_sign_or_be_empty() {
    let record = one("name=a=b,state_detail=,detailed_state=None");
    assert_eq!(record.get("name"), Some("a=b"));
    assert_eq!(record.get("state_detail"), Some(""));
    assert_eq!(record.value("state_detail"), None);
}

#[test]
fn the_sentence_for_nothing_is_an_empty_list() {
    for answer in ["No results were found.\n", "No results were found."] {
        assert_eq!(parse_records(answer.as_bytes()), Ok(Vec::new()));
        assert_eq!(parse_table(answer.as_bytes(), &["name"]), Ok(Vec::new()));
        assert_eq!(parse_rows(answer.as_bytes(), &["name"]), Ok(Vec::new()));
    }
}

#[test]
fn every_spelling_of_no_value_is_none() {
    for value in ["", "null", "none", "unavailable"] {
        assert_eq!(one(&format!("ipaddr={value}")).value("ipaddr"), None, "{value:?}");
    }
    assert_eq!(one("ipaddr=nonesuch").value("ipaddr"), Some("nonesuch"));
}

#[test]
fn a_table_has_the_columns_that_were_asked_for() {
    let answer = b"name,state\n\"a,b\",Running\nc,Not Activated\n";
    let rows = parse_table(answer, &["name", "state"]).unwrap();
    assert_eq!(rows[0].get("name"), Some("a,b"));
    assert_eq!(rows[1].get("state"), Some("Not Activated"));
    let wrong = parse_table(answer, &["state", "name"]);
    assert!(matches!(wrong, Err(ParseError::WrongHeader { .. })), "{wrong:?}");
}

#[test]
fn half_an_answer_is_an_error_and_not_a_shorter_list() {
    let rows = parse_table(b"name,state\na,Running\nb\n", &["name", "state"]);
    assert_eq!(rows, Err(ParseError::WrongWidth { row: 2, expected: 2, found: 1 }));
    assert_eq!(parse_table(b"", &["name"]), Err(ParseError::Empty));
    assert_eq!(parse_records(b"name=a,\"io_slots=1,2\nname=b\n"), Err(ParseError::OpenQuote));
    assert!(matches!(parse_records(b"name=a,sta"), Err(ParseError::NotAPair { record: 1, .. })));
    assert_eq!(parse_records(b"name=\xff"), Err(ParseError::NotUtf8 { at: 5 }));
}

#[test]
fn a_sentence_is_not_a_record() {
    for answer in ["Nie znaleziono wyników.", "HSCL8012 The partition named x=y was not found.", "a b=c"] {
        assert!(parse_records(answer.as_bytes()).is_err(), "{answer}");
        assert!(parse_table(answer.as_bytes(), &["name"]).is_err(), "{answer}");
    }
}

#[test]
fn the_version_is_found_in_both_forms() {
    let quoted = "\"version= Version: 11\n Release: 2\n Service Pack: 1120\nHMC Build level 2607082225\n\",\
                  \"base_version=V11R2\n\"\n";
    assert_eq!(parse_version(quoted.as_bytes()).as_deref(), Some("V11R2"));
    let bare = "Version: 10\nRelease: 3\nService Pack: 1060\nBuild level: 2408210051\n";
    assert_eq!(parse_version(bare.as_bytes()).as_deref(), Some("V10R3"));
    assert_eq!(parse_version(b"what?"), None);
}

fn attribute() -> impl Strategy<Value = String> {
    "[a-z0-9_]{1,12}"
}

fn value() -> impl Strategy<Value = String> {
    // Commas, quotes, newlines, equals signs, spaces and shell characters, and any printable text.
    prop_oneof!["[a-z,\"=\n $'`]{0,20}", "\\PC{0,20}"]
}

/// Writes a field like the HMC.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes: Vec<u8>) {
        let _ = parse_records(&bytes);
        let _ = parse_table(&bytes, &["a", "b"]);
        let _ = parse_rows(&bytes, &["a"]);
        let _ = parse_version(&bytes);
    }

    #[test]
    fn any_text_of_the_dialects_own_characters_is_read_or_refused(text in "[a=,\"\n\r ]{0,60}") {
        let _ = parse_records(text.as_bytes());
        let _ = parse_table(text.as_bytes(), &["a"]);
        let _ = parse_version(format!("Version: {text} Release:").as_bytes());
    }

    #[test]
    fn records_are_read_back(records in prop::collection::vec(prop::collection::vec((attribute(), value()), 1..6), 1..5)) {
        let lines = records.iter().map(|pairs| {
            let fields: Vec<String> = pairs.iter().map(|(name, value)| field(&format!("{name}={value}"))).collect();
            fields.join(",") + "\n"
        });
        let text: String = lines.collect();
        let expected: Vec<Record> = records.into_iter().map(Record::new).collect();
        prop_assert_eq!(parse_records(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn tables_are_read_back(rows in prop::collection::vec((value(), value()), 1..6)) {
        let mut text = "name,state\n".to_owned();
        for (name, state) in &rows {
            text += &format!("{},{}\n", field(name), field(state));
        }
        let records = parse_table(text.as_bytes(), &["name", "state"]).unwrap();
        let read: Vec<_> = records.iter().map(|row| (row.get("name").unwrap(), row.get("state").unwrap())).collect();
        let expected: Vec<_> = rows.iter().map(|(name, state)| (name.as_str(), state.as_str())).collect();
        prop_assert_eq!(read, expected);
    }
}
