//! Rotation of the certificate authority: who signs, who is trusted, and until when.

use crate::site::{Case, site};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    Author, Command, Note, Outcome, Refusal, RequestId, Time, UserName,
    authority::{Authority, Certificate, Credential, Sealed, USER_CERTIFICATE_LASTS},
    trust::{Act, Hash, Purpose, Rights, Role, TrustChange},
};

const OLD: Hash = Hash([1; 32]);
const NEW: Hash = Hash([2; 32]);
const END: Time = Time(4_000_000_000_000);

/// An authority with its key sealed for one node.
pub fn authority(fingerprint: Hash, holder: &str) -> Authority {
    Authority {
        fingerprint,
        certificate: format!("certificate of {fingerprint}"),
        chain: None,
        expires: END,
        keys: BTreeMap::from([(holder.into(), Sealed(vec![7]))]),
    }
}

/// The credential of a node whose certificate one authority has signed, that trusts these, and holds these.
fn credential(signed: Hash, trusts: &[Hash], holds: &[Hash]) -> Credential {
    let certificate = Certificate { authority: signed, expires: Time(2_000_000_000_000) };
    let set = |all: &[Hash]| all.iter().copied().collect::<BTreeSet<Hash>>();
    Credential { seal: Hash([9; 32]), certificate, trusts: set(trusts), holds: set(holds) }
}

struct Rotation(Case);

impl Rotation {
    /// A cluster of three nodes with one authority, whose key n1 holds; one user, with a certificate for some time.
    fn new() -> Self {
        let mut rotation = Rotation(Case::watched(site(3)));
        let first_user = rotation.0.ledger.wall.after(USER_CERTIFICATE_LASTS);
        let found = Command::FoundAuthority { authority: authority(OLD, "n1"), first_user };
        assert_eq!(rotation.by("n1", found), None);
        for (node, holds) in [("n1", &[OLD][..]), ("n2", &[]), ("n3", &[])] {
            assert_eq!(rotation.says(node, OLD, &[OLD], holds), None);
        }
        rotation
    }

    fn apply(&mut self, author: Author, command: Command) -> Outcome {
        self.0.apply(author, command)
    }

    fn by(&mut self, node: &str, command: Command) -> Option<Refusal> {
        self.apply(Author::Agent(node.into()), command).refusal().cloned()
    }

    fn says(&mut self, node: &str, signed: Hash, trusts: &[Hash], holds: &[Hash]) -> Option<Refusal> {
        let credential = credential(signed, trusts, holds);
        self.by(node, Command::Certified { node: node.into(), credential })
    }

    fn ask(&mut self, request: impl Into<tenure_core::Request>) -> Option<Refusal> {
        self.0.requests += 1;
        let author = Author::first_user(RequestId(self.0.requests));
        self.apply(author, Command::Request(request.into())).refusal().cloned()
    }

    fn rotate(&mut self) -> Option<Refusal> {
        self.ask(TrustChange::AddAuthority { authority: authority(NEW, "n1") })
    }

    fn retire(&mut self, authority: Hash, even_if_used: bool) -> Option<Refusal> {
        self.ask(TrustChange::RetireAuthority { authority, even_if_used })
    }

    fn trusted(&self) -> Vec<Hash> {
        self.0.ledger.trust.authorities.iter().map(|authority| authority.fingerprint).collect()
    }

    fn signing(&self) -> Option<Hash> {
        self.0.ledger.trust.signing().map(|authority| authority.fingerprint)
    }
}

