//! Verbs: operators' requests. One row per verb yields its type, its command line and its words in a note.
//!
//! The same type is in the log, in the JSON of the API, in notes, and behind each `op` line of a scenario. Variants
//! have named fields, so that JSON can be given more of them, and each optional field has a default. A new verb takes a
//! row here, its implementation in the ledger, and an entry in the arguments of `tenure`.

use crate::{
    ForeignText, GroupName, HmcName, NodeName, ResourceName, ServerName, ServiceName, Span, Terms,
    name::Thing,
    row::{Name, Names},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The text is no verb, or has too many or too few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an operator's request")]
pub struct NotAVerb;

/// A row: the command words, the variant, its fields with their flags, and the words of a note.
macro_rules! verbs {
    ($(
        $(#[$doc:meta])*
        $typed:literal $verb:ident $({ $($(#[$how:meta])* $field:ident: $type:ty $(= $flag:literal)?),+ })?
            => $words:literal $(, $word:expr)*;
    )+) => {
        /// A request of an operator about the cluster as it is declared.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        #[allow(missing_docs)] // fields are named after what they hold
        pub enum Verb {
            $($(#[$doc])* $verb $({ $($(#[$how])* $field: $type),+ })?,)+
        }

        impl Verb {
            /// The command words of each verb, without fields.
            pub const ALL: &'static [&'static str] = &[$($typed),+];

            /// Its command words, without fields.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Verb::$verb $({ $($field: _),+ })? => $typed,)+
                }
            }

            /// The command line after `tenure` that makes this request.
            pub fn typed(&self) -> String {
                let mut words = vec![self.kind().to_owned()];
                match self {
                    $(Verb::$verb $({ $($field),+ })? => { $($($field.put(None$(.or(Some($flag)))?, &mut words);)+)? })+
                }
                words.join(" ")
            }

            /// All things that it names.
            pub fn things(&self) -> Vec<Thing<'_>> {
                let things: Vec<Option<Thing<'_>>> = match self {
                    $(Verb::$verb $({ $($field),+ })? => vec![$($($field.thing()),+)?],)+
                };
                things.into_iter().flatten().collect()
            }
        }

        impl FromStr for Verb {
            type Err = NotAVerb;

            /// Parses the form that [`Verb::typed`] writes.
            fn from_str(text: &str) -> Result<Self, NotAVerb> {
                let typed: Vec<&str> = words(text);
                $({
                    let kind: Vec<&str> = $typed.split(' ').collect();
                    if let Some(rest) = typed.strip_prefix(kind.as_slice()) {
                        #[allow(unused_mut)] // some have no fields
                        let mut words = rest.to_vec();
                        let verb = Verb::$verb $({ $($field: Field::take(None$(.or(Some($flag)))?, &mut words)?),+ })?;
                        return if words.is_empty() { Ok(verb) } else { Err(NotAVerb) };
                    }
                })+
                Err(NotAVerb)
            }
        }

        /// Its words in a note.
        impl fmt::Display for Verb {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Verb::$verb $({ $($field),+ })? => write!(f, $words $(, $word)*),)+
                }
            }
        }
    };
}

