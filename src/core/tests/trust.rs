//! Who may do what, and that every deed and refusal is in the audit.

use crate::{
    authorities::authority,
    scene::ORDER,
    site::{Case, site, web1, with_web},
};
use std::{collections::BTreeSet, sync::Arc};
use tenure_core::{
    Action, Author, Command, Entry, Level, NodeName, Refusal, Report, Request, RequestId, ResourceName, Span, Time,
    UserName, Verb,
    audit::AuditRecord,
    config::{Cluster, Group, Kind, Resource},
    ledger::Incarnation,
    order::{Ending, Epoch},
    trust::{Act, Caller, Hash, LogLevel, Need, Origin, Purpose, Rights, Role, Scope, TrustChange},
};

const TOKEN: Hash = Hash([7; 32]);
const KEY: Hash = Hash([1; 32]);
const OTHER_KEY: Hash = Hash([2; 32]);

fn groups(names: &[&str]) -> Option<BTreeSet<tenure_core::GroupName>> {
    Some(names.iter().map(|name| (*name).into()).collect())
}

fn rights(role: Role, groups: Option<BTreeSet<tenure_core::GroupName>>, programs: bool) -> Rights {
    Rights { role, groups, programs }
}

/// Two servers, groups web (an LPAR) and db (an agent that runs a program).
fn cluster() -> Cluster {
    let mut cluster = with_web(site(2), "web1", web1());
    cluster.groups.insert("db".into(), Group::new(cluster.servers.keys().cloned().collect()));
    cluster.resources.insert("db1".into(), Resource::agent("db".into(), "Application"));
    cluster
}

struct Trusted {
    case: Case,
    audit: Vec<AuditRecord>,
}

impl Trusted {
    fn new() -> Self {
        Trusted { case: Case::watched(cluster()), audit: Vec::new() }
    }

    fn apply(&mut self, author: Author, command: Command) -> Option<Refusal> {
        let outcome = self.case.apply(author, command);
        let refusal = outcome.refusal().cloned();
        self.audit.extend(outcome.audit);
        refusal
    }

    fn ask(&mut self, user: &str, request: impl Into<Request>) -> Option<Refusal> {
        let id = self.case.ledger.trust.users.get(&UserName::from(user)).map_or(u64::MAX, |user| user.id);
        self.ask_as(user, id, request)
    }

    fn ask_as(&mut self, user: &str, id: u64, request: impl Into<Request>) -> Option<Refusal> {
        self.case.requests += 1;
        let request_id = RequestId(self.case.requests);
        let author = Author::User { user: user.into(), id, request: request_id, from: Origin::default() };
        self.apply(author, Command::Request(request.into()))
    }

    fn add(&mut self, user: &str, rights: Rights) {
        assert_eq!(self.ask("admin", TrustChange::AddUser { user: user.into(), rights }), None);
    }

    fn id(&self, user: &str) -> u64 {
        self.case.ledger.trust.users[user].id
    }

    fn by_node(&mut self, command: Command) -> Option<Refusal> {
        self.apply(Author::Agent("n1".into()), command)
    }
}

fn not_allowed(user: &str, need: Need) -> Option<Refusal> {
    Some(Refusal::NotAllowed { user: user.into(), need })
}

fn not_a_user(user: &str) -> Option<Refusal> {
    Some(Refusal::NotAUser { user: user.into() })
}

#[test]
fn rights_are_a_role_in_a_scope() {
    let web = || Scope::Groups(groups(&["web"]).unwrap_or_default());
    let instance = || Scope::Groups(groups(&["web@p1"]).unwrap_or_default());
    let both = || Scope::Groups(groups(&["web", "db"]).unwrap_or_default());
    let needs = [
        Need::Read,
        Need::Operate(web()),
        Need::Operate(instance()),
        Need::Operate(both()),
        Need::Operate(Scope::Cluster),
        Need::Administer(web()),
        Need::Administer(both()),
        Need::Administer(Scope::Cluster),
        Need::Programs,
    ];
    let allowed = |rights: Rights| needs.iter().map(|need| rights.allow(need)).collect::<Vec<_>>();
    let (t, f) = (true, false);
    assert_eq!(allowed(rights(Role::Reader, None, true)), [t, f, f, f, f, f, f, f, f], "readers choose no programs");
    assert_eq!(allowed(rights(Role::Operator, None, false)), [t, t, t, t, t, f, f, f, f]);
    assert_eq!(allowed(rights(Role::Operator, groups(&["web"]), true)), [t, t, t, f, f, f, f, f, t]);
    assert_eq!(allowed(rights(Role::Administrator, groups(&["web"]), false)), [t, t, t, f, f, t, f, f, f]);
    assert_eq!(allowed(rights(Role::Administrator, None, false)), [t, t, t, t, t, t, t, t, f]);
    assert_eq!(allowed(Rights::ALL), [true; 9]);
}