#[test]
fn the_next_authority_signs_when_every_node_trusts_it_and_one_has_its_key() {
    let mut rotation = Rotation::new();
    assert_eq!(rotation.rotate(), None);
    assert_eq!((rotation.trusted(), rotation.signing()), (vec![OLD, NEW], Some(OLD)));
    let again = rotation.ask(TrustChange::AddAuthority { authority: authority(Hash([3; 32]), "n1") });
    assert!(matches!(again, Some(Refusal::Rotating { nodes, .. }) if nodes.len() == 3));

    for node in ["n2", "n3", "n1"] {
        assert_eq!(rotation.says(node, OLD, &[OLD, NEW], &[]), None);
        assert_eq!(rotation.signing(), Some(OLD), "nobody could sign");
    }
    let credential = credential(OLD, &[OLD, NEW], &[OLD, NEW]);
    let signs = rotation.apply(Author::Agent("n1".into()), Command::Certified { node: "n1".into(), credential });
    assert!(signs.notes().any(|note| matches!(note, Note::AuthoritySigns { .. })), "{signs:?}");
    assert_eq!((rotation.trusted(), rotation.signing()), (vec![OLD, NEW], Some(NEW)));
    // A node that has an old copy of its files back changes nothing any more.
    assert_eq!(rotation.says("n3", OLD, &[OLD], &[]), None);
    assert_eq!(rotation.signing(), Some(NEW));
}

#[test]
fn a_node_that_is_removed_is_waited_for_no_more() {
    let mut rotation = Rotation::new();
    assert_eq!(rotation.rotate(), None);
    assert_eq!(rotation.says("n1", OLD, &[OLD, NEW], &[OLD, NEW]), None);
    assert_eq!(rotation.says("n2", OLD, &[OLD, NEW], &[]), None);
    assert_eq!(rotation.signing(), Some(OLD), "n3 is behind");
    let key = Command::Entrust { authority: NEW, node: "n3".into(), key: Sealed(vec![5]) };
    assert_eq!(rotation.by("n1", key.clone()), None);
    assert_eq!(rotation.ask(Act::RemoveNode { node: "n3".into() }), None);
    assert_eq!(rotation.signing(), Some(NEW));
    assert!(rotation.0.ledger.trust.authorities.iter().all(|authority| !authority.keys.contains_key("n3")));
    assert!(matches!(rotation.by("n1", key), Some(Refusal::NoNode(_))), "nothing is sealed for it any more");
}

#[test]
fn an_earlier_authority_is_trusted_as_long_as_something_of_it_is_in_use() {
    let mut rotation = Rotation::new();
    assert_eq!(rotation.rotate(), None);
    for node in ["n1", "n2", "n3"] {
        assert_eq!(rotation.says(node, OLD, &[OLD, NEW], &[OLD, NEW]), None);
    }
    let in_use = |refusal: Option<Refusal>, by: &str| {
        let fits = matches!(&refusal, Some(Refusal::AuthorityInUse { by: found, .. }) if found == by);
        assert!(fits, "{refusal:?}");
    };
    in_use(rotation.retire(OLD, true), "nodes n1, n2, n3");
    for node in ["n1", "n2", "n3"] {
        assert_eq!(rotation.says(node, NEW, &[OLD, NEW], &[OLD, NEW]), None);
    }
    in_use(rotation.retire(OLD, false), "users admin");
    // A new certificate does not void the user's other ones.
    assert_eq!(rotation.ask(Act::Certify { key: Hash([5; 32]) }), None);
    in_use(rotation.retire(OLD, false), "users admin");
    assert!(matches!(rotation.retire(NEW, true), Some(Refusal::AuthoritySigns { .. })));
    assert!(matches!(rotation.retire(Hash([4; 32]), true), Some(Refusal::NoAuthority { .. })));

    // When the last of them has expired, the next word of a node ends it.
    let mut expired = Rotation(rotation.0.clone());
    let later = expired.0.ledger.wall.after(USER_CERTIFICATE_LASTS).after(tenure_core::Span(1));
    expired.0.now = later.0;
    assert_eq!(expired.trusted(), [OLD, NEW]);
    assert_eq!(expired.says("n1", NEW, &[OLD, NEW], &[NEW]), None);
    assert_eq!((expired.trusted(), expired.signing()), (vec![NEW], Some(NEW)));

    assert_eq!(rotation.retire(OLD, true), None);
    assert_eq!((rotation.trusted(), rotation.signing()), (vec![NEW], Some(NEW)));
    let certificates = &rotation.0.ledger.trust.users["admin"].certificates;
    assert_eq!(certificates.keys().collect::<Vec<_>>(), [&NEW]);
}

