//! The servers and LPARs behind the scripted HMCs, with the commands of an HMC.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    pub fn ok(stdout: impl Into<String>) -> Self {
        Self { status: 0, stdout: stdout.into(), stderr: String::new() }
    }

    pub fn refusal(stdout: impl Into<String>) -> Self {
        Self { status: 1, stdout: stdout.into(), stderr: String::new() }
    }
}

/// All servers, shared by all HMCs.
#[derive(Clone, Default)]
pub struct Site {
    servers: Arc<Mutex<BTreeMap<String, Server>>>,
}

struct Server {
    state: String,
    /// The state that it assumes at the next list of its LPARs.
    next: Option<String>,
    lpars: BTreeMap<String, String>,
    /// The descriptions of LPARs; `None` if the HMCs do not know that attribute.
    descriptions: Option<BTreeMap<String, String>>,
}

impl Site {
    /// A site with one Operating server and its LPARs, all off.
    pub fn with_server(mtms: &str, lpars: &[&str]) -> Self {
        let site = Self::default();
        site.add_server(mtms, lpars);
        site
    }

    pub fn add_server(&self, mtms: &str, lpars: &[&str]) {
        let lpars = lpars.iter().map(|name| (name.to_string(), "Not Activated".to_owned()));
        let server = Server {
            state: "Operating".to_owned(),
            next: None,
            lpars: lpars.collect(),
            descriptions: Some(BTreeMap::new()),
        };
        self.servers.lock().unwrap().insert(mtms.to_owned(), server);
    }

    pub fn set_server(&self, mtms: &str, state: &str) {
        self.servers.lock().unwrap().get_mut(mtms).unwrap().state = state.to_owned();
    }

    /// During the next list of its LPARs, the server goes to another state, in which they are all shown as off.
    pub fn goes_while_listed(&self, mtms: &str, state: &str) {
        self.servers.lock().unwrap().get_mut(mtms).unwrap().next = Some(state.to_owned());
    }

    pub fn set_lpar(&self, mtms: &str, lpar: &str, state: &str) {
        let mut servers = self.servers.lock().unwrap();
        let server = servers.get_mut(mtms).unwrap();
        server.lpars.insert(lpar.to_owned(), state.to_owned());
    }

    pub fn lpar(&self, mtms: &str, lpar: &str) -> String {
        self.servers.lock().unwrap()[mtms].lpars[lpar].clone()
    }

    /// Sets the description of an LPAR.
    pub fn describe(&self, mtms: &str, lpar: &str, text: &str) {
        let mut servers = self.servers.lock().unwrap();
        let descriptions = servers.get_mut(mtms).unwrap().descriptions.as_mut().unwrap();
        descriptions.insert(lpar.to_owned(), text.to_owned());
    }

    /// Makes the HMCs ones of a release without descriptions.
    pub fn knows_no_descriptions(&self, mtms: &str) {
        self.servers.lock().unwrap().get_mut(mtms).unwrap().descriptions = None;
    }

    pub fn description(&self, mtms: &str, lpar: &str) -> String {
        let servers = self.servers.lock().unwrap();
        servers[mtms].descriptions.as_ref().unwrap().get(lpar).cloned().unwrap_or_default()
    }

    pub fn has(&self, mtms: &str, lpar: &str) -> bool {
        self.servers.lock().unwrap()[mtms].lpars.contains_key(lpar)
    }