/// What each request needs, for each role.
#[test]
fn requests_need_a_role() {
    let act = |act: Act| Request::from(act);
    let verb = |typed: &str| Request::from(typed.parse::<Verb>().expect("a verb"));
    let node = || NodeName::from("n2");
    let resource = || ResourceName::from("db1");
    let token = |purpose| Request::from(TrustChange::AddToken { token: TOKEN, purpose, lasts: Span::seconds(60) });
    // Whether an operator, an administrator, and an administrator who may choose programs is let past the judgement.
    let table = [
        (verb("group freeze web"), [true, true, true]),
        (verb("server drain p1"), [true, true, true]),
        (verb("cluster resume"), [true, true, true]),
        (verb("fence confirm p1"), [false, true, true]),
        (verb("fence confirm-node n1"), [false, true, true]),
        (verb("cluster disarm"), [false, true, true]),
        (verb("cluster arm"), [false, true, true]),
        (act(Act::Transfer { to: None }), [true, true, true]),
        (act(Act::LogLevel { node: node(), level: LogLevel::Debug, lasts: Span::seconds(600) }), [true, true, true]),
        (verb("group acknowledge web"), [true, true, true]),
        (act(Act::Describe { node: node(), resource: resource() }), [true, true, true]),
        (act(Act::PromoteNode { node: node() }), [false, true, true]),
        (act(Act::RemoveNode { node: node() }), [false, true, true]),
        (act(Act::StopNode { node: node(), frozen: BTreeSet::new() }), [false, true, true]),
        (act(Act::Raise { level: Level(2) }), [false, true, true]),
        (act(Act::AddNode { node: node(), address: String::new() }), [false, false, true]),
        (
            act(Act::Action { node: node(), resource: resource(), action: "a".to_owned(), arguments: vec![] }),
            [false, false, true],
        ),
        (act(Act::Check { config: KEY, programs: true }), [false, false, true]),
        (act(Act::Check { config: KEY, programs: false }), [false, true, true]),
        (token(Purpose::Join(node())), [false, false, true]),
        (token(Purpose::Enrol("bob".into())), [false, true, true]),
        (token(Purpose::Enrol("admin".into())), [false, false, true]),
        (TrustChange::RenewUser { user: "admin".into() }.into(), [false, false, true]),
        (TrustChange::RemoveUser { user: "bob".into() }.into(), [false, true, true]),
        (
            TrustChange::AddUser { user: "eve".into(), rights: rights(Role::Administrator, None, false) }.into(),
            [false, true, true],
        ),
        (TrustChange::AddUser { user: "eve".into(), rights: Rights::ALL }.into(), [false, false, true]),
        (TrustChange::SetRights { user: "bob".into(), rights: Rights::ALL }.into(), [false, false, true]),
        (TrustChange::AddAuthority { authority: authority(KEY, "n1") }.into(), [false, false, true]),
        (TrustChange::RetireAuthority { authority: KEY, even_if_used: true }.into(), [false, false, true]),
    ];
    let who = [rights(Role::Operator, None, false), rights(Role::Administrator, None, false), Rights::ALL];
    for (request, expected) in table {
        for (rights, allowed) in who.iter().zip(expected) {
            let mut cluster = Trusted::new();
            cluster.add("bob", self::rights(Role::Reader, None, false));
            assert!(
                matches!(cluster.ask("bob", request.clone()), Some(Refusal::NotAllowed { .. })),
                "a reader: {request:?}"
            );
            cluster.add("carol", rights.clone());
            let refused = matches!(cluster.ask("carol", request.clone()), Some(Refusal::NotAllowed { .. }));
            assert_eq!(!refused, allowed, "{rights}: {request:?}");
            assert_eq!(cluster.ask_as("carol", 1, request.clone()), not_a_user("carol"), "an earlier certificate");
            assert_eq!(cluster.ask("nobody", request.clone()), not_a_user("nobody"));
        }
    }
}