#[test]
fn a_rotation_can_be_called_off() {
    let mut rotation = Rotation::new();
    assert_eq!(rotation.rotate(), None);
    assert_eq!(rotation.retire(NEW, false), None);
    assert_eq!((rotation.trusted(), rotation.signing()), (vec![OLD], Some(OLD)));
    assert_eq!(rotation.rotate(), None, "and begun again");
}

#[test]
fn a_key_is_sealed_for_who_lacks_it_once() {
    let mut rotation = Rotation::new();
    let key = |number| Command::Entrust { authority: OLD, node: "n2".into(), key: Sealed(vec![number]) };
    assert_eq!(rotation.by("n1", key(1)), None);
    assert_eq!(rotation.by("n3", key(2)), Some(Refusal::NoChange));
    assert_eq!(rotation.0.ledger.trust.authorities[0].keys["n2"], Sealed(vec![1]));
    // It could not be opened: it is sealed again.
    assert_eq!(rotation.says("n2", OLD, &[OLD], &[]), None);
    assert_eq!(rotation.by("n1", key(3)), None);
    assert_eq!(rotation.says("n2", OLD, &[OLD], &[OLD]), None);
    assert_eq!(rotation.says("n2", OLD, &[OLD], &[OLD]), Some(Refusal::NoChange));
    assert_eq!(rotation.0.ledger.trust.holders(&OLD).len(), 2);
    let long = Command::Entrust { authority: OLD, node: "n3".into(), key: Sealed(vec![0; 5000]) };
    assert!(matches!(rotation.by("n1", long), Some(Refusal::NotUnderstood(_))));
}

#[test]
fn a_node_speaks_of_its_own_certificate_and_founds_nothing_twice() {
    let mut rotation = Rotation::new();
    let other = Command::Certified { node: "n2".into(), credential: credential(NEW, &[NEW], &[NEW]) };
    assert!(matches!(rotation.by("n1", other), Some(Refusal::NotItsBusiness { .. })));
    let found = Command::FoundAuthority { authority: authority(NEW, "n1"), first_user: END };
    assert_eq!(rotation.by("n1", found), Some(Refusal::NoChange));
    assert_eq!(rotation.trusted(), [OLD]);
}

#[test]
fn a_users_certificate_is_as_long_as_the_ledger_says() {
    let mut rotation = Rotation::new();
    let end = |rotation: &Rotation, user: &str| rotation.0.ledger.trust.users[user].certificates.get(&OLD).copied();
    let year = |rotation: &Rotation| Some(rotation.0.ledger.wall.after(USER_CERTIFICATE_LASTS));
    let rights = Rights { role: Role::Reader, groups: None, programs: false };
    assert_eq!(rotation.ask(TrustChange::AddUser { user: "bob".into(), rights }), None);
    assert_eq!(end(&rotation, "bob"), None);
    let (token, key) = (Hash([5; 32]), Hash([6; 32]));
    let purpose = Purpose::Enrol("bob".into());
    let add = TrustChange::AddToken { token, purpose, lasts: tenure_core::Span::seconds(60) };
    assert_eq!(rotation.ask(add), None);
    assert_eq!(rotation.by("n2", Command::Spend { token, key }), None);
    assert_eq!(end(&rotation, "bob"), year(&rotation));
    assert_eq!(rotation.ask(TrustChange::RenewUser { user: "bob".into() }), None);
    assert_eq!(end(&rotation, "bob"), None, "void with its number");

    assert_eq!(rotation.ask(Act::Certify { key }), None);
    assert_eq!(end(&rotation, "admin"), year(&rotation));
    // Nothing outlives its authority.
    rotation.0.now = END.0 - 5;
    assert_eq!(rotation.ask(Act::Certify { key }), None);
    assert_eq!(end(&rotation, "admin"), Some(END));
    assert!(rotation.0.ledger.trust.users.contains_key(&UserName::from("bob")));
}