    /// Carries out one command like an HMC with this connection word.
    pub fn run(&self, words: &[String], connection: &str) -> Answer {
        let option = |name: &str| {
            let at = words.iter().position(|word| word == name)?;
            words.get(at + 1).map(String::as_str)
        };
        let has = |name: &str| words.iter().any(|word| word == name);
        let kind = option("-r").unwrap_or_default();
        match words[0].as_str() {
            "lshmc" => Answer::ok("\"version= Version: 11\n Release: 2\n\",\"base_version=V11R2\n\"\n"),
            "lssysconn" => self.connections(connection),
            "lssyscfg" if kind == "sys" => self.systems(option("-F"), connection),
            "lssyscfg" => self.lpars(option("-m").unwrap(), option("-F")),
            "lshwres" => Answer::ok(match kind {
                "mem" => "configurable_sys_mem,curr_avail_sys_mem\n32768,8192\n",
                _ => "configurable_sys_proc_units,curr_avail_sys_proc_units\n8.0,7.95\n",
            }),
            "chsysstate" if kind == "sys" => self.power(option("-m").unwrap(), option("-o").unwrap()),
            "chsysstate" => {
                self.change(option("-m").unwrap(), option("-o").unwrap(), option("-n").unwrap(), has("--immed"))
            }
            "chsyscfg" => {
                let (name, text) = option("-i").unwrap().split_once(",description=").unwrap();
                self.describe(option("-m").unwrap(), name.strip_prefix("name=").unwrap(), text);
                Answer::ok("")
            }
            "migrlpar" => {
                self.migrate(option("-o").unwrap(), option("-m").unwrap(), option("-t"), option("-p").unwrap())
            }
            "rrstartlpar" => {
                let (from, to) = (option("-m").unwrap(), option("-t").unwrap());
                self.restart_elsewhere(option("-o").unwrap(), from, to, option("-p").unwrap())
            }
            other => {
                Answer { status: 127, stdout: String::new(), stderr: format!("hmcbash: {other}: command not found\n") }
            }
        }
    }

    fn connections(&self, connection: &str) -> Answer {
        let servers = self.servers.lock().unwrap();
        let line = |mtms: &String| {
            format!(
                "resource_type=sys,type_model_serial_num={mtms},sp=primary,sp_phys_loc=unavailable,ipaddr=192.0.2.1,alt_ipaddr=unavailable,state={connection}\n"
            )
        };
        Answer::ok(servers.keys().map(line).collect::<String>())
    }

    fn systems(&self, columns: Option<&str>, connection: &str) -> Answer {
        let servers = self.servers.lock().unwrap();
        let row = |(mtms, server): (&String, &Server)| {
            let (model, serial) = mtms.split_once('*').unwrap();
            let state = if connection == "Connected" { server.state.as_str() } else { "No Connection" };
            vec![
                ("name", "p1".into()),
                ("type_model", model.into()),
                ("serial_num", serial.into()),
                ("state", state.into()),
                ("detailed_state", "None".into()),
                ("sys_time", "10/01/2026 03:43:04".into()),
            ]
        };
        Answer::ok(print(&servers.iter().map(row).collect::<Vec<_>>(), columns))
    }

    fn lpars(&self, mtms: &str, columns: Option<&str>) -> Answer {
        let mut servers = self.servers.lock().unwrap();
        let Some(server) = servers.get_mut(mtms) else {
            return Answer::refusal(format!("HSCL8018 The managed system {mtms} was not found.\n"));
        };
        if let Some(next) = server.next.take() {
            server.state = next;
            server.lpars.values_mut().for_each(|state| *state = "Not Activated".to_owned());
        }
        if server.descriptions.is_none() && columns.is_some_and(|columns| columns.contains("description")) {
            return Answer::refusal("An invalid attribute was entered.  The invalid attribute is description.\n");
        }
        let described = |name: &String| {
            let text = server.descriptions.as_ref()?.get(name).cloned();
            Some(("description", text.unwrap_or_default()))
        };
        let row = |((name, state), id): ((&String, &String), u32)| {
            lpar(name, state, id).into_iter().chain(described(name)).collect()
        };
        let rows: Vec<Vec<(&str, String)>> = server.lpars.iter().zip(1..).map(row).collect();
        Answer::ok(print(&rows, columns))
    }

    fn power(&self, mtms: &str, operation: &str) -> Answer {
        let mut servers = self.servers.lock().unwrap();
        let server = servers.get_mut(mtms).unwrap();
        server.state = if operation == "on" { "Operating" } else { "Power Off" }.to_owned();
        for state in server.lpars.values_mut() {
            *state = "Not Activated".to_owned();
        }
        Answer::ok("")
    }