#[test]
fn a_role_in_some_groups_is_for_these_alone() {
    let mut cluster = Trusted::new();
    cluster.add("bob", rights(Role::Operator, groups(&["web"]), false));
    assert_eq!(cluster.ask("bob", Verb::Freeze { group: "web".into(), terms: Default::default() }), None);
    let db = Scope::Groups(groups(&["db"]).unwrap_or_default());
    assert_eq!(
        cluster.ask("bob", Verb::Freeze { group: "db".into(), terms: Default::default() }),
        not_allowed("bob", Need::Operate(db.clone()))
    );
    let acknowledge = Verb::Acknowledge { group: "db".into() };
    assert_eq!(cluster.ask("bob", acknowledge), not_allowed("bob", Need::Operate(db.clone())));
    let restart = Verb::Restart { resource: "db1".into() };
    assert_eq!(cluster.ask("bob", restart), not_allowed("bob", Need::Operate(db)));
    let drain = Verb::Drain { server: "p1".into(), terms: Default::default() };
    assert_eq!(cluster.ask("bob", drain), not_allowed("bob", Need::Operate(Scope::Cluster)));
}

#[test]
fn a_configuration_needs_the_groups_that_it_changes_and_the_programs_that_it_chooses() {
    let apply = |change: &dyn Fn(&mut Cluster)| {
        let mut cluster = cluster();
        change(&mut cluster);
        Request::Configure { cluster: Arc::new(cluster), strand: false }
    };
    let web = apply(&|cluster| cluster.groups.get_mut("web").expect("declared").priority = 9);
    let db = apply(&|cluster| cluster.groups.get_mut("db").expect("declared").priority = 9);
    let site = apply(&|cluster| cluster.owner_mark = !cluster.owner_mark);
    let program = apply(&|cluster| {
        let Kind::Agent(agent) = &mut cluster.resources.get_mut("db1").expect("declared").kind else { panic!() };
        agent.attributes.insert("StartProgram".to_owned(), "/bin/true".to_owned());
    });
    // Of group web, of the cluster, and of the cluster with the right to choose programs.
    let table = [
        (web, [true, true, true]),
        (db, [false, true, true]),
        (site, [false, true, true]),
        (program, [false, false, true]),
    ];
    let who =
        [rights(Role::Administrator, groups(&["web"]), false), rights(Role::Administrator, None, false), Rights::ALL];
    for (request, expected) in table {
        for (rights, allowed) in who.iter().zip(expected) {
            let mut cluster = Trusted::new();
            cluster.add("carol", rights.clone());
            let answer = cluster.ask("carol", request.clone());
            assert_eq!(answer.is_none(), allowed, "{rights}: {answer:?}");
            cluster.add("bob", self::rights(Role::Operator, None, true));
            assert!(matches!(cluster.ask("bob", request.clone()), Some(Refusal::NotAllowed { .. })));
        }
    }
}

#[test]
fn who_is_removed_or_renewed_is_out_with_the_next_entry() {
    let mut cluster = Trusted::new();
    cluster.add("bob", rights(Role::Operator, None, false));
    let (first, freeze) = (cluster.id("bob"), Verb::Freeze { group: "web".into(), terms: Default::default() });
    assert_eq!(cluster.ask_as("bob", first, freeze.clone()), None);
    assert_eq!(cluster.ask("admin", TrustChange::RenewUser { user: "bob".into() }), None);
    assert_eq!(cluster.ask_as("bob", first, Verb::Unfreeze { group: "web".into() }), not_a_user("bob"));
    assert_eq!(cluster.ask("bob", Verb::Unfreeze { group: "web".into() }), None);
    let second = cluster.id("bob");
    assert_eq!(cluster.ask("admin", TrustChange::RemoveUser { user: "bob".into() }), None);
    assert_eq!(cluster.ask_as("bob", second, freeze.clone()), not_a_user("bob"));
    cluster.add("bob", rights(Role::Operator, None, false));
    assert_eq!(cluster.ask_as("bob", second, freeze), not_a_user("bob"), "another bob");
}