verbs! {
    /// Bring a group online, with the groups that it depends on if that is asked for.
    "group online" Online {
        group: GroupName,
        server: Option<ServerName> = "--on",
        #[serde(default)] propagate: bool = "--propagate"
    } => "group {group}: online{}{}", on(server), when(*propagate, ", with the groups that it depends on");

    /// Stop a group and keep it stopped; with the groups that depend on it, those first, if that is asked for.
    "group offline" Offline { group: GroupName, #[serde(default)] propagate: bool = "--propagate" }
        => "group {group}: offline{}", when(*propagate, ", with the groups that depend on it");

    /// Stop a group and start it on another server.
    "group switch" Switch { group: GroupName, server: ServerName = "--to" } => "group {group}: switch to {server}";

    /// Move a group to another server while it runs.
    "group migrate" Migrate { group: GroupName, server: ServerName = "--to" } => "group {group}: migrate to {server}";

    /// Give up the migration of a group: moves under way are stopped, LPARs that have moved are moved back.
    "group abort" AbortMigration { group: GroupName } => "group {group}: give up its migration";

    /// Order nothing more for a group until the next request.
    "group flush" Flush { group: GroupName } => "group {group}: flush";

    /// Let a group start again that waits for an administrator because its server was proven off.
    "group enable" Enable { group: GroupName } => "group {group}: enable";

    /// Continue after an administrator has looked at the resources of a group that wait for that: they count as failed,
    /// or are looked at again.
    "group clear-admin-wait" ClearAdminWait { group: GroupName, #[serde(default)] fault: bool = "--fault" }
        => "group {group}: {}", if *fault { "what waits counts as failed" } else { "look again" };

    /// Do nothing to a group, whatever happens.
    "group freeze" Freeze { group: GroupName, #[serde(default)] terms: Terms } => "group {group}: freeze{terms}";

    /// End the freeze of a group.
    "group unfreeze" Unfreeze { group: GroupName } => "group {group}: unfreeze";

    /// Forget the faults of a group, everywhere or on one server.
    "group clear" Clear { group: GroupName, server: Option<ServerName> = "--on" }
        => "group {group}: clear faults{}", on(server);

    /// Bring one resource of a group online.
    "resource online" ResourceOnline { resource: ResourceName } => "{resource} online";

    /// Take one resource of a group offline, and keep it so; with everything that requires it, if that is asked for.
    "resource offline" ResourceOffline { resource: ResourceName, #[serde(default)] propagate: bool = "--propagate" }
        => "{resource} offline{}", when(*propagate, ", with everything that requires it");

    /// Stop a resource and start it again in place, without counting a restart.
    "resource restart" Restart { resource: ResourceName } => "restart {resource}";

    /// Start a service, tier by tier.
    "service online" ServiceOnline { service: ServiceName } => "service {service}: online";

    /// Stop a service, the last tier first.
    "service offline" ServiceOffline { service: ServiceName } => "service {service}: offline";

    /// Empty a server and keep it empty.
    "server drain" Drain { server: ServerName, #[serde(default)] terms: Terms } => "server {server}: drain{terms}";

    /// Empty a server by each group's `shutdown` policy, so that it may be powered off.
    "server shutdown" Shutdown { server: ServerName, #[serde(default)] terms: Terms }
        => "server {server}: shutdown{terms}";

    /// Let a drained server take work again, and bring back what the drain took away if that is asked for.
    "server undrain" Undrain { server: ServerName, #[serde(default)] bring_back: bool = "--bring-back" }
        => "server {server}: undrain{}", when(*bring_back, " and bring back");

    /// Give a server no new work; what runs there stays.
    "server freeze" FreezeServer { server: ServerName, #[serde(default)] terms: Terms }
        => "server {server}: freeze{terms}";

    /// End the freeze of a server.
    "server unfreeze" UnfreezeServer { server: ServerName } => "server {server}: unfreeze";

    /// End the quarantine of a server.
    "server release" ReleaseServer { server: ServerName } => "server {server}: release from quarantine";

    /// Assert that a server is off.
    "fence confirm" ConfirmOff { server: ServerName } => "server {server}: it is off";

    /// Assert that the LPAR of a node is off.
    "fence confirm-node" ConfirmNodeOff { node: NodeName } => "node {node}: its LPAR is off";

    /// Try again now whether an HMC that refuses logins lets a node in.
    "hmc retry" RetryHmc { hmc: HmcName } => "HMC {hmc}: log in again now";

    /// Allow failover again after a storm.
    "cluster resume" Resume => "cluster: resume after the storm";

    /// Start, stop, move, fence and grant nothing in the whole cluster.
    "cluster disarm" Disarm { #[serde(default)] terms: Terms } => "cluster: disarm{terms}";

    /// End the disarming of the cluster.
    "cluster arm" Arm => "cluster: arm";

    /// Say that what became of a group while two copies of it were active was looked at.
    "group acknowledge" Acknowledge { group: GroupName } => "group {group}: acknowledge that two copies were active";
}

impl Verb {
    /// The group that it names.
    pub fn group(&self) -> Option<&GroupName> {
        self.things().into_iter().find_map(|thing| if let Thing::Group(group) = thing { Some(group) } else { None })
    }

    /// The resource that it names.
    pub fn resource(&self) -> Option<&ResourceName> {
        let of = |thing| if let Thing::Resource(resource) = thing { Some(resource) } else { None };
        self.things().into_iter().find_map(of)
    }

    /// The same verb for one instance of a parallel group. `None` if the verb is for another instance, or cannot be for
    /// one: an instance never leaves its server.
    pub fn of_instance(&self, instance: &GroupName) -> Option<Verb> {
        let meant = |server: &Option<ServerName>| {
            server.as_ref().is_none_or(|server| instance.instance().is_some_and(|one| one.server == server.as_str()))
        };
        let mut one = self.clone();
        match &mut one {
            Verb::Online { server, .. } | Verb::Clear { server, .. } if !meant(server) => return None,
            Verb::Online { group, .. }
            | Verb::Clear { group, .. }
            | Verb::Offline { group, .. }
            | Verb::Freeze { group, .. }
            | Verb::Unfreeze { group }
            | Verb::Acknowledge { group }
            | Verb::Flush { group }
            | Verb::ClearAdminWait { group, .. } => *group = instance.clone(),
            Verb::Switch { .. } | Verb::Migrate { .. } | Verb::AbortMigration { .. } | Verb::Enable { .. } => {
                return None;
            }
            // They name no group.
            Verb::ResourceOnline { .. }
            | Verb::ResourceOffline { .. }
            | Verb::Restart { .. }
            | Verb::ServiceOnline { .. }
            | Verb::ServiceOffline { .. }
            | Verb::Drain { .. }
            | Verb::Shutdown { .. }
            | Verb::Undrain { .. }
            | Verb::FreezeServer { .. }
            | Verb::UnfreezeServer { .. }
            | Verb::ReleaseServer { .. }
            | Verb::ConfirmOff { .. }
            | Verb::ConfirmNodeOff { .. }
            | Verb::RetryHmc { .. }
            | Verb::Resume
            | Verb::Disarm { .. }
            | Verb::Arm => return None,
        }
        Some(one)
    }
}

fn on(server: &Option<ServerName>) -> String {
    server.as_ref().map(|server| format!(" on {server}")).unwrap_or_default()
}

fn when(so: bool, words: &'static str) -> &'static str {
    if so { words } else { "" }
}

/// A field of a verb, as words of a command line. Those with a flag come after those without.
trait Field: Names + Sized {
    /// Takes the field out of the words.
    fn take(flag: Option<&str>, words: &mut Vec<&str>) -> Result<Self, NotAVerb>;
    /// Adds the field to the words.
    fn put(&self, flag: Option<&str>, words: &mut Vec<String>);
}

impl<N: Name> Field for N {
    fn take(flag: Option<&str>, words: &mut Vec<&str>) -> Result<Self, NotAVerb> {
        let at = match flag {
            Some(flag) => {
                let at = words.iter().position(|word| *word == flag).ok_or(NotAVerb)?;
                words.remove(at);
                at
            }
            None => 0,
        };
        let name = words.get(at).copied().filter(|name| !name.starts_with("--")).ok_or(NotAVerb)?;
        words.remove(at);
        Ok(N::from(name))
    }

    fn put(&self, flag: Option<&str>, words: &mut Vec<String>) {
        words.extend(flag.map(str::to_owned));
        let text = self.as_str();
        // A name that cannot be typed like this was never declared; a request may contain it, and shows it quoted.
        let plain = !text.is_empty() && !text.starts_with("--") && text.chars().all(|sign| sign.is_ascii_graphic());
        words.push(if plain { text.to_owned() } else { format!("{text:?}") });
    }
}

impl<N: Name> Field for Option<N> {
    fn take(flag: Option<&str>, words: &mut Vec<&str>) -> Result<Self, NotAVerb> {
        if words.iter().any(|word| Some(*word) == flag) { N::take(flag, words).map(Some) } else { Ok(None) }
    }

    fn put(&self, flag: Option<&str>, words: &mut Vec<String>) {
        if let Some(name) = self {
            name.put(flag, words);
        }
    }
}

/// Words of a command line. One that begins with a quotation mark goes on to the next one without a backslash.
fn words(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut escaped = false;
                let is_end = |letter: char| {
                    let ends = letter == '"' && !escaped;
                    escaped = letter == '\\' && !escaped;
                    ends
                };
                quoted.find(is_end).map_or(rest.len(), |at| at.saturating_add(2))
            }
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let (word, more) = rest.split_at(end);
        all.push(word);
        rest = more.trim_start();
    }
    all
}

/// Takes the word behind a flag, with the flag.
fn take_behind<'a>(flag: &str, words: &mut Vec<&'a str>) -> Result<Option<&'a str>, NotAVerb> {
    let Some(at) = words.iter().position(|word| *word == flag) else { return Ok(None) };
    words.remove(at);
    let word = words.get(at).copied().filter(|word| !word.starts_with("--")).ok_or(NotAVerb)?;
    words.remove(at);
    Ok(Some(word))
}

impl Field for Terms {
    fn take(_: Option<&str>, words: &mut Vec<&str>) -> Result<Self, NotAVerb> {
        let text = |word: &str| {
            let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
            let plain = inner.map(|inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"));
            ForeignText::from(plain.as_deref().unwrap_or(word))
        };
        let reason = take_behind("--reason", words)?.map(text);
        let lasts = take_behind("--until", words)?.map(|word| Span::read(word).ok_or(NotAVerb)).transpose()?;
        Ok(Terms { reason, lasts })
    }

    fn put(&self, _: Option<&str>, words: &mut Vec<String>) {
        if let Some(reason) = &self.reason {
            let quoted = reason.replace('\\', "\\\\").replace('"', "\\\"");
            words.extend(["--reason".to_owned(), format!("\"{quoted}\"")]);
        }
        if let Some(lasts) = self.lasts {
            words.extend(["--until".to_owned(), lasts.to_string()]);
        }
    }
}

impl Field for bool {
    fn take(flag: Option<&str>, words: &mut Vec<&str>) -> Result<Self, NotAVerb> {
        let at = words.iter().position(|word| Some(*word) == flag);
        Ok(at.map(|at| words.remove(at)).is_some())
    }

    fn put(&self, flag: Option<&str>, words: &mut Vec<String>) {
        words.extend(flag.filter(|_| *self).map(str::to_owned));
    }
}