    fn change(&self, mtms: &str, operation: &str, lpar: &str, immediate: bool) -> Answer {
        let mut servers = self.servers.lock().unwrap();
        let server = servers.get_mut(mtms).unwrap();
        let Some(state) = server.lpars.get_mut(lpar) else {
            return Answer::refusal(format!("HSCL8012 The partition named {lpar} was not found.\n"));
        };
        match (operation, state.as_str()) {
            ("on", "Not Activated") => *state = "Running".to_owned(),
            ("on", _) => {
                return Answer::refusal("HSCL05EA The partition must be in the Not Activated state.\n");
            }
            (_, "Not Activated") => {
                return Answer::refusal("HSCL1558 The partition is not running.\n");
            }
            ("osshutdown", _) => return Answer::refusal("HSCL0DB4 There is no RMC connection.\n"),
            (_, _) if immediate => *state = "Not Activated".to_owned(),
            (_, _) => *state = "Shutting Down".to_owned(),
        }
        Answer::ok("")
    }

    /// A migration ends at once here; one that was begun by a test is in progress until it is stopped or recovered.
    fn migrate(&self, operation: &str, from: &str, to: Option<&str>, lpar: &str) -> Answer {
        let mut servers = self.servers.lock().unwrap();
        let Some(state) = servers.get_mut(from).unwrap().lpars.get(lpar).cloned() else {
            return Answer::refusal(format!("HSCL8012 The partition named {lpar} was not found.\n"));
        };
        let is_moving = state.starts_with("Migrating");
        match (operation, is_moving) {
            ("v", false) => {}
            ("m", false) => {
                servers.get_mut(from).unwrap().lpars.remove(lpar);
                servers.get_mut(to.unwrap()).unwrap().lpars.insert(lpar.to_owned(), state);
            }
            ("s" | "r", true) => {
                servers.values_mut().for_each(|server| drop(server.lpars.remove(lpar)));
                let settled = state.trim_start_matches("Migrating - ").to_owned();
                servers.get_mut(from).unwrap().lpars.insert(lpar.to_owned(), settled);
            }
            _ => return Answer::refusal("HSCL05DF The partition is not in a state for this.\n"),
        }
        Answer::ok("")
    }

    fn restart_elsewhere(&self, operation: &str, from: &str, to: &str, lpar: &str) -> Answer {
        let mut servers = self.servers.lock().unwrap();
        if !["Power Off", "Power Off In Progress", "Error", "Initializing"].contains(&servers[from].state.as_str()) {
            // The real text is unknown.
            return Answer::refusal("HSCLFFFF (synthetic) The source is not down.\n");
        }
        if operation == "restart" {
            servers.get_mut(to).unwrap().lpars.insert(lpar.to_owned(), "Running".to_owned());
        }
        Answer::ok("")
    }
}

fn lpar<'a>(name: &str, state: &str, id: u32) -> Vec<(&'a str, String)> {
    let env = if name.contains("vios") { "vioserver" } else { "aixlinux" };
    vec![
        ("name", name.into()),
        ("lpar_id", id.to_string()),
        ("uuid", format!("5A1B-{id}")),
        ("lpar_env", env.into()),
        ("state", state.into()),
        ("rmc_state", "inactive".into()),
    ]
}

fn print(rows: &[Vec<(&str, String)>], columns: Option<&str>) -> String {
    let quote = |field: String| match field.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    };
    let Some(columns) = columns else {
        let line = |row: &Vec<(&str, String)>| {
            let pairs = row.iter().map(|(name, value)| quote(format!("{name}={value}")));
            pairs.collect::<Vec<_>>().join(",") + "\n"
        };
        return rows.iter().map(line).collect();
    };
    let mut text = format!("{columns}\n");
    for row in rows {
        let value = |column| row.iter().find(|(name, _)| *name == column).unwrap().1.clone();
        let values: Vec<String> = columns.split(',').map(|column| quote(value(column))).collect();
        text += &(values.join(",") + "\n");
    }
    text
}