/// What one user has asked is answered from memory to nobody else, and keeps nobody else from asking.
#[test]
fn a_request_is_known_by_its_user_and_its_identity() {
    let mut cluster = Trusted::new();
    cluster.add("bob", rights(Role::Reader, None, false));
    let ask = |user: &str, id, group: &str| {
        let author = Author::User { user: user.into(), id, request: RequestId(1_000_000), from: Origin::default() };
        (author, Command::Request(Verb::Freeze { group: group.into(), terms: Default::default() }.into()))
    };
    let (author, freeze) = ask("admin", 0, "web");
    let first = cluster.case.apply(author.clone(), freeze.clone());
    assert!(first.refusal().is_none() && !first.audit.is_empty());
    let again = cluster.case.apply(author, freeze);
    assert_eq!((again.reply, again.audit.len()), (first.reply, 0), "it is answered as before, and not applied");
    for (user, id, refusal) in [
        (
            "bob",
            cluster.id("bob"),
            not_allowed("bob", Need::Operate(Scope::Groups(groups(&["db"]).unwrap_or_default()))),
        ),
        ("admin", 9, not_a_user("admin")),
        ("mallory", 0, not_a_user("mallory")),
    ] {
        let (author, freeze) = ask(user, id, "db");
        assert_eq!(cluster.case.apply(author, freeze).refusal().cloned(), refusal, "{user} {id}");
    }
}

#[test]
fn somebody_who_can_let_others_in_is_left() {
    let mut cluster = Trusted::new();
    let last = Some(Refusal::LastAdministrator { user: "admin".into() });
    let weaker = TrustChange::SetRights { user: "admin".into(), rights: rights(Role::Operator, None, false) };
    cluster.add("carol", rights(Role::Administrator, groups(&["web"]), true));
    assert_eq!(cluster.ask("admin", TrustChange::RemoveUser { user: "admin".into() }), last);
    assert_eq!(cluster.ask("admin", weaker.clone()), last);
    cluster.add("dora", rights(Role::Administrator, None, false));
    assert_eq!(cluster.ask("admin", weaker), None);
    assert_eq!(cluster.ask("dora", TrustChange::RemoveUser { user: "admin".into() }), None);
    let dora = Some(Refusal::LastAdministrator { user: "dora".into() });
    assert_eq!(cluster.ask("dora", TrustChange::RemoveUser { user: "dora".into() }), dora);
}

#[test]
fn users_have_names_that_certificates_can_bear() {
    let mut cluster = Trusted::new();
    let long = "x".repeat(65);
    for name in ["", "-x", ".x", "a b", "a/b", "a\u{1b}", "ä", &long] {
        let change = TrustChange::AddUser { user: name.into(), rights: rights(Role::Reader, None, false) };
        assert_eq!(cluster.ask("admin", change), Some(Refusal::BadUserName { user: name.into() }), "{name:?}");
    }
    let twice = TrustChange::AddUser { user: "admin".into(), rights: Rights::ALL };
    assert_eq!(cluster.ask("admin", twice), Some(Refusal::UserExists { user: "admin".into() }));
    let nobody = Some(Refusal::NoUser { user: "nobody".into() });
    assert_eq!(cluster.ask("admin", TrustChange::RenewUser { user: "nobody".into() }), nobody);
    assert_eq!(cluster.ask("admin", TrustChange::RemoveUser { user: "nobody".into() }), nobody);
    let same = TrustChange::SetRights { user: "admin".into(), rights: Rights::ALL };
    assert_eq!(cluster.ask("admin", same), Some(Refusal::NoChange));
}

fn token(purpose: Purpose) -> TrustChange {
    TrustChange::AddToken { token: TOKEN, purpose, lasts: Span::seconds(60) }
}

fn spend(key: Hash) -> Command {
    Command::Spend { token: TOKEN, key }
}

