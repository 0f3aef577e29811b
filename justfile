# What to run. `just` lists it.

_default:
    @just --list

# What CI runs. Never writes.
verify:
    bash .ci/run

# Installs what the tests can use, on Debian, as root; with `tools` also what `just deny`, `sbom` and `package` use.
setup *ARGS:
    .ci/setup {{ARGS}}

# A cluster of two versions: from this one to the next feature level, or from the version of a commit or tag to this one.
mixed REF="":
    .ci/mixed {{REF}}

# Formats, and mends what clippy can mend.
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged

# The main job, told with a timeline.
demo *ARGS:
    cargo run --release --bin lab -- demo {{ARGS}}

# The emergencies of docs/operations.md, practised one after the other.
drills:
    cargo build --release --bin lab
    for drill in majority-lost disk-lost founder-lost all-lost account-locked certificates; do target/release/lab drill $drill || exit 1; done

# What thousands of strangers' connections cost: changes of leader, answers, memory.
flood *ARGS:
    cargo run --release --bin lab -- flood {{ARGS}}

# What a site of any size costs, at rest and in an emergency: `just scale --servers 16 --lpars 1250 --hmcs 2`.
scale *ARGS:
    cargo run --release --bin lab -- scale {{ARGS}}

# A site to play with, until Ctrl-C.
up *ARGS:
    cargo run --release --bin lab -- up {{ARGS}}

# Failover of Tenure and of Pacemaker side by side, on machines made of namespaces. As root, on Debian.
compare *ARGS:
    bash jepsen/compare/pacemaker.sh {{ARGS}}

# Plans after a loss, Tenure's and those of Pacemaker's scheduler.
compare-plans *ARGS:
    jepsen/compare/planning.py {{ARGS}}

# All tests.
test:
    cargo test --workspace

# Scenarios; writes what they lack, to be read before it is committed.
scenarios:
    UPDATE_SCENARIOS=1 cargo test --test scenarios

# Whole clusters of the daemon's own code in virtual time, with these seeds. See `jepsen/whole/tests/whole.rs` for more.
whole SEEDS=env_var_or_default("WHOLE_SEEDS", "1-100"):
    WHOLE_SEEDS={{SEEDS}} cargo test --release --workspace --test whole every_seed -- --nocapture

# Whole clusters with seeds that nobody has run before, for so many seconds.
whole-fresh SECONDS="600":
    FRESH_SECONDS={{SECONDS}} cargo test --release --workspace --test whole fresh_ -- --nocapture

# Bugs planted around the parts of those clusters: all that are known to be found, or with `hunt` which seeds find which.
whole-planted WHICH="found":
    WHOLE_PLANTS={{WHICH}} cargo test --release --workspace --test whole planted -- --nocapture

# Fuzzes every decoder and the ledger for so many seconds, or one of them: `just fuzz 3600 hmc`.
fuzz SECONDS="600" TARGET="":
    bash .ci/fuzz {{SECONDS}} {{TARGET}}

# Runs histories that nobody has run before for so many seconds; what fails is printed as a scenario.
swarm SECONDS="600":
    FRESH_SECONDS={{SECONDS}} cargo test --workspace --lib fresh_histories -- --nocapture

# Every short history of the tiny world, by so many steps longer than in every run.
explore DEEPER="1":
    DEEPER={{DEEPER}} cargo test --workspace --test explore no_short_history -- --nocapture

# Puts bugs into the sources of a scratch copy, one at a time, and shows what finds each; all of them, or those named.
mutants NAMES="all":
    MUTANTS={{NAMES}} cargo test --workspace --test mutants each_bug -- --nocapture

# Changes the rules in one place at a time, and shows which changes nothing notices; goes on where it was left, for so many seconds.
mutation SECONDS="1000000":
    jepsen/mutation.py --seconds {{SECONDS}}

# Licences, sources and known vulnerabilities of everything that is built in. Needs `cargo install --locked cargo-deny --version 0.20.2`.
deny:
    cargo deny check

# The bill of materials. Needs `cargo install --locked cargo-cyclonedx --version 0.5.9`.
sbom:
    .ci/sbom target/package/tenure.cdx.json

# The licence texts of everything that is built in.
licences:
    .ci/licences target/package/licences.txt

# Both programs, the same bytes in any directory.
release:
    .ci/release target/package

# All that is handed out: programs, checksums, bill of materials, licences, and the packages of them. Needs `just setup tools`.
package: release sbom licences
    .ci/packages

# Committed commands a second, planning, the disk.
bench:
    cargo bench -p tenure-raft
    cargo bench -p tenure-core
    cargo bench -p tenure-storage
