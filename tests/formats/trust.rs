//! Samples of who may do what.

use super::named::whole;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    Level, Span, Time, UserName,
    audit::Chain,
    authority::{Authority, Certificate, Credential, Sealed},
    ledger::Trust,
    trust::{Act, Caller, Hash, LogLevel, Purpose, Rights, Role, Token, TrustChange, User},
};

const TOKEN: Hash = Hash([7; 32]);

fn rights() -> Vec<Rights> {
    let groups = Some(["web".into(), "db".into()].into());
    vec![
        Rights::ALL,
        Rights { role: Role::Operator, groups, programs: false },
        Rights { role: Role::Reader, groups: None, programs: false },
    ]
}

pub fn caller() -> Caller {
    Caller { user: "bob".into(), id: 300, address: Some([10, 0, 0, 9].into()) }
}

pub fn changes() -> Vec<TrustChange> {
    let user = || UserName::from("bob");
    let token = |purpose| TrustChange::AddToken { token: TOKEN, purpose, lasts: Span::seconds(3600) };
    let mut all = vec![
        TrustChange::RenewUser { user: user() },
        TrustChange::RemoveUser { user: user() },
        TrustChange::DropToken { token: TOKEN },
        TrustChange::SetRights { user: user(), rights: Rights::ALL },
        TrustChange::AddAuthority { authority: authority(5) },
        TrustChange::RetireAuthority { authority: Hash([5; 32]), even_if_used: true },
    ];
    all.extend(rights().into_iter().map(|rights| TrustChange::AddUser { user: user(), rights }));
    all.extend(purposes().into_iter().map(token));
    whole(all)
}

pub fn authority(number: u8) -> Authority {
    Authority {
        fingerprint: Hash([number; 32]),
        certificate: "-----BEGIN CERTIFICATE-----".to_owned(),
        chain: (number > 5).then(|| "-----BEGIN CERTIFICATE-----".to_owned()),
        expires: Time(2_100_000_000_000),
        keys: BTreeMap::from([("p4".into(), Sealed(vec![1, 2, 3]))]),
    }
}

pub fn credential() -> Credential {
    Credential {
        seal: Hash([8; 32]),
        certificate: Certificate { authority: Hash([5; 32]), expires: Time(1_800_000_000_000) },
        trusts: [Hash([5; 32]), Hash([6; 32])].into(),
        holds: [Hash([5; 32])].into(),
    }
}

fn purposes() -> Vec<Purpose> {
    whole(vec![Purpose::Join("p4".into()), Purpose::Enrol("bob".into()), Purpose::Session(caller())])
}

pub fn acts() -> Vec<Act> {
    whole(vec![
        Act::AddNode { node: "p4".into(), address: "p4.site:7100".to_owned() },
        Act::PromoteNode { node: "p4".into() },
        Act::RemoveNode { node: "p4".into() },
        Act::Transfer { to: Some("p2".into()) },
        Act::Transfer { to: None },
        Act::Action {
            node: "p1".into(),
            resource: "ip1".into(),
            action: "pause".to_owned(),
            arguments: vec!["10".to_owned()],
        },
        Act::Describe { node: "p1".into(), resource: "ip1".into() },
        Act::Check { config: Hash([2; 32]), programs: true },
        Act::LogLevel { node: "p1".into(), level: LogLevel::Debug, lasts: Span::seconds(600) },
        Act::Certify { key: Hash([3; 32]) },
        Act::StopNode { node: "p2".into(), frozen: BTreeSet::from(["web".into()]) },
        Act::Raise { level: Level(2) },
        Act::SaveBackup,
    ])
}

pub fn trust() -> Trust {
    let user = |(id, rights)| {
        let certificates = BTreeMap::from([(Hash([5; 32]), Time(1_800_000_000_000))]);
        let user = User { id, rights, since: Time(1_700_000_000_000), by: "admin".into(), certificates };
        (UserName::from(format!("user{id}")), user)
    };
    let token = |(number, purpose): (u8, Purpose)| {
        let spent = (number > 0).then_some(Hash([9; 32]));
        (Hash([number; 32]), Token { purpose, by: "admin".into(), expires: Time(1_800_000_000_000), spent })
    };
    Trust {
        users: (0..).zip(rights()).map(user).collect(),
        tokens: (0..).zip(purposes()).map(token).collect(),
        acts: BTreeMap::from_iter((300..).zip(acts())),
        authorities: vec![authority(5), authority(6)],
        signs: 1,
        nodes: BTreeMap::from([("p4".into(), credential())]),
        audit: Chain { count: 1 << 40, hash: Some(Hash([4; 32])) },
    }
}