#[test]
fn a_token_is_good_once_for_one_key_and_for_its_time() {
    let mut cluster = Trusted::new();
    let bad = |refusal: Option<Refusal>| matches!(refusal, Some(Refusal::BadToken { .. }));
    assert!(bad(cluster.by_node(spend(KEY))), "nobody made it");
    assert_eq!(cluster.ask("admin", token(Purpose::Join("n3".into()))), None);
    assert!(bad(cluster.ask("admin", token(Purpose::Join("n4".into())))), "the same one again");
    assert_eq!(cluster.by_node(spend(KEY)), None);
    assert_eq!(cluster.by_node(spend(KEY)), None, "whoever lost the answer");
    assert!(bad(cluster.by_node(spend(OTHER_KEY))));
    cluster.case.now += 60_000;
    assert!(bad(cluster.by_node(spend(KEY))), "it has expired");
    // One that expired makes room.
    assert_eq!(cluster.ask("admin", token(Purpose::Join("n3".into()))), None);
    assert_eq!(cluster.ask("admin", Act::RemoveNode { node: "n3".into() }), None);
    assert!(bad(cluster.by_node(spend(KEY))), "the node was removed");
}

#[test]
fn tokens_of_a_user_end_with_the_user() {
    let mut cluster = Trusted::new();
    cluster.add("bob", rights(Role::Reader, None, false));
    let session = |cluster: &Trusted, user: &str| {
        Purpose::Session(Caller { user: user.into(), id: cluster.id(user), address: None })
    };
    let of_admin = token(session(&cluster, "admin"));
    let need = Need::Administer(Scope::Cluster);
    assert_eq!(cluster.ask("bob", of_admin), not_allowed("bob", need), "nobody speaks for another");
    let of_bob = token(session(&cluster, "bob"));
    assert_eq!(cluster.ask("bob", of_bob.clone()), None);
    assert!(cluster.by_node(spend(KEY)).is_some(), "a session certifies no key");
    let drop = TrustChange::DropToken { token: TOKEN };
    assert_eq!(cluster.ask("bob", drop.clone()), None);
    for end in [TrustChange::RenewUser { user: "bob".into() }, TrustChange::RemoveUser { user: "bob".into() }] {
        let of_bob = token(session(&cluster, "bob"));
        assert_eq!(cluster.ask("bob", of_bob), None);
        assert_eq!(cluster.ask("admin", end), None);
        assert!(cluster.case.ledger.trust.tokens.is_empty());
    }
    cluster.add("bob", rights(Role::Reader, None, false));
    assert_eq!(cluster.ask("admin", token(Purpose::Enrol("bob".into()))), None);
    assert_eq!(cluster.ask("admin", TrustChange::RemoveUser { user: "bob".into() }), None);
    assert!(cluster.case.ledger.trust.tokens.is_empty());
    assert!(cluster.ask("admin", drop).is_some());
}

#[test]
fn sessions_of_one_user_push_each_other_out() {
    let mut cluster = Trusted::new();
    cluster.add("bob", rights(Role::Reader, None, false));
    let session = || Purpose::Session(Caller { user: "bob".into(), id: 0, address: None });
    let made = |cluster: &mut Trusted, n: u8| {
        let id = cluster.id("bob");
        let purpose = Purpose::Session(Caller { user: "bob".into(), id, address: None });
        cluster.case.now += 1;
        let change = TrustChange::AddToken { token: Hash([n; 32]), purpose, lasts: Span::seconds(600) };
        cluster.ask("bob", change)
    };
    for n in 0..20 {
        assert_eq!(made(&mut cluster, n), None);
    }
    let left: Vec<u8> = cluster.case.ledger.trust.tokens.keys().map(|hash| hash.0[0]).collect();
    assert_eq!(left, (4..20).collect::<Vec<u8>>());
    let earlier = TrustChange::AddToken { token: TOKEN, purpose: session(), lasts: Span::seconds(60) };
    assert_eq!(cluster.ask("bob", earlier), not_a_user("bob"), "with the number of another certificate");
}

#[test]
fn what_nodes_do_for_a_user_is_permitted_once() {
    let mut cluster = Trusted::new();
    assert_eq!(cluster.ask("admin", Act::PromoteNode { node: "n2".into() }), None);
    let act = cluster.case.ledger.index;
    assert_eq!(cluster.case.ledger.trust.acts[&act], Act::PromoteNode { node: "n2".into() });
    let ended = || Command::Ended { act, failed: Some("it is not there".to_owned()) };
    assert_eq!(cluster.by_node(ended()), None);
    assert_eq!(cluster.by_node(ended()), Some(Refusal::NotPermitted { act }));
}

#[test]
fn users_make_requests_and_nodes_everything_else() {
    let mut cluster = Trusted::new();
    let user = |request| Author::first_user(RequestId(request));
    let business = |by: &str| Some(Refusal::NotItsBusiness { by: by.to_owned() });
    let grant = Command::Grant { group: "web".into(), server: "p1".into() };
    assert_eq!(cluster.apply(user(900), grant), business("admin"));
    assert_eq!(cluster.apply(user(901), spend(KEY)), business("admin"));
    let freeze = Command::Request(Verb::Freeze { group: "web".into(), terms: Default::default() }.into());
    assert_eq!(cluster.apply(Author::Agent("n1".into()), freeze.clone()), business("node n1"));
    assert_eq!(cluster.apply(Author::Planner("n1".into()), freeze), business("planner on n1"));
}

#[test]
fn every_deed_and_every_refusal_is_in_a_chain() {
    let mut cluster = Trusted::new();
    cluster.add("bob", rights(Role::Reader, None, false));
    cluster.ask("bob", Verb::Freeze { group: "web".into(), terms: Default::default() });
    cluster.ask("admin", Verb::Freeze { group: "web".into(), terms: Default::default() });
    cluster.ask("admin", Act::Check { config: KEY, programs: true });
    let act = cluster.case.ledger.index;
    cluster.by_node(Command::Ended { act, failed: None });
    cluster.by_node(spend(KEY));
    cluster.by_node(Command::Enlist { node: "n1".into(), incarnation: Incarnation(1) });
    let mallory = Caller { user: "mallory".into(), id: 5, address: Some([10, 0, 0, 9].into()) };
    let denied = Command::Denied {
        caller: mallory,
        what: "GET /v1/status".to_owned(),
        code: "not_a_user".to_owned(),
        times: 40,
    };
    let Command::Denied { caller, what, code, .. } = denied.clone() else { unreachable!("just made") };
    cluster.by_node(denied);
    cluster.by_node(Command::Denied { caller, what, code, times: 1 });
    let configure = Request::Configure { cluster: Arc::new(self::cluster()), strand: true };
    cluster.ask("admin", configure);
    let told: Vec<String> = cluster
        .audit
        .iter()
        .map(|one| {
            let refused = one.refused.as_deref().unwrap_or("done");
            format!("{} {:?} [{}] {}: {refused}", one.number, one.who, one.from, one.what)
        })
        .collect();
    let same = tenure_core::audit::digest(&self::cluster());
    let key = "01".repeat(32);
    let shown = "07".repeat(32);
    let last = format!("11 User(\"admin\", 0) [] apply --strand {same} after {same}: no_change");
    assert_eq!(
        told,
        [
            "2 User(\"admin\", 0) [] user add bob: reader: done",
            &format!("3 User(\"bob\", {}) [] group freeze web: not_allowed", cluster.id("bob")),
            "4 User(\"admin\", 0) [] group freeze web: done",
            &format!("5 User(\"admin\", 0) [] validate --agents {key}: done"),
            &format!("6 Node(n1) [] what was permitted at {act} is done: done"),
            &format!("7 Node(n1) [] token {shown} was shown: bad_token"),
            "8 Node(n1) [] its program starts: done",
            "9 User(\"mallory\", 5) [10.0.0.9 at n1] GET /v1/status: refused 40 times (not_a_user): done",
            "10 User(\"mallory\", 5) [10.0.0.9 at n1] GET /v1/status: refused once (not_a_user): done",
            &last,
        ]
    );
    let chain = cluster.case.ledger.trust.audit;
    assert_eq!((chain.count, chain.hash), (11, cluster.audit.last().map(|last| last.hash)));
    let whole =
        |audit: &[AuditRecord]| audit.windows(2).all(|pair| pair[1].hash == pair[1].expected(Some(pair[0].hash)));
    assert!(whole(&cluster.audit));
    let changes: [&dyn Fn(&mut AuditRecord); 6] = [
        &|one| one.number += 1,
        &|one| one.index += 1,
        &|one| one.at.0 += 1,
        &|one| one.what.push('x'),
        &|one| one.refused = Some("x".to_owned()),
        &|one| one.from.node = Some("n7".into()),
    ];
    for change in changes {
        let mut changed = cluster.audit.clone();
        change(&mut changed[3]);
        assert!(!whole(&changed));
    }
    let mut without = cluster.audit.clone();
    without.remove(4);
    assert!(!whole(&without));
}

#[test]
fn a_repeated_request_is_one_deed() {
    let mut cluster = Trusted::new();
    let freeze = || Command::Request(Verb::Freeze { group: "web".into(), terms: Default::default() }.into());
    let again = || Author::first_user(RequestId(77));
    cluster.apply(again(), freeze());
    cluster.apply(again(), freeze());
    assert_eq!(cluster.audit.len(), 1);
}

/// What the leader takes of another node, by the certificate of its connection.
#[test]
fn a_node_sends_what_it_did_itself_and_no_decision() {
    let entry =
        |author: Author, command: Command| Entry { at: Time(1), wall: Time(1), author, commands: vec![command] };
    let sent = |author: Author, command: Command| entry(author, command).sent_by(&"n1".into());
    let agent = |node: &str| Author::Agent(node.into());
    let (incarnation, node) = (Incarnation(1), |node: &str| NodeName::from(node));
    let own = [
        Command::Enlist { node: node("n1"), incarnation },
        Command::SpokenBy { node: node("n1"), incarnation },
        Command::Twice { node: node("n1"), older: incarnation },
        Command::HmcAccepts("hmc1".into()),
        Command::HmcContact { hmc: "hmc1".into(), trouble: None },
        spend(KEY),
        Command::Ended { act: 1, failed: None },
    ];
    for command in own {
        assert!(sent(agent("n1"), command.clone()).is_ok(), "{command:?}");
        assert!(sent(agent("n2"), command.clone()).is_err(), "in the name of another: {command:?}");
        assert!(sent(Author::Planner("n1".into()), command.clone()).is_err(), "as a planner: {command:?}");
    }
    let others = [
        Command::Enlist { node: node("n2"), incarnation },
        Command::SpokenBy { node: node("n2"), incarnation },
        Command::Twice { node: node("n2"), older: incarnation },
        Command::Grant { group: "web".into(), server: "p1".into() },
        Command::NodeOff("n2".into()),
        Command::Request(Verb::Disarm { terms: Default::default() }.into()),
    ];
    for command in others {
        assert!(sent(agent("n1"), command.clone()).is_err(), "{command:?}");
    }
    let asked =
        sent(Author::first_user(RequestId(1)), Command::Request(Verb::Disarm { terms: Default::default() }.into()))
            .expect("a user's request");
    let Author::User { from, .. } = asked.author else { panic!("{:?}", asked.author) };
    assert_eq!(from.node, Some("n1".into()), "where it came from is the leader's word");
}

#[test]
fn a_node_answers_its_own_orders() {
    let scene = crate::scene::Scene::new(cluster()).with(|scene| {
        let (group, resource) = ("web".into(), "web1".into());
        let start = Action::Start { group, resource, epoch: Epoch(1), vouched: Default::default(), home: None };
        scene.owes("p1", start);
    });
    let report = |author| {
        let report = Report {
            order: ORDER,
            ending: Ending::Unknown("x".into()),
            readings: Vec::new(),
            seen: Default::default(),
        };
        let entry = Entry { at: Time(1), wall: Time(1), author, commands: vec![Command::Report(report)] };
        let mut ledger = scene.ledger.clone();
        ledger.apply(ledger.index + 1, &entry).refusal().cloned()
    };
    assert_eq!(report(Author::Agent("n2".into())), Some(Refusal::NotItsBusiness { by: "node n2".to_owned() }));
    assert_eq!(report(Author::Agent("n1".into())), None);
}
